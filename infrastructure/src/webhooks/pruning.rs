//! What is old goes, and what belongs to endpoints that are gone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_application::webhook::ports::DEAD_LETTERS;
use sqlx::PgPool;

const ATTEMPTS: &str = "DELETE FROM webhook_attempts WHERE ctid = ANY (ARRAY( \
     SELECT ctid FROM webhook_attempts WHERE at < $1 ORDER BY at LIMIT $2))";
/// An attempt never stays without its delivery: an erasure finds attempts by their deliveries.
const SETTLED: &str = "WITH settled AS (DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY( \
         SELECT ctid FROM webhook_deliveries WHERE settled_at < $1 AND (status <> 'failed' OR settled_at < $3) \
         ORDER BY settled_at LIMIT $2)) AND settled_at < $1 RETURNING workspace_id, id), \
     attempts AS (DELETE FROM webhook_attempts a USING settled s \
         WHERE a.workspace_id = s.workspace_id AND a.delivery_id = s.id RETURNING 1) \
     SELECT (SELECT count(*) FROM settled) + (SELECT count(*) FROM attempts)";

/// The row that says how far an endpoint was goes last, so that what is left of it is found again.
const GONE: &str = "WITH gone AS (SELECT c.workspace_id, c.webhook_id FROM webhook_cursors c \
         WHERE NOT EXISTS (SELECT FROM webhooks w WHERE w.workspace_id = c.workspace_id AND w.id = c.webhook_id)), \
     deliveries AS (DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY( \
         SELECT d.ctid FROM gone JOIN webhook_deliveries d USING (workspace_id, webhook_id) LIMIT $1)) \
         RETURNING workspace_id, id), \
     attempts AS (DELETE FROM webhook_attempts a USING deliveries d \
         WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id), \
     lanes AS (DELETE FROM webhook_lanes WHERE ctid = ANY (ARRAY( \
         SELECT l.ctid FROM gone JOIN webhook_lanes l USING (workspace_id, webhook_id) LIMIT $1)) RETURNING 1), \
     replays AS (DELETE FROM webhook_replays r USING gone \
         WHERE r.workspace_id = gone.workspace_id AND r.webhook_id = gone.webhook_id RETURNING 1), \
     cursors AS (DELETE FROM webhook_cursors c USING gone \
         WHERE c.workspace_id = gone.workspace_id AND c.webhook_id = gone.webhook_id \
         AND NOT EXISTS (SELECT FROM webhook_lanes l \
             WHERE l.workspace_id = gone.workspace_id AND l.webhook_id = gone.webhook_id) \
         AND NOT EXISTS (SELECT FROM webhook_deliveries d \
             WHERE d.workspace_id = gone.workspace_id AND d.webhook_id = gone.webhook_id) RETURNING 1) \
     SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM lanes) + (SELECT count(*) FROM replays) \
         + (SELECT count(*) FROM cursors)";

pub(super) async fn prune(
    pool: &PgPool,
    now: DateTime<Utc>,
    retention: Duration,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let limit = i64::from(limit);
    let (before, letters_before) = (earlier(now, retention), earlier(now, retention * DEAD_LETTERS));
    let attempts = sqlx::query(ATTEMPTS).bind(before).bind(limit).execute(pool).await?.rows_affected();
    let settled = sqlx::query_scalar(SETTLED).bind(before).bind(limit).bind(letters_before);
    let settled: i64 = settled.fetch_one(pool).await?;
    let gone: i64 = sqlx::query_scalar(GONE).bind(limit).fetch_one(pool).await?;
    Ok(attempts + settled.unsigned_abs() + gone.unsigned_abs())
}

/// A retention longer than the calendar keeps everything.
fn earlier(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).ok();
    by.and_then(|by| now.checked_sub_signed(by)).unwrap_or(DateTime::UNIX_EPOCH)
}
