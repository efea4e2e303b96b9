//! Customers that are not deleted.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::CustomerId;
use sqlx::PgConnection;

use super::columns::json_text;
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
    scope.remember(TABLE, written, |row| (row.view.id.uuid(), bytes(row)));
    Ok(())
}

/// About what a row holds outside of itself.
fn bytes(Row { view, .. }: &Row) -> usize {
    let texts = [&view.name, &view.email, &view.phone, &view.lid, &view.external_id];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let tags: usize = view.tags.iter().map(|tag| size_of::<String>() + tag.len()).sum();
    let attributes = &view.attributes;
    let attributes =
        if attributes.is_empty() { 0 } else { json_text(attributes).map_or(0, |text| text.len()) };
    // A map of values takes more than its text.
    texts + tags + 4 * attributes
}

fn of_a_customer(event: &RecordedEvent) -> Option<(CustomerId, &RecordedEvent)> {
    if let StreamId::Customer(id) = event.stream { Some((id, event)) } else { None }
}
