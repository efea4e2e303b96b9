//! What followed from a request: its events, and what became of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use interflow_application::audit::{AttemptMade, DeliveryMade, Followed, WaitingSend};
use interflow_domain::{DeliveryId, MessageId, WebhookId, WorkspaceId};
use sqlx::types::Uuid;
use sqlx::{FromRow, PgConnection};

use super::places::{BEGIN, bigint};
use crate::event_log::{Failure, PgEventLog};

const EVENTS: &str = "SELECT position FROM events WHERE workspace_id = $1 AND ((metadata ->> 'correlation_id') COLLATE \"C\") = $2 \
         AND position > $3 ORDER BY position LIMIT $4";
const WAITING: &str = "SELECT message_id, attempts, next_attempt_at, deadline FROM outbox \
     WHERE workspace_id = $1 AND message_id = ANY($2) ORDER BY position";
/// Endpoints that are deleted have their deliveries for as long as they are kept, and so their cursors.
const DELIVERIES: &str = "SELECT d.id, d.webhook_id, d.position, d.status, d.created_at, d.settled_at \
     FROM webhook_cursors c, unnest($2::bigint[]) AS told (position), \
     LATERAL (SELECT * FROM webhook_deliveries d WHERE d.workspace_id = $1 AND d.webhook_id = c.webhook_id \
         AND d.position = told.position OFFSET 0) d \
     WHERE c.workspace_id = $1 ORDER BY d.position, d.created_at, d.id LIMIT $3";
const ATTEMPTS: &str = "SELECT of.id, a.number, a.at, a.status, a.error, a.took_ms FROM unnest($2::uuid[]) AS of (id), \
     LATERAL (SELECT * FROM webhook_attempts a WHERE a.workspace_id = $1 AND a.delivery_id = of.id \
         ORDER BY a.number DESC LIMIT $3) a ORDER BY of.id, a.number";
/// Most deliveries of a page, and the latest attempts of each.
const MOST_DELIVERIES: i64 = 1_000;
const MOST_ATTEMPTS: i64 = 20;

#[derive(FromRow)]
struct Waiting {
    message_id: Uuid,
    attempts: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
}

#[derive(FromRow)]
struct Delivery {
    id: Uuid,
    webhook_id: Uuid,
    position: i64,
    status: String,
    created_at: DateTime<Utc>,
    settled_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Attempt {
    id: Uuid,
    number: i32,
    at: DateTime<Utc>,
    status: Option<i16>,
    error: Option<String>,
    took_ms: i32,
}

pub(super) async fn find(
    log: &PgEventLog,
    workspace: WorkspaceId,
    correlation: &str,
    (after, limit): (u64, u32),
) -> Result<Followed, Failure> {
    let mut transaction = log.pool().begin_with(BEGIN).await?;
    let connection = &mut *transaction;
    let mut positions: Vec<i64> = sqlx::query_scalar(EVENTS)
        .persistent(false)
        .bind(workspace.uuid())
        .bind(correlation)
        .bind(bigint(after))
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *connection)
        .await?;
    let has_more = positions.len() > limit as usize;
    positions.truncate(limit as usize);
    let mut events = log.told(connection, workspace, &positions).await?;
    events.sort_by_key(|event| event.position);
    let messages = events.iter().filter_map(|event| event.aggregate.id.parse::<MessageId>().ok());
    let waiting = waiting(connection, workspace, messages.map(|id| id.uuid()).collect()).await?;
    let deliveries = deliveries(connection, workspace, positions).await?;
    transaction.commit().await?;
    Ok(Followed { events, waiting, deliveries, has_more })
}

async fn waiting(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    mut messages: Vec<Uuid>,
) -> Result<Vec<WaitingSend>, Failure> {
    messages.sort_unstable();
    messages.dedup();
    let rows: Vec<Waiting> = sqlx::query_as(WAITING)
        .persistent(false)
        .bind(workspace.uuid())
        .bind(messages)
        .fetch_all(connection)
        .await?;
    let send = |waiting: Waiting| WaitingSend {
        message: MessageId::new(waiting.message_id),
        attempts: waiting.attempts.unsigned_abs(),
        next_attempt_at: waiting.next_attempt_at,
        deadline: waiting.deadline,
    };
    Ok(rows.into_iter().map(send).collect())
}

async fn deliveries(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    positions: Vec<i64>,
) -> Result<Vec<DeliveryMade>, Failure> {
    let found: Vec<Delivery> = sqlx::query_as(DELIVERIES)
        .persistent(false)
        .bind(workspace.uuid())
        .bind(positions)
        .bind(MOST_DELIVERIES)
        .fetch_all(&mut *connection)
        .await?;
    let attempts: Vec<Attempt> = sqlx::query_as(ATTEMPTS)
        .persistent(false)
        .bind(workspace.uuid())
        .bind(found.iter().map(|delivery| delivery.id).collect::<Vec<_>>())
        .bind(MOST_ATTEMPTS)
        .fetch_all(connection)
        .await?;
    let mut made: HashMap<Uuid, Vec<AttemptMade>> = HashMap::new();
    for attempt in attempts {
        made.entry(attempt.id).or_default().push(AttemptMade {
            number: attempt.number.unsigned_abs(),
            at: attempt.at,
            status: attempt.status.map(i16::unsigned_abs),
            error: attempt.error,
            took_ms: u64::from(attempt.took_ms.unsigned_abs()),
        });
    }
    let delivery = |delivery: Delivery| DeliveryMade {
        id: DeliveryId::new(delivery.id),
        webhook: WebhookId::new(delivery.webhook_id),
        position: delivery.position.unsigned_abs(),
        status: delivery.status,
        created_at: delivery.created_at,
        settled_at: delivery.settled_at,
        attempts: made.remove(&delivery.id).unwrap_or_default(),
    };
    Ok(found.into_iter().map(delivery).collect())
}
