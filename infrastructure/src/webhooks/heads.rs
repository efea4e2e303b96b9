//! What is first in each line, and what becomes of it.

use chrono::{DateTime, Utc};
use interflow_application::webhook::ports::{Head, Lease, Next, Settled, Settlement};
use interflow_application::webhook::{Attempt, DeliveryStatus, Lane};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgPool, Row as _};

use super::rows;

/// The index of lanes has the order of their times, so this reads what it gives and the lanes that are busy. What is first in a
/// lane is looked up, and not joined to all that is open.
///
/// A replay is written before its job, and is not seen before that; one whose job never came is seen after a minute,
/// and ended.
fn next_sql() -> String {
    let columns = rows::COLUMNS;
    format!(
        "SELECT c.open, h.erasures, coalesce(w.version, 0) AS version, \
             r.job_id, r.position AS replayed, r.until, r.failed_only, r.queued, head.* \
         FROM webhook_cursors c JOIN heads h USING (workspace_id) \
         LEFT JOIN webhooks w ON w.workspace_id = c.workspace_id AND w.generation = h.generation AND w.id = c.webhook_id \
         LEFT JOIN webhook_replays r ON r.workspace_id = c.workspace_id AND r.webhook_id = c.webhook_id \
             AND (r.begun_at < clock_timestamp() - interval '1 minute' OR EXISTS (SELECT FROM jobs j \
                 WHERE j.workspace_id = c.workspace_id AND j.generation = h.generation AND j.id = r.job_id)) \
         LEFT JOIN LATERAL (SELECT {columns}, d.tries FROM \
             (SELECT lane, next_turn, due_at FROM webhook_lanes WHERE workspace_id = $1 AND webhook_id = $2 \
                 AND next_turn <= last_turn AND lane <> ALL($4) ORDER BY due_at LIMIT $5) l, \
             LATERAL (SELECT * FROM webhook_deliveries d WHERE d.workspace_id = $1 AND d.webhook_id = $2 \
                 AND d.lane = l.lane AND d.turn = l.next_turn OFFSET 0) d ORDER BY l.due_at) head ON true \
         WHERE c.workspace_id = $1 AND c.webhook_id = $2 AND c.epoch = $3"
    )
}

/// What a receiver answered to something that was forgotten meanwhile is not kept: it may repeat it. The row that is
/// changed says so as it is now, and not as it was when the statement began.
const SETTLE: &str = "WITH owned AS ( \
         UPDATE webhook_cursors SET breaker = $4, throttled_until = $5, open = open - $6 \
         WHERE workspace_id = $1 AND webhook_id = $2 AND epoch = $3 RETURNING open), \
     settled AS ( \
         SELECT s.* FROM unnest($7::uuid[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::int[], \
             $13::int[]) AS s (id, lane, status, due_at, settled_at, attempts, tries) \
         WHERE EXISTS (SELECT FROM owned)), \
     deliveries AS ( \
         UPDATE webhook_deliveries d SET status = s.status, attempts = s.attempts, tries = s.tries, \
             settled_at = s.settled_at, turn = CASE WHEN s.settled_at IS NULL THEN d.turn END \
         FROM settled s WHERE d.workspace_id = $1 AND d.id = s.id RETURNING d.id, d.forgotten), \
     lanes AS ( \
         UPDATE webhook_lanes l SET due_at = s.due_at, \
             next_turn = l.next_turn + CASE WHEN s.settled_at IS NULL THEN 0 ELSE 1 END \
         FROM settled s WHERE l.workspace_id = $1 AND l.webhook_id = $2 AND l.lane = s.lane), \
     attempts AS ( \
         INSERT INTO webhook_attempts (workspace_id, delivery_id, number, at, by_hand, status, error, headers, body, \
             took_ms) \
         SELECT $1, a.id, a.number, a.at, a.by_hand, a.status, a.error, \
             CASE WHEN d.forgotten THEN '[]'::json ELSE a.headers END, \
             CASE WHEN d.forgotten THEN ''::bytea ELSE a.body END, a.took_ms \
         FROM unnest($14::uuid[], $15::int[], $16::timestamptz[], $17::bool[], $18::int2[], $19::text[], \
             $20::text[]::json[], $21::bytea[], $22::int[]) \
             AS a (id, number, at, by_hand, status, error, headers, body, took_ms) \
         JOIN deliveries d ON d.id = a.id) \
     SELECT open FROM owned";

