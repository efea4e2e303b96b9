use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::CheckpointId;

/// What happened to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CheckpointEvent {
    /// It was anchored outside.
    #[serde(rename = "checkpoint.anchored")]
    CheckpointAnchored {
        /// Its id.
        checkpoint_id: CheckpointId,
        /// How many events the log had.
        size: u64,
        /// The root of its tree, in base64.
        root: String,
        /// The signed checkpoint.
        note: String,
    },
}

impl DomainEvent for CheckpointEvent {
    fn event_type(&self) -> String {
        let Self::CheckpointAnchored { .. } = self;
        "checkpoint.anchored".to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
