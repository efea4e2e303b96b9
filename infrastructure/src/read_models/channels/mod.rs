//! Channels, also called instances, that are not deleted.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::InstanceId;
use sqlx::PgConnection;

use super::rows::{Needed, Rows};
use super::table::{Scope, delete, load};
use crate::batch::Batch;
pub(super) use fold::{Row, fold};
pub(super) use table::{COLUMNS, TABLE, decode};

pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &mut Batch,
    scope: Scope<'_>,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    let mut needed = Needed::new();
    for (id, event) in events.iter().filter_map(of_an_instance) {
        needed.own_event(id, event.version);
    }
    let ids = needed.load(InstanceId::uuid);
    let loaded = load(connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let mut rows = Rows::loaded(loaded, |row| row.view.id);
    for (id, event) in events.iter().filter_map(of_an_instance) {
        fold(rows.change(id), event);
    }
    let (written, deleted) = rows.into_changes(InstanceId::uuid);
    table::write(batch, scope, &written)?;
    delete(batch, scope, TABLE, &deleted);
    Ok(())
}

fn of_an_instance(event: &RecordedEvent) -> Option<(InstanceId, &RecordedEvent)> {
    if let StreamId::Instance(id) = event.stream { Some((id, event)) } else { None }
}
