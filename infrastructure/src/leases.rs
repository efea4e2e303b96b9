//! Which node owns an instance's session.
//!
//! A node says that it is alive in a row of its own, on the database's clock. A lease is a row an instance, with an
//! epoch that only ever grows: whoever writes for the instance (appends, the key store) compares the epoch in the very
//! statement or transaction that writes, so a node that was given up for dead, and is not, writes nothing. Taking a
//! lease locks the workspace's head first: an append that has compared the old epoch is committed by then.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::gateway::{LEASE_EXPIRY, Leases};
use interflow_application::log::LogError;
use interflow_domain::{InstanceId, WorkspaceId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::event_log::log_error;

/// [`Leases`] on Postgres, for one node.
#[derive(Debug, Clone)]
pub struct PgLeases {
    pool: PgPool,
    node: Uuid,
    expiry: Duration,
}

/// Who holds a lease that was given back. The row stays, so that the next epoch is a higher one.
const NOBODY: Uuid = Uuid::nil();

const HEARTBEAT: &str = "INSERT INTO nodes (node_id, heartbeat_at) VALUES ($1, clock_timestamp()) \
     ON CONFLICT (node_id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";

const LOCK_HEAD: &str = "SELECT FROM heads WHERE workspace_id = $1 FOR UPDATE";
const MAKE_HEAD: &str = "INSERT INTO heads (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING";

const TAKE: &str = "INSERT INTO leases AS lease (workspace_id, instance_id, node_id, epoch) VALUES ($1, $2, $3, 1) \
     ON CONFLICT (workspace_id, instance_id) DO UPDATE SET node_id = excluded.node_id, epoch = lease.epoch + 1 \
     WHERE lease.node_id = excluded.node_id OR NOT EXISTS (SELECT FROM nodes \
         WHERE nodes.node_id = lease.node_id \
         AND nodes.heartbeat_at > clock_timestamp() - make_interval(secs => $4)) \
     RETURNING epoch";

/// The epoch grows here too: nobody writes by right of a lease that was given back.
const RELEASE: &str = "UPDATE leases SET node_id = $5, epoch = epoch + 1 \
     WHERE workspace_id = $1 AND instance_id = $2 AND node_id = $3 AND epoch = $4";

const HELD: &str = "SELECT instance_id, epoch FROM leases WHERE node_id = $1";

const HELD_BY_OTHERS: &str = "SELECT leases.instance_id FROM nodes JOIN leases USING (node_id) \
     WHERE node_id <> $1 AND nodes.heartbeat_at > clock_timestamp() - make_interval(secs => $2)";

impl PgLeases {
    /// Leases for this node. Its id outlives the process where the node's data directory does, so that a server that
    /// starts again resumes its own leases at once.
    #[must_use]
    pub const fn new(pool: PgPool, node_id: Uuid) -> Self {
        Self { pool, node: node_id, expiry: LEASE_EXPIRY }
    }

    /// Nodes that were not heard of for so long have lost their leases. The same on every node of a database.
    #[must_use]
    pub fn expiring_after(self, expiry: Duration) -> Self {
        Self { expiry, ..self }
    }

    async fn take(&self, workspace: WorkspaceId, instance: InstanceId) -> Result<Option<i64>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        lock_head(&mut transaction, workspace).await?;
        let epoch = sqlx::query_scalar(TAKE)
            .bind(workspace.uuid())
            .bind(instance.uuid())
            .bind(self.node)
            .bind(self.expiry.as_secs_f64())
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(epoch)
    }
}

/// Locks the head of a workspace, which may not have been appended to yet.
async fn lock_head(connection: &mut PgConnection, workspace: WorkspaceId) -> Result<(), sqlx::Error> {
    let lock = || sqlx::query(LOCK_HEAD).bind(workspace.uuid());
    if lock().fetch_optional(&mut *connection).await?.is_none() {
        sqlx::query(MAKE_HEAD).bind(workspace.uuid()).execute(&mut *connection).await?;
        lock().fetch_one(connection).await?;
    }
    Ok(())
}

#[async_trait]
impl Leases for PgLeases {
    async fn acquire(&self, workspace: WorkspaceId, instance: InstanceId) -> Result<Option<i64>, LogError> {
        self.take(workspace, instance).await.map_err(log_error)
    }

    async fn release(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        epoch: i64,
    ) -> Result<(), LogError> {
        let query = sqlx::query(RELEASE)
            .bind(workspace.uuid())
            .bind(instance.uuid())
            .bind(self.node)
            .bind(epoch)
            .bind(NOBODY);
        query.execute(&self.pool).await.map(drop).map_err(log_error)
    }

    async fn heartbeat(&self) -> Result<(), LogError> {
        sqlx::query(HEARTBEAT).bind(self.node).execute(&self.pool).await.map(drop).map_err(log_error)
    }

    async fn held(&self) -> Result<HashMap<InstanceId, i64>, LogError> {
        let query = sqlx::query_as(HELD).bind(self.node);
        let rows: Vec<(Uuid, i64)> = query.fetch_all(&self.pool).await.map_err(log_error)?;
        Ok(rows.into_iter().map(|(instance, epoch)| (InstanceId::new(instance), epoch)).collect())
    }

    async fn held_by_others(&self) -> Result<HashSet<InstanceId>, LogError> {
        let query = sqlx::query_scalar(HELD_BY_OTHERS).bind(self.node).bind(self.expiry.as_secs_f64());
        let ids: Vec<Uuid> = query.fetch_all(&self.pool).await.map_err(log_error)?;
        Ok(ids.into_iter().map(InstanceId::new).collect())
    }
}
