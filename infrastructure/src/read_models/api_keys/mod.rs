//! API keys that work, but for their expiry.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{Event, RecordedEvent};
use interflow_domain::workspace::WorkspaceEvent;
use interflow_domain::{KeyId, WorkspaceId};

use super::rows::Rows;
use super::table::{Scope, delete};
use crate::batch::Batch;
pub(super) use fold::Row;
use fold::fold;
pub(super) use table::{COLUMNS, TABLE, decode};

pub(super) fn apply(batch: &mut Batch, scope: Scope, events: &[RecordedEvent]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::loaded([], |row: &Row| row.view.id);
    for event in events {
        if let Some(id) = key_of(event) {
            fold(rows.change(id), WorkspaceId::new(scope.workspace), event);
        }
    }
    let (written, deleted) = rows.into_changes(KeyId::uuid);
    table::write(batch, scope, &written)?;
    delete(batch, scope, TABLE, &deleted);
    Ok(())
}

const fn key_of(event: &RecordedEvent) -> Option<KeyId> {
    match &event.event {
        Event::Workspace(
            WorkspaceEvent::KeyIssued { key_id, .. } | WorkspaceEvent::KeyRevoked { key_id },
        ) => Some(*key_id),
        _ => None,
    }
}
