//! Jobs, and where their items are.
//!
//! A job's row counts: every event that moves one of its messages from one place to the next moves the counts with it.
//! Which message is where is known to the fold of the messages ([`conversations`](super::conversations)), which is told
//! here as [`Move`]s; a group in which no message of a job moves costs nothing.

mod fold;
#[cfg(test)]
mod fold_tests;
mod table;

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::JobId;
use sqlx::PgConnection;

use super::rows::{Needed, Rows};
use super::table::{Scope, delete, load};
use crate::batch::Batch;
pub(super) use fold::{Move, Row, standing};
use fold::{fold, moved};
pub(super) use table::{COLUMNS, TABLE, decode};

pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &mut Batch,
    scope: Scope<'_>,
    events: &[RecordedEvent],
    moves: &[Move],
) -> Result<(), sqlx::Error> {
    let mut needed = Needed::new();
    for (id, event) in events.iter().filter_map(of_a_job) {
        needed.own_event(id, event.version);
    }
    for one in moves {
        needed.also(one.job);
    }
    let ids = needed.load(JobId::uuid);
    let loaded = load(connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let mut rows = Rows::loaded(loaded, |row| row.view.id);
    // A job is there before its messages; beyond that, no matter in which order counts and events come.
    for (id, event) in events.iter().filter_map(of_a_job) {
        fold(rows.change(id), event);
    }
    for one in moves {
        moved(rows.change(one.job), one);
    }
    let (written, deleted) = rows.into_changes(JobId::uuid);
    table::write(batch, scope, &written)?;
    delete(batch, scope, TABLE, &deleted);
    scope.remember(TABLE, written, |row| (row.view.id.uuid(), 0));
    Ok(())
}

const fn of_a_job(event: &RecordedEvent) -> Option<(JobId, &RecordedEvent)> {
    if let StreamId::Job(id) = event.stream { Some((id, event)) } else { None }
}
