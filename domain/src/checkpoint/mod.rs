//! A checkpoint of a workspace's log that was anchored: told to whoever listens, so that those outside hold it too.
//!
//! Each is a stream of its own with one event, so that nothing grows without bound. What it says was signed elsewhere; here
//! it is a text.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Checkpoint;
pub use command::CheckpointCommand;
pub use error::CheckpointError;
pub use event::CheckpointEvent;
