//! Webhook endpoints that are not deleted: how they stand, and not what they are, which holds secrets.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::WebhookId;
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
    for (id, event) in events.iter().filter_map(of_a_webhook) {
        needed.own_event(id, event.version);
    }
    let ids = needed.load(WebhookId::uuid);
    let loaded = load(connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let mut rows = Rows::loaded(loaded, |row: &Row| row.view.id);
    for (id, event) in events.iter().filter_map(of_a_webhook) {
        fold(rows.change(id), event);
    }
    let (written, deleted) = rows.into_changes(WebhookId::uuid);
    table::write(batch, scope, &written);
    delete(batch, scope, TABLE, &deleted);
    Ok(())
}

fn of_a_webhook(event: &RecordedEvent) -> Option<(WebhookId, &RecordedEvent)> {
    if let StreamId::Webhook(id) = event.stream { Some((id, event)) } else { None }
}
