use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::JobKind;
use crate::{InstanceId, JobId};

/// What happened to a job. What became of its items is told by their own streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum JobEvent {
    /// It began, and takes items.
    #[serde(rename = "job.created")]
    JobCreated {
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
    /// All of its items are there, or were refused.
    #[serde(rename = "job.filled")]
    JobFilled {
        /// How many are there.
        accepted: u32,
        /// How many were refused.
        rejected: u32,
    },
    /// Whoever brought its items is gone: those that are missing will not come.
    #[serde(rename = "job.abandoned")]
    JobAbandoned {},
    /// Somebody cancelled it.
    #[serde(rename = "job.cancelled")]
    JobCancelled {},
    /// Nothing of it is open any more.
    #[serde(rename = "job.completed")]
    JobCompleted {},
}

impl DomainEvent for JobEvent {
    fn event_type(&self) -> String {
        match self {
            Self::JobCreated { .. } => "job.created",
            Self::JobFilled { .. } => "job.filled",
            Self::JobAbandoned {} => "job.abandoned",
            Self::JobCancelled {} => "job.cancelled",
            Self::JobCompleted {} => "job.completed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
