//! Customers that are not deleted.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::CustomerId;
use sqlx::PgConnection;

use super::rows::{Needed, Rows};
use super::table::{Scope, delete, load};
use crate::batch::Batch;
pub(super) use fold::Row;
use fold::fold;
pub(super) use table::{COLUMNS, TABLE, decode};

pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &mut Batch,
    scope: Scope,
    events: &[RecordedEvent],
) -> Result<(), sqlx::Error> {
    let mut needed = Needed::new();
    for (id, event) in events.iter().filter_map(of_a_customer) {
        needed.own_event(id, event.version);
    }
    let ids = needed.load(CustomerId::uuid);
    let loaded = load(connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let mut rows = Rows::loaded(loaded, |row| row.view.id);
    for (id, event) in events.iter().filter_map(of_a_customer) {
        fold(rows.change(id), event);
    }
    let (written, deleted) = rows.into_changes(CustomerId::uuid);
    table::write(batch, scope, &written)?;
    delete(batch, scope, TABLE, &deleted);
    Ok(())
}

fn of_a_customer(event: &RecordedEvent) -> Option<(CustomerId, &RecordedEvent)> {
    if let StreamId::Customer(id) = event.stream { Some((id, event)) } else { None }
}
