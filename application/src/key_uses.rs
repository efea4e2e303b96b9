//! When keys were last shown to the server. That is no event: it is noted now and then, and a server that dies loses
//! what it has not noted yet.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::{KeyId, WorkspaceId};

use crate::log::LogError;

/// The last use of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// The key's workspace.
    pub workspace: WorkspaceId,
    /// The key.
    pub key: KeyId,
    /// When.
    pub at: DateTime<Utc>,
}

/// Where last uses are noted.
#[async_trait]
pub trait KeyUseStore: Send + Sync {
    /// Notes these, each key at most once among them. A later use that is noted already stays.
    async fn note(&self, uses: &[KeyUse]) -> Result<(), LogError>;
}
