//! A job is work on many things that one call asked for: 202 now, progress to be looked at, a visible end.
//!
//! It is created with how many items it is to have, and takes them until it is filled: from then on nothing is added.
//! Whoever brings the items may be gone before all are there; then the job is abandoned, and what it has is carried
//! out. It may be cancelled until it is completed: it takes nothing more, and what has not happened yet does not happen.
//! It is completed, once, when nothing of it is open any more.
//!
//! What becomes of each item is recorded where it happens: the messages of a bulk send are streams of their own that
//! carry the job's id, and progress is counted from them. So a job of a thousand messages has three events.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use aggregate::Job;
pub use command::JobCommand;
pub use error::JobError;
pub use event::JobEvent;

/// What kind of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Messages through one instance, one after the other.
    BulkSend,
    /// Deliveries of a webhook that stand in line once more. It takes items until all of them do.
    WebhookReplay,
}

impl JobKind {
    /// The kind's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BulkSend => "bulk_send",
            Self::WebhookReplay => "webhook_replay",
        }
    }
}

/// Where a job stands, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Under way.
    Running,
    /// All of it was carried out, or failed for a reason of its own.
    Completed,
    /// Somebody cancelled it.
    Cancelled,
    /// The call that brought its items ended in the middle: what it had brought is carried out.
    Incomplete,
}

impl JobStatus {
    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Incomplete => "incomplete",
        }
    }
}
