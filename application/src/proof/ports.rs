//! What is known of a workspace's tree.

use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::WorkspaceId;

use super::checkpoint::Checkpoint;
use super::leaf::Leaf;
use super::merkle::Hash;
use super::note::Verifier;
use super::tile::TileId;
use crate::log::LogError;

/// The latest checkpoint of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The same, signed.
    pub note: String,
    /// When it was signed.
    pub at: DateTime<Utc>,
}

/// A key of a tree, as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// What is public of it.
    pub verifier: Verifier,
    /// Since when it signs.
    pub created_at: DateTime<Utc>,
    /// When it stops signing, or did: a newer one signs too. Never, for the newest one.
    pub retires_at: Option<DateTime<Utc>>,
}

/// A workspace's tree, as far as it is sealed.
#[async_trait]
pub trait TransparencyLog: Send + Sync {
    /// The latest checkpoint; none until something is sealed.
    async fn latest(&self, workspace: WorkspaceId) -> Result<Option<Sealed>, LogError>;

    /// Every key that signs or has signed, the newest first.
    async fn keys(&self, workspace: WorkspaceId) -> Result<Vec<PublishedKey>, LogError>;

    /// The hashes of ranges that the tree is split into; `None` when it does not reach so far.
    async fn hashes(
        &self,
        workspace: WorkspaceId,
        ranges: &[Range<u64>],
    ) -> Result<Option<Vec<Hash>>, LogError>;

    /// A tile, as far as it is filled.
    async fn tile(&self, workspace: WorkspaceId, tile: TileId) -> Result<Option<Vec<Hash>>, LogError>;

    /// The events after a position as their leaves have them, at most so many, whether sealed or not.
    async fn leaves(&self, workspace: WorkspaceId, after: u64, limit: u32) -> Result<Vec<Leaf>, LogError>;
}
