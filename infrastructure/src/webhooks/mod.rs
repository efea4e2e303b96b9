//! Webhooks: their deliveries in Postgres, and the way out to their receivers.
//!
//! Cast:
//! - [`ownership`]: which node delivers for which endpoint, by a lease in the row that says how far the endpoint is;
//! - [`line`](mod@line): deliveries take their places in the lines of their lanes;
//! - [`heads`]: what is first in each line, and what becomes of it;
//! - [`replays`]: deliveries that stand in line once more, by hand or by a replay;
//! - [`pruning`]: what is old goes; [`forgetting`]: what was answered about what an erasure destroys, or retention;
//! - [`transport`]: [`HttpTransport`], which judges every address that it connects to; [`resolver`]: the system's.
//!
//! Everything that changes an endpoint's deliveries changes its row of `webhook_cursors` first, in the same
//! transaction: that is the fence, and it lets one after the other.

pub(crate) mod forgetting;
mod heads;
mod line;
mod ownership;
mod pruning;
mod replays;
mod resolver;
pub(crate) mod rows;
mod transport;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::gateway::LEASE_EXPIRY;
use interflow_application::log::LogError;
use interflow_application::webhook::Lane;
use interflow_application::webhook::ports::{
    DeliveryStore, EndpointId, Lease, Next, Replay, Roster, Settled, Stretch, Taken,
};
use interflow_domain::{DeliveryId, JobId, WorkspaceId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::event_log::log_error;

pub use resolver::SystemResolver;
pub use transport::{HttpTransport, Timeouts};

/// [`DeliveryStore`] on Postgres, for one node.
#[derive(Debug, Clone)]
pub struct PgDeliveries {
    pool: PgPool,
    node: Uuid,
    expiry: Duration,
}

impl PgDeliveries {
    /// Deliveries in this database, for this node. Whether nodes are alive is what their heartbeats say
    /// ([`Leases::heartbeat`](interflow_application::gateway::Leases::heartbeat)).
    #[must_use]
    pub const fn new(pool: PgPool, node_id: Uuid) -> Self {
        Self { pool, node: node_id, expiry: LEASE_EXPIRY }
    }

    /// Nodes that were not heard of for so long have lost their leases. The same on every node of a database.
    #[must_use]
    pub fn expiring_after(self, expiry: Duration) -> Self {
        Self { expiry, ..self }
    }
}

#[async_trait]
impl DeliveryStore for PgDeliveries {
    async fn roster(&self) -> Result<Roster, LogError> {
        ownership::roster(self).await.map_err(log_error)
    }

    async fn acquire(&self, endpoint: EndpointId) -> Result<Option<Taken>, LogError> {
        ownership::acquire(self, endpoint).await.map_err(log_error)
    }

    async fn release(&self, lease: Lease) -> Result<(), LogError> {
        ownership::release(self, lease).await.map_err(log_error)
    }

    async fn enqueue(&self, lease: Lease, stretch: &Stretch) -> Result<Option<u32>, LogError> {
        line::enqueue(&self.pool, lease, stretch).await.map_err(log_error)
    }

    async fn enqueue_again(
        &self,
        lease: Lease,
        replay: Replay,
        stretch: &Stretch,
    ) -> Result<Option<Replay>, LogError> {
        replays::enqueue_again(&self.pool, lease, replay, stretch).await.map_err(log_error)
    }

    async fn end_replay(&self, endpoint: EndpointId, job: JobId) -> Result<(), LogError> {
        replays::end(&self.pool, endpoint, job).await.map_err(log_error)
    }

    async fn next(&self, lease: Lease, busy: &[Lane], limit: u32) -> Result<Option<Next>, LogError> {
        heads::next(&self.pool, lease, busy, limit).await.map_err(log_error)
    }

    async fn settle(&self, lease: Lease, settled: &Settled) -> Result<Option<u32>, LogError> {
        heads::settle(&self.pool, lease, settled).await.map_err(log_error)
    }

    async fn prune(&self, now: DateTime<Utc>, retention: Duration, limit: u32) -> Result<u64, LogError> {
        pruning::prune(&self.pool, now, retention, limit).await.map_err(log_error)
    }

    async fn redeliver(
        &self,
        endpoint: EndpointId,
        delivery: DeliveryId,
        now: DateTime<Utc>,
    ) -> Result<bool, LogError> {
        replays::redeliver(&self.pool, endpoint, delivery, now).await.map_err(log_error)
    }

    async fn replay(&self, endpoint: EndpointId, replay: Replay) -> Result<bool, LogError> {
        replays::begin(&self.pool, endpoint, replay).await.map_err(log_error)
    }

    async fn position_at(&self, workspace: WorkspaceId, at: DateTime<Utc>) -> Result<u64, LogError> {
        replays::position_at(&self.pool, workspace, at).await.map_err(log_error)
    }
}
