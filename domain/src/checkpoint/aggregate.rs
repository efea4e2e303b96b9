use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{CheckpointCommand, CheckpointError, CheckpointEvent};
use crate::Decide;

/// What the events of a checkpoint amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    anchored: bool,
}

impl Checkpoint {
    /// Whether it was anchored.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.anchored
    }
}

impl Decide for Checkpoint {
    fn decide(&self, command: CheckpointCommand) -> Result<Vec<CheckpointEvent>, CheckpointError> {
        let CheckpointCommand::AnchorCheckpoint { checkpoint_id, size, root, note } = command;
        if self.anchored {
            return Ok(vec![]);
        }
        Ok(vec![CheckpointEvent::CheckpointAnchored { checkpoint_id, size, root, note }])
    }
}

impl Aggregate for Checkpoint {
    const TYPE: &'static str = "checkpoint";
    type Command = CheckpointCommand;
    type Event = CheckpointEvent;
    type Error = CheckpointError;
    type Services = ();

    async fn handle(
        &mut self,
        command: CheckpointCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), CheckpointError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: CheckpointEvent) {
        let CheckpointEvent::CheckpointAnchored { .. } = event;
        self.anchored = true;
    }
}
