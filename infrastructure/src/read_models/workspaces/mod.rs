//! Workspaces: one row each, in its own workspace, by its own id.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;

use super::rows::{Needed, Rows};
use super::table::{Scope, load};
use crate::batch::Batch;
pub(super) use fold::{Row, fold};
pub(super) use table::{COLUMNS, TABLE, decode, retention};

pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &mut Batch,
    scope: Scope<'_>,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    let mut needed = Needed::new();
    for (id, event) in events.iter().filter_map(of_a_workspace) {
        needed.own_event(id, event.version);
    }
    let ids = needed.load(WorkspaceId::uuid);
    let loaded = load(connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let mut rows = Rows::loaded(loaded, |row: &Row| row.view.id);
    for (id, event) in events.iter().filter_map(of_a_workspace) {
        fold(rows.change(id), id, event);
    }
    // A workspace is never deleted.
    let (written, _) = rows.into_changes(WorkspaceId::uuid);
    table::write(batch, scope, &written);
    Ok(())
}

fn of_a_workspace(event: &RecordedEvent) -> Option<(WorkspaceId, &RecordedEvent)> {
    if let StreamId::Workspace(id) = event.stream { Some((id, event)) } else { None }
}
