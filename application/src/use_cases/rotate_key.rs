use async_trait::async_trait;
use chrono::TimeDelta;
use interflow_domain::KeyId;
use interflow_domain::workspace::{Workspace, WorkspaceCommand};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::create_key::asker;
use super::issue_key::shown;
use super::revoke_key::expect_version;
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Gives an API key another secret. The one it has goes on working for a while; one still older stops.
#[derive(Clone)]
pub struct RotateKey {
    /// The key.
    pub key_id: KeyId,
    /// The new secret.
    pub secret: String,
    /// What the secret was made from, for a repetition to make it again.
    pub nonce: Uuid,
    /// How long the secret before it goes on working.
    pub overlap: TimeDelta,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for RotateKey {
    /// What the secret was made from.
    type Output = Uuid;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Uuid, Error> {
        expect_version(decision, self.key_id, self.expected).await?;
        let command = WorkspaceCommand::RotateKey {
            key_id: self.key_id,
            secret_sha256: hex::encode(Sha256::digest(&self.secret)),
            prefix: shown(&self.secret),
            at: decision.core().clock.now(),
            overlap: self.overlap,
            rotated_by: asker(decision.context()),
        };
        let stream = StreamId::Workspace(decision.context().workspace);
        decision.execute::<Workspace>(stream, command).await?;
        decision.answers_with(ResourceRef::Secret(self.nonce));
        Ok(self.nonce)
    }
}
