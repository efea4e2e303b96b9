//! What is asked of a tree.

use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::proof::tile::{TileId, Tiles, needed};
use interflow_application::proof::{Hash, Leaf, PublishedKey, Sealed, TransparencyLog};
use interflow_domain::WorkspaceId;

use super::seal::checkpoint_of;
use super::{PgProofs, leaves, tree};
use crate::event_log::log_error;

const LATEST: &str =
    "SELECT checkpoint, signed_at FROM audit_logs WHERE workspace_id = $1 AND checkpoint IS NOT NULL";

#[async_trait]
impl TransparencyLog for PgProofs {
    async fn latest(&self, workspace: WorkspaceId) -> Result<Option<Sealed>, LogError> {
        let query = sqlx::query_as(LATEST).bind(workspace.uuid());
        let row: Option<(String, DateTime<Utc>)> =
            query.fetch_optional(&self.pool).await.map_err(log_error)?;
        let Some((note, at)) = row else { return Ok(None) };
        Ok(Some(Sealed { checkpoint: checkpoint_of(&note)?, note, at }))
    }

    async fn keys(&self, workspace: WorkspaceId) -> Result<Vec<PublishedKey>, LogError> {
        Ok(self.published(workspace).await?)
    }

    async fn hashes(
        &self,
        workspace: WorkspaceId,
        ranges: &[Range<u64>],
    ) -> Result<Option<Vec<Hash>>, LogError> {
        let mut connection = self.pool.acquire().await.map_err(log_error)?;
        let tiles: Tiles =
            tree::read(&mut connection, workspace, needed(ranges)).await?.into_iter().collect();
        Ok(ranges.iter().map(|range| tiles.hash_of(range.clone())).collect())
    }

    async fn tile(&self, workspace: WorkspaceId, tile: TileId) -> Result<Option<Vec<Hash>>, LogError> {
        let mut connection = self.pool.acquire().await.map_err(log_error)?;
        Ok(tree::read(&mut connection, workspace, [tile]).await?.remove(&tile))
    }

    async fn leaves(&self, workspace: WorkspaceId, after: u64, limit: u32) -> Result<Vec<Leaf>, LogError> {
        let mut connection = self.pool.acquire().await.map_err(log_error)?;
        Ok(leaves::after(&mut connection, workspace, after, limit).await?.leaves)
    }
}
