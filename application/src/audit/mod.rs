//! The audit: every event with all that is known of it, and what followed from a request.
//!
//! Cast:
//! - an [`AuditEvent`] is an event as an auditor sees it: who, when, because of what, from where, and what it says, with
//!   what was erased marked and what is secret left out ([`shown`]);
//! - an [`EventFilter`] says which of the log are wanted, a [`Stretch`] which part of them;
//! - a [`Trail`] is what followed from one request: events, sends that wait, deliveries of webhooks and their attempts, each
//!   below what it follows from;
//! - the [`ReadAudit`] notes who has seen what.

mod events;
mod reads;
mod shown;
mod trail;

use async_trait::async_trait;
use interflow_domain::WorkspaceId;

use crate::log::LogError;

pub use events::{
    Aggregate, AuditEvent, Circumstances, ClientAddress, EventFilter, Found, Span, Stretch, named_actor,
};
pub use reads::{ReadAudit, ReadEntry, ReadFilter, ReadFound, ReadStore, ReadsFound, Seen};
pub use shown::shown;
pub use trail::{AttemptMade, DeliveryMade, Followed, Node, Trail, WaitingSend};

/// Looks into logs for auditors. Everything is within one workspace.
#[async_trait]
pub trait AuditReads: Send + Sync {
    /// Part of what a filter lets through.
    async fn events(
        &self,
        workspace: WorkspaceId,
        filter: &EventFilter,
        stretch: Stretch,
    ) -> Result<Found, LogError>;

    /// What followed from a request, by its correlation id: the events after a position, at most so many, in order, with
    /// what became of them.
    async fn followed(
        &self,
        workspace: WorkspaceId,
        correlation: &str,
        after: u64,
        limit: u32,
    ) -> Result<Followed, LogError>;
}