pub(super) async fn next(
    pool: &PgPool,
    lease: Lease,
    busy: &[Lane],
    limit: u32,
) -> Result<Option<Next>, sqlx::Error> {
    let sql = next_sql();
    let found = sqlx::query(&sql)
        .bind(lease.endpoint.workspace.uuid())
        .bind(lease.endpoint.webhook.uuid())
        .bind(lease.epoch)
        .bind(busy.iter().map(ToString::to_string).collect::<Vec<_>>())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    let Some(first) = found.first() else { return Ok(None) };
    let (open, version, erasures): (i32, i64, i64) =
        (first.try_get("open")?, first.try_get("version")?, first.try_get("erasures")?);
    let heads = found.iter().filter_map(|row| head(row).transpose()).collect::<Result<_, _>>()?;
    Ok(Some(Next {
        heads,
        version: version.unsigned_abs(),
        open: open.unsigned_abs(),
        erasures: erasures.unsigned_abs(),
        replay: rows::replay(first)?,
    }))
}

/// Nothing in the one row of an endpoint that has no head.
fn head(row: &PgRow) -> Result<Option<Head>, sqlx::Error> {
    let Some(tries) = row.try_get::<Option<i32>, _>("tries")? else { return Ok(None) };
    let delivery = rows::delivery(row)?;
    Ok(Some(Head { delivery, tries: tries.unsigned_abs(), due_at: row.try_get("due_at")? }))
}

pub(super) async fn settle(
    pool: &PgPool,
    lease: Lease,
    settled: &Settled,
) -> Result<Option<u32>, sqlx::Error> {
    let all = &settled.settlements;
    let gone = all.iter().filter(|one| one.status.is_settled()).count();
    let made: Vec<_> =
        all.iter().filter_map(|one| Some((one.delivery.id.uuid(), one.attempt.as_ref()?))).collect();
    let headers = made.iter().map(|(_, attempt)| headers(attempt)).collect::<Result<Vec<_>, _>>()?;
    let open: Option<i32> = sqlx::query_scalar(SETTLE)
        .bind(lease.endpoint.workspace.uuid())
        .bind(lease.endpoint.webhook.uuid())
        .bind(lease.epoch)
        .bind(Json(&settled.breaker))
        .bind(settled.throttled_until)
        .bind(i32::try_from(gone).unwrap_or(i32::MAX))
        .bind(all.iter().map(|one| one.delivery.id.uuid()).collect::<Vec<_>>())
        .bind(all.iter().map(|one| one.delivery.lane.to_string()).collect::<Vec<_>>())
        .bind(all.iter().map(|one| one.status.name()).collect::<Vec<_>>())
        .bind(all.iter().map(|one| due_at(one, settled.at)).collect::<Vec<_>>())
        .bind(all.iter().map(settled_at).collect::<Vec<_>>())
        .bind(all.iter().map(|one| int(attempts(one))).collect::<Vec<_>>())
        .bind(all.iter().map(|one| int(one.tries)).collect::<Vec<_>>())
        .bind(made.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(made.iter().map(|(_, attempt)| int(attempt.number)).collect::<Vec<_>>())
        .bind(made.iter().map(|(_, attempt)| attempt.at).collect::<Vec<_>>())
        .bind(made.iter().map(|(_, attempt)| attempt.by_hand).collect::<Vec<_>>())
        .bind(made.iter().map(|(_, attempt)| status(attempt)).collect::<Vec<_>>())
        .bind(made.iter().map(|(_, attempt)| attempt.outcome.error.map(|e| e.name())).collect::<Vec<_>>())
        .bind(headers)
        .bind(made.iter().map(|(_, attempt)| attempt.outcome.body.as_slice()).collect::<Vec<_>>())
        .bind(made.iter().map(|(_, attempt)| took_ms(attempt)).collect::<Vec<_>>())
        .fetch_optional(pool)
        .await?;
    Ok(open.map(i32::unsigned_abs))
}

/// When the lane goes on: with this delivery, or with the one behind it.
const fn due_at(one: &Settlement, now: DateTime<Utc>) -> DateTime<Utc> {
    if let DeliveryStatus::Pending { next_attempt_at } = one.status { next_attempt_at } else { now }
}

const fn settled_at(one: &Settlement) -> Option<DateTime<Utc>> {
    match one.status {
        DeliveryStatus::Pending { .. } => None,
        DeliveryStatus::Delivered { at } | DeliveryStatus::Failed { at } | DeliveryStatus::Aborted { at } => {
            Some(at)
        }
    }
}

fn attempts(one: &Settlement) -> u32 {
    one.attempt.as_ref().map_or(one.delivery.attempts, |attempt| attempt.number)
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn status(attempt: &Attempt) -> Option<i16> {
    attempt.outcome.status.and_then(|status| i16::try_from(status).ok())
}

fn took_ms(attempt: &Attempt) -> i32 {
    i32::try_from(attempt.outcome.took.as_millis()).unwrap_or(i32::MAX)
}

/// Whatever an answer's headers hold, Postgres's JSON takes no NUL.
fn headers(attempt: &Attempt) -> Result<String, sqlx::Error> {
    let clean: Vec<_> =
        attempt.outcome.headers.iter().map(|(name, value)| (name, value.replace('\0', "\u{fffd}"))).collect();
    serde_json::to_string(&clean).map_err(|source| sqlx::Error::Encode(Box::new(source)))
}
