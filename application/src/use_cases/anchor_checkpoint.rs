use async_trait::async_trait;
use interflow_domain::CheckpointId;
use interflow_domain::checkpoint::{Checkpoint, CheckpointCommand};
use uuid::Uuid;

use crate::log::StreamId;
use crate::proof::Checkpoint as Sealed;
use crate::{Decision, Error, UseCase};

/// Tells in the log itself that a checkpoint of it was anchored, so that whoever listens to it holds it too. The same one
/// is told once.
#[derive(Debug, Clone)]
pub struct AnchorCheckpoint {
    /// What it says.
    pub checkpoint: Sealed,
    /// The same, signed.
    pub note: String,
}

impl AnchorCheckpoint {
    /// The stream that it is: a function of what was signed, and of who has signed it.
    #[must_use]
    pub fn id(&self) -> CheckpointId {
        CheckpointId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, self.note.as_bytes()))
    }
}

#[async_trait]
impl UseCase for AnchorCheckpoint {
    type Output = CheckpointId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<CheckpointId, Error> {
        let checkpoint_id = self.id();
        let command = CheckpointCommand::AnchorCheckpoint {
            checkpoint_id,
            size: self.checkpoint.size,
            root: self.checkpoint.root.to_string(),
            note: self.note.clone(),
        };
        decision.execute::<Checkpoint>(StreamId::Checkpoint(checkpoint_id), command).await?;
        Ok(checkpoint_id)
    }
}
