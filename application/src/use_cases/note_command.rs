use async_trait::async_trait;

use crate::{Decision, Error, ResourceRef, UseCase};

/// Notes in the workspace of the context what its command made in another one, for repetitions to find. Changes
/// nothing when there is no command.
#[derive(Debug, Clone, Copy)]
pub struct NoteCommand {
    /// What it made or changed.
    pub resource: ResourceRef,
}

#[async_trait]
impl UseCase for NoteCommand {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        decision.answers_with(self.resource);
        Ok(())
    }
}
