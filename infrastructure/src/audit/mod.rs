//! Looking into logs for auditors.
//!
//! Every condition has an index that finds what it lets through in the order of positions, so a page costs the same
//! however long a log is. Of several conditions one finds, and the others are tried on what it found; when so many did
//! not fit that a page would take long, it says where to go on.

mod events;
mod followed;
mod places;
mod reads;

use async_trait::async_trait;
use interflow_application::audit::{AuditReads, EventFilter, Followed, Found, Stretch};
use interflow_application::log::LogError;
use interflow_domain::WorkspaceId;

use crate::event_log::PgEventLog;

pub(crate) use places::{SKEW, position_at};
pub use reads::PgReadStore;

/// [`AuditReads`] on Postgres.
#[derive(Clone)]
pub struct PgAudit {
    log: PgEventLog,
}

impl PgAudit {
    /// Of the logs in this database.
    #[must_use]
    pub const fn new(log: PgEventLog) -> Self {
        Self { log }
    }
}

#[async_trait]
impl AuditReads for PgAudit {
    async fn events(
        &self,
        workspace: WorkspaceId,
        filter: &EventFilter,
        stretch: Stretch,
    ) -> Result<Found, LogError> {
        Ok(events::find(&self.log, workspace, filter, stretch).await?)
    }

    async fn followed(
        &self,
        workspace: WorkspaceId,
        correlation: &str,
        after: u64,
        limit: u32,
    ) -> Result<Followed, LogError> {
        Ok(followed::find(&self.log, workspace, correlation, (after, limit)).await?)
    }
}
