//! Which node delivers for which endpoint.

use interflow_application::webhook::breaker::Breaker;
use interflow_application::webhook::ports::{EndpointId, Lease, Roster, Taken};
use interflow_domain::{WebhookId, WorkspaceId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::PgDeliveries;

/// Who has a lease that was given back. The row stays: it says how far the endpoint is.
const NOBODY: Uuid = Uuid::nil();

const ROSTER: &str = "SELECT w.workspace_id, w.id, \
         c.node_id IS NULL OR c.node_id IN ($1, $2) OR NOT EXISTS (SELECT FROM nodes n WHERE n.node_id = c.node_id \
             AND n.heartbeat_at > clock_timestamp() - make_interval(secs => $3)) AS available, \
         (SELECT count(*) FROM nodes n WHERE n.node_id <> $1 \
             AND n.heartbeat_at > clock_timestamp() - make_interval(secs => $3)) AS others \
     FROM webhooks w JOIN heads h USING (workspace_id, generation) \
     LEFT JOIN webhook_cursors c ON c.workspace_id = w.workspace_id AND c.webhook_id = w.id \
     WHERE w.status = 'active' OR (w.status = 'paused' AND w.reason = 'backlog') \
     ORDER BY w.workspace_id, w.created_position";

/// Where an endpoint starts is found out once. A time that is still to come counts as now.
const ACQUIRE: &str = "INSERT INTO webhook_cursors AS c \
         (workspace_id, webhook_id, node_id, epoch, position, activated_position) \
     SELECT w.workspace_id, w.id, $3, 1, \
         CASE WHEN EXISTS (SELECT FROM webhook_cursors k WHERE k.workspace_id = $1 AND k.webhook_id = $2) THEN 0 \
             WHEN w.start_position IS NOT NULL THEN greatest(w.start_position - 1, 0) \
             WHEN w.start_time IS NOT NULL THEN coalesce((SELECT e.position - 1 FROM events e \
                 WHERE e.workspace_id = $1 AND e.timestamp >= w.start_time ORDER BY e.position LIMIT 1), h.position) \
             ELSE w.created_position END, \
         w.activated_position \
     FROM webhooks w JOIN heads h USING (workspace_id, generation) WHERE w.workspace_id = $1 AND w.id = $2 \
     ON CONFLICT (workspace_id, webhook_id) DO UPDATE SET node_id = excluded.node_id, epoch = c.epoch + 1, \
         breaker = CASE WHEN c.activated_position = excluded.activated_position THEN c.breaker END, \
         throttled_until = CASE WHEN c.activated_position = excluded.activated_position THEN c.throttled_until END, \
         activated_position = excluded.activated_position \
     WHERE c.node_id IN ($3, $4) OR NOT EXISTS (SELECT FROM nodes n WHERE n.node_id = c.node_id \
         AND n.heartbeat_at > clock_timestamp() - make_interval(secs => $5)) \
     RETURNING epoch, position, open, breaker, throttled_until";

/// The epoch grows here too: nobody writes by right of a lease that was given back.
const RELEASE: &str = "UPDATE webhook_cursors SET node_id = $4, epoch = epoch + 1 \
     WHERE workspace_id = $1 AND webhook_id = $2 AND epoch = $3";

pub(super) async fn roster(store: &PgDeliveries) -> Result<Roster, sqlx::Error> {
    let query = sqlx::query(ROSTER).bind(store.node).bind(NOBODY).bind(store.expiry.as_secs_f64());
    let rows = query.fetch_all(&store.pool).await?;
    let mut roster = Roster { available: vec![], total: rows.len(), nodes: 1 };
    for row in &rows {
        let others: i64 = row.try_get("others")?;
        roster.nodes = 1 + usize::try_from(others).unwrap_or_default();
        if row.try_get("available")? {
            roster.available.push(endpoint(row)?);
        }
    }
    Ok(roster)
}

fn endpoint(row: &PgRow) -> Result<EndpointId, sqlx::Error> {
    Ok(EndpointId {
        workspace: WorkspaceId::new(row.try_get("workspace_id")?),
        webhook: WebhookId::new(row.try_get("id")?),
    })
}

pub(super) async fn acquire(
    store: &PgDeliveries,
    endpoint: EndpointId,
) -> Result<Option<Taken>, sqlx::Error> {
    let row = sqlx::query(ACQUIRE)
        .bind(endpoint.workspace.uuid())
        .bind(endpoint.webhook.uuid())
        .bind(store.node)
        .bind(NOBODY)
        .bind(store.expiry.as_secs_f64())
        .fetch_optional(&store.pool)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (position, open): (i64, i32) = (row.try_get("position")?, row.try_get("open")?);
    let breaker: Option<Json<Breaker>> = row.try_get("breaker")?;
    Ok(Some(Taken {
        lease: Lease { endpoint, epoch: row.try_get("epoch")? },
        position: position.unsigned_abs(),
        open: open.unsigned_abs(),
        breaker: breaker.map(|Json(breaker)| breaker).unwrap_or_default(),
        throttled_until: row.try_get("throttled_until")?,
    }))
}

pub(super) async fn release(store: &PgDeliveries, lease: Lease) -> Result<(), sqlx::Error> {
    let query = sqlx::query(RELEASE)
        .bind(lease.endpoint.workspace.uuid())
        .bind(lease.endpoint.webhook.uuid())
        .bind(lease.epoch)
        .bind(NOBODY);
    query.execute(&store.pool).await.map(drop)
}
