use chrono::{DateTime, Utc};

use super::JobKind;
use crate::{InstanceId, JobId};

/// What may be asked of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobCommand {
    /// Begin it.
    CreateJob {
        /// Its id.
        job_id: JobId,
        /// What kind of work it is.
        kind: JobKind,
        /// The instance it goes through, if it goes through one.
        instance_id: Option<InstanceId>,
        /// How many items it is to have.
        total: u32,
        /// When what is still open of it is given up.
        expires_at: DateTime<Utc>,
    },
    /// All of its items are there, or were refused. Nothing is added after that.
    FillJob {
        /// How many are there.
        accepted: u32,
        /// How many were refused.
        rejected: u32,
    },
    /// Give up waiting for the rest of its items.
    AbandonJob,
    /// Take nothing more; what has not happened yet is not to happen. Not once it is completed.
    CancelJob,
    /// Nothing of it is open any more. Not while it takes items.
    CompleteJob,
}
