//! API keys that work, but for their expiry.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{Event, RecordedEvent};
use interflow_domain::KeyId;
use interflow_domain::workspace::WorkspaceEvent;
use sqlx::PgConnection;

use super::rows::{Needed, Rows};
use super::table::{Scope, delete, load};
use crate::batch::Batch;
pub(super) use fold::{Row, fold};
pub(super) use table::{COLUMNS, COLUMNS_WITH_USE, TABLE, decode};

pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &mut Batch,
    scope: Scope<'_>,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    let mut needed = Needed::new();
    for event in events.iter().filter_map(of_workspace) {
        match event {
            WorkspaceEvent::KeyIssued { key_id, .. } => needed.own_event(*key_id, 1),
            WorkspaceEvent::KeyRotated { key_id, .. } => needed.also(*key_id),
            _ => {}
        }
    }
    let ids = needed.load(KeyId::uuid);
    let loaded = load(connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let mut rows = Rows::loaded(loaded, |row: &Row| row.view.id);
    for event in events {
        if let Some(id) = of_workspace(event).and_then(key_of) {
            fold(rows.change(id), event);
        }
    }
    let (written, deleted) = rows.into_changes(KeyId::uuid);
    table::write(batch, scope, &written)?;
    delete(batch, scope, TABLE, &deleted);
    Ok(())
}

const fn of_workspace(event: &RecordedEvent) -> Option<&WorkspaceEvent> {
    if let Event::Workspace(event) = &event.event { Some(event) } else { None }
}

const fn key_of(event: &WorkspaceEvent) -> Option<KeyId> {
    match event {
        WorkspaceEvent::KeyIssued { key_id, .. }
        | WorkspaceEvent::KeyRotated { key_id, .. }
        | WorkspaceEvent::KeyRevoked { key_id } => Some(*key_id),
        _ => None,
    }
}
