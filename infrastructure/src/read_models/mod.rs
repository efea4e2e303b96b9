//! The read models: what the log amounts to, as rows that answer questions.
//!
//! They are written in the append itself ([`apply`]), so a read after a write's answer always sees it, and nothing
//! ever waits for a projection. A group of appends costs each table at most one statement that loads the rows it
//! touches, one that writes and one that deletes; in between, pure functions fold the events in, in the order of
//! their positions, to one final row a key. So any grouping of the same events leaves the same rows.
//!
//! Cast:
//! - [`customers`], [`channels`], [`webhooks`], [`api_keys`], [`workspaces`]: a table each, with its `fold` (pure) and its `table`
//!   (SQL);
//! - [`conversations`]: chats and messages, which change each other's rows;
//! - [`jobs`], whose counts move with their messages;
//! - [`reads`]: [`PgReads`], which answers the application's questions;
//! - [`past`]: [`PgPast`], which answers them as of any position of the log, by the same folds;
//! - [`definitions`]: which projections there are, and by what definition each makes its rows.
//!
//! Every row belongs to a generation. A workspace's head names the one that is written and read; a rebuild
//! ([`projections`](crate::projections)) fills the next one aside, from the same [`apply`].

mod api_keys;
mod channels;
mod columns;
mod conversations;
mod customers;
pub(crate) mod definitions;
mod jobs;
mod past;
mod reads;
mod rows;
mod table;
#[cfg(test)]
mod testing;
mod webhooks;
mod workspaces;

use interflow_application::log::RecordedEvent;
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;

use crate::batch::Batch;

pub use definitions::{PROJECTIONS, Projection};
pub use past::PgPast;
pub use reads::PgReads;
pub(crate) use table::RowCache;

/// Makes the rows of a generation show these events.
///
/// To be called in the transaction that appends them, under the lock of the workspace's head, with all events of the
/// group in the order of their positions.
pub async fn apply(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    generation: i32,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    if events.first().is_some_and(|event| event.position == 1) {
        let scope = table::Scope { workspace: workspace.uuid(), generation, cache: None };
        definitions::record(connection, scope).await?;
    }
    let mut batch = Batch::default();
    write(connection, &mut batch, (workspace, generation), None, events).await?;
    if batch.is_empty() { Ok(()) } else { batch.run(connection, "SELECT 0::bigint").await.map(drop) }
}

/// The same as writes that are still to be carried out. What the rows are now is read here: whoever reads without
/// having locked the head must carry the writes out only if the head has not moved. The cache, where there is one, is
/// of this head, and says from now on what the rows will be.
pub(crate) async fn write(
    connection: &mut PgConnection,
    batch: &mut Batch,
    (workspace, generation): (WorkspaceId, i32),
    cache: Option<&RowCache>,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    let scope = table::Scope { workspace: workspace.uuid(), generation, cache };
    workspaces::apply(connection, batch, scope, events).await?;
    api_keys::apply(connection, batch, scope, events).await?;
    channels::apply(connection, batch, scope, events).await?;
    webhooks::apply(connection, batch, scope, events).await?;
    customers::apply(connection, batch, scope, events).await?;
    let moves = conversations::apply(connection, batch, scope, events).await?;
    jobs::apply(connection, batch, scope, events, &moves).await
}
