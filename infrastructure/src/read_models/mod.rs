//! The read models: what the log amounts to, as rows that answer questions.
//!
//! They are written in the append itself ([`apply`]), so a read after a write's answer always sees it, and nothing
//! ever waits for a projection. A group of appends costs each table at most one statement that loads the rows it
//! touches, one that writes and one that deletes; in between, pure functions fold the events in, in the order of
//! their positions, to one final row a key. So any grouping of the same events leaves the same rows.
//!
//! Cast:
//! - [`customers`], [`channels`], [`api_keys`]: a table each, with its `fold` (pure) and its `table` (SQL);
//! - [`conversations`]: chats and messages, which change each other's rows;
//! - [`reads`]: [`PgReads`], which answers the application's questions.
//!
//! Every row belongs to a generation. A workspace's head names the one that is written and read; a rebuild fills the
//! next one aside, from the same [`apply`].

mod api_keys;
mod channels;
mod columns;
mod conversations;
mod customers;
mod reads;
mod rows;
mod table;
#[cfg(test)]
mod testing;

use interflow_application::log::RecordedEvent;
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;

pub use reads::PgReads;

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
    let scope = table::Scope { workspace: workspace.uuid(), generation };
    api_keys::apply(connection, scope, events).await?;
    channels::apply(connection, scope, events).await?;
    customers::apply(connection, scope, events).await?;
    conversations::apply(connection, scope, events).await
}
