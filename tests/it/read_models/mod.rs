//! The read models, the leases and the outbox, on the real Postgres.

#![allow(clippy::unwrap_used, reason = "also the helpers of tests fail by panicking")]

mod erasure;
mod grouping;
pub mod history;
mod isolation;
mod leases;
mod lists;
mod lists_data;
mod outbox;
mod paging;
mod plans;

use interflow_application::log::RecordedEvent;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::read_models;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

const fn workspace(number: u128) -> WorkspaceId {
    WorkspaceId::new(Uuid::from_u128(number))
}

/// A workspace's head, which names the generation that is read.
async fn make_head(pool: &PgPool, workspace: WorkspaceId) {
    let insert = "INSERT INTO heads (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(workspace.uuid()).execute(pool).await.unwrap();
}

async fn apply(connection: &mut PgConnection, workspace: WorkspaceId, events: &[RecordedEvent]) {
    read_models::apply(connection, workspace, 1, events).await.unwrap();
}
