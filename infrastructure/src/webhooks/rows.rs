//! Between deliveries and their rows.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use interflow_application::log::StreamId;
use interflow_application::webhook::ports::Replay;
use interflow_application::webhook::{
    Attempt, Delivery, DeliveryStatus, ErrorClass, Lane, Numbering, Outcome,
};
use interflow_domain::chat::Chat;
use interflow_domain::checkpoint::Checkpoint;
use interflow_domain::customer::Customer;
use interflow_domain::instance::Instance;
use interflow_domain::webhook::Webhook;
use interflow_domain::{DeliveryId, EventId, JobId, WebhookId, WorkspaceId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

/// What is stored is not what this build writes.
#[derive(Debug, thiserror::Error)]
#[error("the stored value is none of those that are known")]
struct Unknown;

fn unknown(column: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(Unknown) }
}

/// The columns of a delivery `d`, and of its lane `l`.
pub(crate) const COLUMNS: &str = "d.workspace_id, d.webhook_id, d.id, d.event_id, d.position, d.event_type, d.lane, \
     d.sequence, d.status, d.attempts, d.created_at, d.settled_at, l.due_at";

pub(crate) fn delivery(row: &PgRow) -> Result<Delivery, sqlx::Error> {
    let (sequence, position): (i64, i64) = (row.try_get("sequence")?, row.try_get("position")?);
    let attempts: i32 = row.try_get("attempts")?;
    Ok(Delivery {
        id: DeliveryId::new(row.try_get("id")?),
        workspace: WorkspaceId::new(row.try_get("workspace_id")?),
        webhook: WebhookId::new(row.try_get("webhook_id")?),
        event: EventId::new(row.try_get("event_id")?),
        position: position.unsigned_abs(),
        event_type: row.try_get("event_type")?,
        lane: lane(row.try_get("lane")?).ok_or_else(|| unknown("lane"))?,
        numbering: Numbering::nth(sequence.unsigned_abs()),
        status: status(row)?,
        attempts: attempts.unsigned_abs(),
        created_at: row.try_get("created_at")?,
    })
}

fn status(row: &PgRow) -> Result<DeliveryStatus, sqlx::Error> {
    let settled_at: Option<DateTime<Utc>> = row.try_get("settled_at")?;
    Ok(match (row.try_get("status")?, settled_at) {
        ("pending", None) => DeliveryStatus::Pending { next_attempt_at: row.try_get("due_at")? },
        ("delivered", Some(at)) => DeliveryStatus::Delivered { at },
        ("failed", Some(at)) => DeliveryStatus::Failed { at },
        ("aborted", Some(at)) => DeliveryStatus::Aborted { at },
        _ => return Err(unknown("status")),
    })
}

/// A lane is stored as the printed id of what it is, which says its kind as well.
fn lane(text: &str) -> Option<Lane> {
    let kinds = [Chat::TYPE, Customer::TYPE, Instance::TYPE, Webhook::TYPE, Checkpoint::TYPE];
    kinds.into_iter().find_map(|kind| {
        let stream = StreamId::parse(kind, text)?;
        // A parser may be more tolerant than the printer.
        (stream.aggregate_id() == text).then_some(Lane(stream))
    })
}

/// Nothing in a row that has none.
pub(crate) fn replay(row: &PgRow) -> Result<Option<Replay>, sqlx::Error> {
    let Some(job) = row.try_get("job_id")? else { return Ok(None) };
    let (position, until, queued): (i64, i64, i64) =
        (row.try_get("replayed")?, row.try_get("until")?, row.try_get("queued")?);
    Ok(Some(Replay {
        job: JobId::new(job),
        position: position.unsigned_abs(),
        until: until.unsigned_abs(),
        failed_only: row.try_get("failed_only")?,
        queued: queued.unsigned_abs(),
    }))
}

pub(crate) fn attempt(row: &PgRow) -> Result<Attempt, sqlx::Error> {
    let (number, took_ms): (i32, i32) = (row.try_get("number")?, row.try_get("took_ms")?);
    let status: Option<i16> = row.try_get("status")?;
    let error: Option<&str> = row.try_get("error")?;
    let Json(headers) = row.try_get("headers")?;
    let error = error.map(|name| ErrorClass::parse(name).ok_or_else(|| unknown("error"))).transpose()?;
    Ok(Attempt {
        number: number.unsigned_abs(),
        at: row.try_get("at")?,
        by_hand: row.try_get("by_hand")?,
        outcome: Outcome {
            status: status.map(i16::unsigned_abs),
            error,
            headers,
            body: row.try_get("body")?,
            took: Duration::from_millis(u64::from(took_ms.unsigned_abs())),
        },
    })
}

#[cfg(test)]
mod tests {
    use interflow_domain::{ChatId, CheckpointId, CustomerId, InstanceId};

    use super::*;

    #[test]
    fn a_lane_is_read_back_from_its_id() {
        for stream in [
            StreamId::Chat(ChatId::default()),
            StreamId::Customer(CustomerId::default()),
            StreamId::Instance(InstanceId::default()),
            StreamId::Webhook(WebhookId::default()),
            StreamId::Checkpoint(CheckpointId::default()),
        ] {
            assert_eq!(lane(&Lane(stream).to_string()), Some(Lane(stream)));
        }
        assert_eq!(lane("00000000-0000-0000-0000-000000000000"), None);
        assert_eq!(lane(""), None);
    }
}
