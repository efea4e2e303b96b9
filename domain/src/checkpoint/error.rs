/// The rule of a checkpoint that a command broke: there is none to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {}
