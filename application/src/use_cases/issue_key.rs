use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::workspace::{KeyOrigin, Scope, Workspace, WorkspaceCommand};
use interflow_domain::{DisplayName, KeyId};
use sha2::{Digest, Sha256};

use crate::log::StreamId;
use crate::{Decision, Error, UseCase};

/// Issues an API key for the workspace of the context. Only the hash of the secret is recorded.
#[derive(Clone)]
pub struct IssueKey {
    /// What people call it.
    pub name: DisplayName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The secret.
    pub secret: String,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where it came from.
    pub origin: KeyOrigin,
}

#[async_trait]
impl UseCase for IssueKey {
    /// Whether it is new: the same key from the environment is not issued twice.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let command = WorkspaceCommand::IssueKey {
            key_id: KeyId::new(decision.core().ids.next()),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            secret_sha256: hex::encode(Sha256::digest(&self.secret)),
            expires_at: self.expires_at,
            origin: self.origin,
        };
        decision.execute::<Workspace>(StreamId::Workspace(decision.context().workspace), command).await
    }
}
