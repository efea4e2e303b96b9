//! Finding places in a log.
//!
//! Positions have the order of commits, times those of the clocks of whoever recorded the events: as a rule the same, but
//! for moments. So a time is found by halving, and then looked for a little further on: the last event before it, as far
//! as the clocks differ by no more than [`STRIDE`] events.

use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::past::Point;
use interflow_domain::WorkspaceId;
use sqlx::PgPool;

use crate::event_log::log_error;

/// How many events at a time are looked at behind the place that halving found.
const STRIDE: i64 = 1_000;

const POSITION: &str = "SELECT h.position, e.timestamp FROM heads h \
     LEFT JOIN events e ON e.workspace_id = h.workspace_id AND e.position = $2 WHERE h.workspace_id = $1";
/// Between a position whose event is from before the time, or none, and one behind which is none, or one that is not.
const HALVED: &str = "WITH RECURSIVE search (low, high) AS ( \
         SELECT 0::bigint, position FROM heads WHERE workspace_id = $1 \
         UNION ALL \
         SELECT CASE WHEN e.timestamp < $2 THEN e.position ELSE low END, \
             CASE WHEN e.timestamp < $2 THEN high ELSE e.position - 1 END \
         FROM search, LATERAL (SELECT position, timestamp FROM events \
             WHERE workspace_id = $1 AND position = (low + high + 1) / 2) e \
         WHERE low < high) \
     SELECT low FROM search WHERE low = high";
const FURTHER: &str = "SELECT max(position) FILTER (WHERE timestamp < $3) FROM (SELECT position, timestamp FROM events \
         WHERE workspace_id = $1 AND position > $2 AND position <= $2 + $4 OFFSET 0) stride";

pub(super) async fn of_position(
    pool: &PgPool,
    workspace: WorkspaceId,
    position: u64,
) -> Result<Result<Point, u64>, LogError> {
    // Beyond what a position can be, there is none.
    let asked = i64::try_from(position).unwrap_or(i64::MAX);
    let query = sqlx::query_as(POSITION).bind(workspace.uuid()).bind(asked);
    let found: Option<(i64, Option<DateTime<Utc>>)> = query.fetch_optional(pool).await.map_err(log_error)?;
    let (head, recorded_at) = found.unwrap_or_default();
    let head = head.unsigned_abs();
    Ok(if position <= head { Ok(Point { position, recorded_at }) } else { Err(head) })
}

pub(super) async fn before(
    pool: &PgPool,
    workspace: WorkspaceId,
    time: DateTime<Utc>,
) -> Result<Point, LogError> {
    let query = sqlx::query_scalar(HALVED).bind(workspace.uuid()).bind(time);
    let halved: Option<i64> = query.fetch_optional(pool).await.map_err(log_error)?;
    let mut position = halved.unwrap_or_default();
    loop {
        let query = sqlx::query_scalar(FURTHER).bind(workspace.uuid()).bind(position).bind(time).bind(STRIDE);
        let further: Option<i64> = query.fetch_one(pool).await.map_err(log_error)?;
        let Some(further) = further else { break };
        position = further;
    }
    let place = of_position(pool, workspace, position.unsigned_abs()).await?;
    place.map_err(|_| LogError::Corrupt("a log that was there is gone".to_owned()))
}
