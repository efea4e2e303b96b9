//! Deliveries take their places in the lines of their lanes.

use chrono::{DateTime, Utc};
use interflow_application::webhook::delivery_id;
use interflow_application::webhook::ports::{EndpointId, Lease, Stretch, Wanted};
use interflow_domain::Subject;
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

/// The lock that everything else waits for, and the fence.
const MOVE: &str = "UPDATE webhook_cursors SET position = greatest(position, $4) \
     WHERE workspace_id = $1 AND webhook_id = $2 AND epoch = $3 RETURNING open";

/// In a statement after the one that locked, so that it sees what others wrote before: an erasure too, after which no
/// answer about its customer is kept, because a receiver may name whom it was told to forget. What was told before keeps its
/// number, and stands in line again only where that is asked for ($8).
const PLACE: &str = "WITH wanted AS ( \
         SELECT n.*, d.id IS NOT NULL AS told, l.last_sequence, l.last_turn, e.subject IS NOT NULL AS forgotten \
         FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $11::text[]) \
             AS n (id, event_id, position, event_type, lane, customer) \
         LEFT JOIN erased_subjects e ON e.workspace_id = $1 AND e.subject = n.customer \
         LEFT JOIN webhook_deliveries d ON d.workspace_id = $1 AND d.id = n.id \
         LEFT JOIN webhook_lanes l ON l.workspace_id = $1 AND l.webhook_id = $2 AND l.lane = n.lane \
         WHERE d.id IS NULL OR ($8 AND d.turn IS NULL)), \
     placed AS ( \
         SELECT *, coalesce(last_turn, 0) + row_number() OVER of_lane AS turn, \
             coalesce(last_sequence, 0) + count(*) FILTER (WHERE NOT told) OVER of_lane AS sequence \
         FROM wanted WINDOW of_lane AS (PARTITION BY lane ORDER BY position)), \
     lanes AS ( \
         INSERT INTO webhook_lanes AS l (workspace_id, webhook_id, lane, last_sequence, last_turn, due_at) \
         SELECT $1, $2, lane, max(sequence), max(turn), $9 FROM placed GROUP BY lane \
         ON CONFLICT (workspace_id, webhook_id, lane) DO UPDATE SET last_sequence = excluded.last_sequence, \
             last_turn = excluded.last_turn, \
             due_at = CASE WHEN l.next_turn > l.last_turn THEN excluded.due_at ELSE l.due_at END), \
     made AS ( \
         INSERT INTO webhook_deliveries (workspace_id, id, webhook_id, event_id, position, event_type, lane, sequence, \
             turn, status, created_at, forgotten) \
         SELECT $1, id, $2, event_id, position, event_type, lane, sequence, turn, 'pending', $10, forgotten \
         FROM placed WHERE NOT told), \
     again AS ( \
         UPDATE webhook_deliveries d SET turn = p.turn, status = 'pending', tries = 0, settled_at = NULL \
         FROM placed p WHERE p.told AND d.workspace_id = $1 AND d.id = p.id) \
     UPDATE webhook_cursors SET open = open + (SELECT count(*) FROM placed) \
     WHERE workspace_id = $1 AND webhook_id = $2 RETURNING open, (SELECT count(*) FROM placed) AS placed";

/// What takes a place.
pub(super) struct Place {
    pub(super) id: Uuid,
    pub(super) event: Uuid,
    pub(super) position: i64,
    pub(super) event_type: String,
    pub(super) lane: String,
    /// Whom it is about, as a subject; not told of what was told before.
    pub(super) customer: Option<String>,
}

impl Place {
    pub(super) fn new(endpoint: EndpointId, wanted: &Wanted) -> Self {
        Self {
            id: delivery_id(endpoint.webhook, wanted.event).uuid(),
            event: wanted.event.uuid(),
            position: wanted.position.cast_signed(),
            event_type: wanted.event_type.to_owned(),
            lane: wanted.lane.to_string(),
            customer: wanted.customer.map(|customer| Subject::Customer(customer).to_string()),
        }
    }
}

/// Moves an endpoint on to this position, where that is ahead, and locks it for the rest of the transaction. Nothing
/// when the lease is lost.
pub(super) async fn move_to(
    connection: &mut PgConnection,
    lease: Lease,
    position: u64,
) -> Result<Option<u32>, sqlx::Error> {
    let open: Option<i32> = sqlx::query_scalar(MOVE)
        .bind(lease.endpoint.workspace.uuid())
        .bind(lease.endpoint.webhook.uuid())
        .bind(lease.epoch)
        .bind(position.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(open.map(i32::unsigned_abs))
}

/// Gives deliveries their places, under the lock. Gives how many are open then, and how many were placed.
pub(super) async fn place(
    connection: &mut PgConnection,
    endpoint: EndpointId,
    places: &[Place],
    again: bool,
    (due_at, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(u32, u64), sqlx::Error> {
    let row = sqlx::query(PLACE)
        .bind(endpoint.workspace.uuid())
        .bind(endpoint.webhook.uuid())
        .bind(places.iter().map(|place| place.id).collect::<Vec<_>>())
        .bind(places.iter().map(|place| place.event).collect::<Vec<_>>())
        .bind(places.iter().map(|place| place.position).collect::<Vec<_>>())
        .bind(places.iter().map(|place| place.event_type.as_str()).collect::<Vec<_>>())
        .bind(places.iter().map(|place| place.lane.as_str()).collect::<Vec<_>>())
        .bind(again)
        .bind(due_at)
        .bind(now)
        .bind(places.iter().map(|place| place.customer.as_deref()).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    let (open, placed): (i32, i64) = (row.try_get("open")?, row.try_get("placed")?);
    Ok((open.unsigned_abs(), placed.unsigned_abs()))
}

pub(super) async fn enqueue(
    pool: &PgPool,
    lease: Lease,
    stretch: &Stretch,
) -> Result<Option<u32>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let Some(mut open) = move_to(&mut transaction, lease, stretch.until).await? else { return Ok(None) };
    if !stretch.wanted.is_empty() {
        let places: Vec<_> = stretch.wanted.iter().map(|one| Place::new(lease.endpoint, one)).collect();
        let times = (stretch.due_at, stretch.at);
        (open, _) = place(&mut transaction, lease.endpoint, &places, false, times).await?;
    }
    transaction.commit().await?;
    Ok(Some(open))
}
