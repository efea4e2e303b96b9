//! What was there at a position and is not there any more.

use chrono::{DateTime, Utc};
use interflow_application::log::{LogError, StreamId};
use interflow_application::past::PastError;
use uuid::Uuid;

use super::{Candidate, Look};
use crate::event_log::{Failure, log_error};
use crate::read_models::reads::listing::TRIED;

/// Of which aggregates, and the events that end them, as their index (0021) has them.
macro_rules! ends {
    () => {
        "event_type IN ('customer.deleted', 'customer.erased', 'instance.deleted')"
    };
}

const HOW_MANY: &str = concat!(
    "SELECT count(*) FROM (SELECT FROM events WHERE workspace_id = $1 AND aggregate_type = $2 AND position > $3 AND ",
    ends!(),
    " LIMIT $4) ended"
);
/// One may be deleted first and erased later: it is gone since the first.
const GONE: &str = concat!(
    "SELECT begun.aggregate_id, begun.timestamp, begun.position FROM \
         (SELECT DISTINCT aggregate_id FROM events \
             WHERE workspace_id = $1 AND aggregate_type = $2 AND position > $3 AND ",
    ends!(),
    ") ended, LATERAL (SELECT aggregate_id, timestamp, position FROM events \
         WHERE workspace_id = $1 AND aggregate_type = $2 AND aggregate_id = ended.aggregate_id AND sequence = 1) begun \
     WHERE begun.position <= $3 AND NOT EXISTS (SELECT FROM events earlier WHERE earlier.workspace_id = $1 \
         AND earlier.aggregate_type = $2 AND earlier.aggregate_id = begun.aggregate_id AND earlier.position <= $3 AND ",
    "earlier.",
    ends!(),
    ")"
);

/// What went after the position, of a type of aggregates.
pub(super) async fn since(look: &Look, aggregate_type: &str, at: u64) -> Result<Vec<Candidate>, PastError> {
    let workspace = look.workspace.uuid();
    let ended: i64 = sqlx::query_scalar(HOW_MANY)
        .bind(workspace)
        .bind(aggregate_type)
        .bind(at.cast_signed())
        .bind(TRIED.cast_signed() + 1)
        .fetch_one(&look.pool)
        .await
        .map_err(log_error)?;
    if ended == 0 {
        return Ok(vec![]);
    }
    if ended.unsigned_abs() > TRIED {
        let message =
            format!("must be later: more than {TRIED} were deleted since, and a list tries no more of them");
        return Err(PastError::TooMuch { parameter: "as_of", message });
    }
    let query = sqlx::query_as(GONE).bind(workspace).bind(aggregate_type).bind(at.cast_signed());
    let gone: Vec<(String, DateTime<Utc>, i64)> = query.fetch_all(&look.pool).await.map_err(log_error)?;
    gone.into_iter()
        .map(|(id, created_at, position)| {
            let id = uuid_of(aggregate_type, &id)?;
            Ok(Candidate { id, created_at, position: position.unsigned_abs() })
        })
        .collect()
}

fn uuid_of(aggregate_type: &str, aggregate_id: &str) -> Result<Uuid, LogError> {
    match StreamId::parse(aggregate_type, aggregate_id) {
        Some(StreamId::Customer(id)) => Ok(id.uuid()),
        Some(StreamId::Instance(id)) => Ok(id.uuid()),
        _ => Err(Failure::Refused(format!("a {aggregate_type} has an id of another kind")).into()),
    }
}
