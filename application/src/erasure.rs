//! Forgetting a customer, and what is left of it: a certificate.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::customer::{Destroyed, ErasureReason};
use interflow_domain::{CustomerId, EventId};

use crate::{Context, Error};

/// What proves an erasure: the last event of the customer's stream. Nothing of it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The event.
    pub event: EventId,
    /// Its place in the workspace's log.
    pub position: u64,
    /// Who was erased.
    pub customer: CustomerId,
    /// When.
    pub erased_at: DateTime<Utc>,
    /// Why.
    pub reason: Option<ErasureReason>,
    /// What was destroyed.
    pub destroyed: Destroyed,
}

/// Destroys what is known of customers.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Erases a customer in one transaction, also one that was deleted. One that was erased before is left as it is, and
    /// its certificate is given again.
    ///
    /// No append of any process that was decided on what is destroyed here is written after it. The WhatsApp sessions
    /// that knew the customer lose their leases, and begin anew without it.
    async fn erase(
        &self,
        context: &Context,
        customer: CustomerId,
        reason: Option<ErasureReason>,
    ) -> Result<Certificate, Error>;
}
