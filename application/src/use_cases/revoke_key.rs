use async_trait::async_trait;
use interflow_domain::KeyId;
use interflow_domain::workspace::{Workspace, WorkspaceCommand};

use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Stops an API key from working, at once.
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// The key.
    pub key_id: KeyId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for RevokeKey {
    type Output = KeyId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<KeyId, Error> {
        expect_version(decision, self.key_id, self.expected).await?;
        let command = WorkspaceCommand::RevokeKey { key_id: self.key_id, at: decision.core().clock.now() };
        let stream = StreamId::Workspace(decision.context().workspace);
        decision.execute::<Workspace>(stream, command).await?;
        decision.answers_with(ResourceRef::Key(self.key_id));
        Ok(self.key_id)
    }
}

/// Demands the version of a key that a caller saw. It is not its stream's, which other keys share.
pub(super) async fn expect_version(
    decision: &mut Decision<'_>,
    key_id: KeyId,
    expected: Option<u64>,
) -> Result<(), Error> {
    let stream = StreamId::Workspace(decision.context().workspace);
    let workspace = decision.load::<Workspace>(stream).await?;
    match (workspace.key(key_id), expected) {
        (Some(key), Some(expected)) if key.version != expected => {
            Err(Error::PreconditionFailed { current: key.version })
        }
        _ => Ok(()),
    }
}
