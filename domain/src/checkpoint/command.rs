use crate::CheckpointId;

/// What may be asked of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointCommand {
    /// Tell of it. A second time nothing happens.
    AnchorCheckpoint {
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
