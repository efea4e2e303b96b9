//! Deliveries that stand in line once more, by hand or by a replay.

use chrono::{DateTime, Utc};
use interflow_application::webhook::ports::{EndpointId, Lease, Replay, Stretch};
use interflow_domain::{DeliveryId, JobId, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};

use super::line::{Place, move_to, place};

/// How many dead letters are put into line at a time.
const STEP: i64 = 500;

const LOCK: &str = "SELECT FROM webhook_cursors WHERE workspace_id = $1 AND webhook_id = $2 FOR UPDATE";
const DELIVERY: &str = "SELECT id, event_id, position, event_type, lane FROM webhook_deliveries \
     WHERE workspace_id = $1 AND webhook_id = $2 AND id = $3";
const FAILED: &str = "SELECT id, event_id, position, event_type, lane FROM webhook_deliveries \
     WHERE workspace_id = $1 AND webhook_id = $2 AND status = 'failed' AND position > $3 AND position <= $4 \
     ORDER BY position LIMIT $5";
const NOW: &str = "UPDATE webhook_lanes l SET due_at = $4 FROM webhook_deliveries d \
     WHERE d.workspace_id = $1 AND d.webhook_id = $2 AND d.id = $3 AND l.workspace_id = $1 AND l.webhook_id = $2 \
         AND l.lane = d.lane AND l.next_turn = d.turn AND l.due_at > $4";

const BEGIN: &str = "INSERT INTO webhook_replays (workspace_id, webhook_id, job_id, position, until, failed_only) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const MOVE_ON: &str = "UPDATE webhook_replays SET position = $4, queued = queued + $5 \
     WHERE workspace_id = $1 AND webhook_id = $2 AND job_id = $3 RETURNING queued";
const END: &str = "DELETE FROM webhook_replays WHERE workspace_id = $1 AND webhook_id = $2 AND job_id = $3";

const POSITION_AT: &str = "SELECT coalesce( \
         (SELECT position FROM events WHERE workspace_id = $1 AND timestamp >= $2 ORDER BY position LIMIT 1), \
         (SELECT position + 1 FROM heads WHERE workspace_id = $1), 1)";

fn stored(row: &PgRow) -> Result<Place, sqlx::Error> {
    Ok(Place {
        id: row.try_get("id")?,
        event: row.try_get("event_id")?,
        position: row.try_get("position")?,
        event_type: row.try_get("event_type")?,
        lane: row.try_get("lane")?,
        customer: None,
    })
}

pub(super) async fn redeliver(
    pool: &PgPool,
    endpoint: EndpointId,
    delivery: DeliveryId,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let mine = |sql| sqlx::query(sql).bind(endpoint.workspace.uuid()).bind(endpoint.webhook.uuid());
    mine(LOCK).fetch_optional(&mut *transaction).await?;
    let found = mine(DELIVERY).bind(delivery.uuid()).fetch_optional(&mut *transaction).await?;
    let Some(row) = found else { return Ok(false) };
    mine(NOW).bind(delivery.uuid()).bind(now).execute(&mut *transaction).await?;
    place(&mut transaction, endpoint, &[stored(&row)?], true, (now, now)).await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn begin(pool: &PgPool, endpoint: EndpointId, replay: Replay) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(BEGIN)
        .bind(endpoint.workspace.uuid())
        .bind(endpoint.webhook.uuid())
        .bind(replay.job.uuid())
        .bind(replay.position.cast_signed())
        .bind(replay.until.cast_signed())
        .bind(replay.failed_only);
    Ok(query.execute(pool).await?.rows_affected() > 0)
}

pub(super) async fn end(pool: &PgPool, endpoint: EndpointId, job: JobId) -> Result<(), sqlx::Error> {
    let query =
        sqlx::query(END).bind(endpoint.workspace.uuid()).bind(endpoint.webhook.uuid()).bind(job.uuid());
    query.execute(pool).await.map(drop)
}

/// The replay stays, finished, until whoever shows it has taken note of that.
pub(super) async fn enqueue_again(
    pool: &PgPool,
    lease: Lease,
    replay: Replay,
    stretch: &Stretch,
) -> Result<Option<Replay>, sqlx::Error> {
    let endpoint = lease.endpoint;
    let mut transaction = pool.begin().await?;
    if move_to(&mut transaction, lease, 0).await?.is_none() {
        return Ok(None);
    }
    let (places, position) = if replay.failed_only {
        let rows = sqlx::query(FAILED)
            .bind(endpoint.workspace.uuid())
            .bind(endpoint.webhook.uuid())
            .bind(replay.position.cast_signed())
            .bind(replay.until.cast_signed())
            .bind(STEP)
            .fetch_all(&mut *transaction)
            .await?;
        let places = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        let is_last = rows.len().cast_signed() < usize::try_from(STEP).unwrap_or_default().cast_signed();
        let last = places.last().map_or(replay.until, |place| place.position.unsigned_abs());
        (places, if is_last { replay.until } else { last })
    } else {
        let wanted = stretch.wanted.iter().map(|one| Place::new(endpoint, one));
        (wanted.collect(), stretch.until.min(replay.until))
    };
    let (_, placed) = place(&mut transaction, endpoint, &places, true, (stretch.due_at, stretch.at)).await?;
    let queued: Option<i64> = sqlx::query_scalar(MOVE_ON)
        .bind(endpoint.workspace.uuid())
        .bind(endpoint.webhook.uuid())
        .bind(replay.job.uuid())
        .bind(position.cast_signed())
        .bind(placed.cast_signed())
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(queued) = queued else { return Ok(None) };
    transaction.commit().await?;
    Ok(Some(Replay { position, queued: queued.unsigned_abs(), ..replay }))
}

pub(super) async fn position_at(
    pool: &PgPool,
    workspace: WorkspaceId,
    at: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let query = sqlx::query_scalar(POSITION_AT).bind(workspace.uuid()).bind(at);
    query.fetch_one(pool).await.map(i64::unsigned_abs)
}
