//! Reading logs from their beginning, for what is made again from them.

use interflow_application::log::RecordedEvent;
use interflow_domain::WorkspaceId;
use sqlx::{PgConnection, PgPool};

use super::data_keys::DataKeys;
use super::failure::Failure;
use super::{PgEventLog, reader};

/// A reader with a memory of its own for keys: as old as itself, so whoever compares the head's count of erasures
/// before and after knows that nothing was opened with a key that was destroyed in between.
pub(crate) struct Replay {
    pub(super) keys: DataKeys,
}

impl Replay {
    /// Up to `limit` events after a position, in order, on this connection.
    pub(crate) async fn after(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, Failure> {
        let events = reader::after(connection, &self.keys, workspace, after, limit).await?;
        events.into_iter().map(reader::Opened::recorded).collect()
    }
}

impl PgEventLog {
    pub(crate) fn replay(&self) -> Replay {
        Replay { keys: self.inner.keys.afresh() }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.inner.pool
    }
}
