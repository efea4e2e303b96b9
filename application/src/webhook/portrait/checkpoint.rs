use chrono::{DateTime, Utc};
use interflow_domain::CheckpointId;
use interflow_domain::checkpoint::CheckpointEvent;

use super::Portrait;
use crate::log::{Event, RecordedEvent};

/// A checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointPortrait {
    /// Its id.
    pub id: CheckpointId,
    /// How many events the log had.
    pub size: u64,
    /// The root of its tree, in base64.
    pub root: String,
    /// The signed checkpoint.
    pub note: String,
    /// When it was anchored.
    pub created_at: DateTime<Utc>,
    /// How many events it had.
    pub version: u64,
}

impl Portrait for CheckpointPortrait {
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent) {
        let Event::Checkpoint(event) = &recorded.event else { return };
        let CheckpointEvent::CheckpointAnchored { checkpoint_id, size, root, note } = event;
        *portrait = Some(Self {
            id: *checkpoint_id,
            size: *size,
            root: root.clone(),
            note: note.clone(),
            created_at: recorded.recorded_at,
            version: recorded.version,
        });
    }
}
