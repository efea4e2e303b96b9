use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::workspace::{KeyOrigin, Scope, Workspace, WorkspaceCommand};
use interflow_domain::{DisplayName, KeyId};
use sha2::{Digest, Sha256};

use super::issue_key::shown;
use crate::log::StreamId;
use crate::{Actor, Context, Decision, Error, ResourceRef, UseCase};

/// Issues an API key for a caller, which may do no more than the caller's own key. Only the hash of the secret is
/// recorded.
#[derive(Clone)]
pub struct CreateKey {
    /// The id it gets.
    pub key_id: KeyId,
    /// What people call it.
    pub name: DisplayName,
    /// What it may do; at least one.
    pub scopes: Vec<Scope>,
    /// The secret.
    pub secret: String,
    /// When it stops working; in the future.
    pub expires_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl UseCase for CreateKey {
    type Output = KeyId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<KeyId, Error> {
        let now = decision.core().clock.now();
        if self.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Error::field("expires_at", "must be in the future"));
        }
        let command = WorkspaceCommand::IssueKey {
            key_id: self.key_id,
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            secret_sha256: hex::encode(Sha256::digest(&self.secret)),
            prefix: shown(&self.secret),
            expires_at: self.expires_at,
            origin: KeyOrigin::Issued,
            issued_by: asker(decision.context()),
        };
        let stream = StreamId::Workspace(decision.context().workspace);
        decision.execute::<Workspace>(stream, command).await?;
        decision.answers_with(ResourceRef::Key(self.key_id));
        Ok(self.key_id)
    }
}

/// The key that asks, where it is one.
pub(super) const fn asker(context: &Context) -> Option<KeyId> {
    if let Actor::Key(id) = &context.actor { Some(*id) } else { None }
}
