//! Deliveries are found without reading those of before, also in a workspace that Postgres has not seen yet.

use std::sync::Arc;

use interflow_domain::{WebhookId, WorkspaceId};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Build, workspace};
use crate::support::database::Database;
use crate::support::plans;
use crate::support::receiver::Receiver;

/// What an endpoint was told long ago, in so many lanes.
async fn fill(pool: &PgPool, workspace: WorkspaceId, webhook: WebhookId, count: i64) {
    let deliveries = "INSERT INTO webhook_deliveries (workspace_id, id, webhook_id, event_id, position, event_type, lane, \
             sequence, status, attempts, tries, created_at, settled_at) \
         SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), 1000000 + n, 'customer.updated', 'lane ' || n % $3, n, \
             'delivered', 1, 1, now(), now() FROM generate_series(1, $3 * 4) AS n";
    let lanes = "INSERT INTO webhook_lanes (workspace_id, webhook_id, lane, last_sequence, last_turn, next_turn, due_at) \
         SELECT $1, $2, 'lane ' || n, 1, 1, 2, now() FROM generate_series(0, $3 - 1) AS n";
    for statement in [deliveries, lanes] {
        sqlx::query(statement)
            .bind(workspace.uuid())
            .bind(webhook.uuid())
            .bind(count)
            .execute(pool)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_was_told_before_is_not_read_for_the_next_delivery() {
    let database = Arc::new(Database::new().await);
    let untidy = "ALTER TABLE webhook_deliveries SET (autovacuum_enabled = off); \
        ALTER TABLE webhook_lanes SET (autovacuum_enabled = off)";
    sqlx::raw_sql(untidy).execute(&database.pool).await.unwrap();
    for n in 1..=3 {
        let id = Uuid::from_u128(n);
        fill(&database.pool, WorkspaceId::new(id), WebhookId::new(id), 50).await;
    }
    sqlx::query("ANALYZE").execute(&database.pool).await.unwrap();
    // As the server's connections plan.
    let options = database.options.clone().options([("plan_cache_mode", "force_generic_plan")]);
    let (pool, _watch) = plans::watched(&options).await;
    let node = Build { pool, ..Build::on(Arc::clone(&database)) }.node(workspace());
    let receiver = Receiver::counting().await;
    let id = node.endpoint(&receiver.url).await;
    fill(&database.pool, node.context.workspace, id, 5_000).await;
    node.customers(30).await;
    let node = node.started().await;
    node.until_idle(id).await;
    node.dispatcher.stop().await;
    assert_eq!(receiver.count(), 30);
    plans::few("delivering", 300);
}
