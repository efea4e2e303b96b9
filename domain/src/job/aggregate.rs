use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{JobCommand, JobError, JobEvent, JobKind, JobStatus};
use crate::{Decide, InstanceId, JobId};

/// What the events of a job amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Job {
    created: Option<Created>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Created {
    job_id: JobId,
    kind: JobKind,
    instance_id: Option<InstanceId>,
    expires_at: DateTime<Utc>,
    intake: Intake,
    cancelled: bool,
    completed: bool,
}

/// Whether a job takes items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Intake {
    Open,
    Filled,
    Abandoned,
}

impl Job {
    /// Whether it was created.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.created.is_some()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<JobId> {
        self.created.as_ref().map(|job| job.job_id)
    }

    /// What kind of work it is.
    #[must_use]
    pub fn kind(&self) -> Option<JobKind> {
        self.created.as_ref().map(|job| job.kind)
    }

    /// The instance it goes through.
    #[must_use]
    pub fn instance_id(&self) -> Option<InstanceId> {
        self.created.as_ref()?.instance_id
    }

    /// When what is still open of it is given up.
    #[must_use]
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.created.as_ref().map(|job| job.expires_at)
    }

    /// Whether items may still be added.
    #[must_use]
    pub fn takes_items(&self) -> bool {
        self.created.as_ref().is_some_and(Created::takes_items)
    }

    /// Where it stands, or how it ended. Cancelled or incomplete it is so at once, also while something of it is open.
    #[must_use]
    pub fn status(&self) -> Option<JobStatus> {
        self.created.as_ref().map(|job| match (job.cancelled, job.intake, job.completed) {
            (true, ..) => JobStatus::Cancelled,
            (false, Intake::Abandoned, _) => JobStatus::Incomplete,
            (false, _, true) => JobStatus::Completed,
            (false, _, false) => JobStatus::Running,
        })
    }
}

impl Created {
    fn takes_items(&self) -> bool {
        self.intake == Intake::Open && !self.cancelled
    }
}

impl Decide for Job {
    fn decide(&self, command: JobCommand) -> Result<Vec<JobEvent>, JobError> {
        use JobCommand as C;
        use JobEvent as E;

        let Some(job) = &self.created else {
            return match command {
                C::CreateJob { job_id, kind, instance_id, total, expires_at } => {
                    Ok(vec![E::JobCreated { job_id, kind, instance_id, total, expires_at }])
                }
                _ => Err(JobError::NotCreated),
            };
        };
        match command {
            C::CreateJob { .. } => Err(JobError::AlreadyCreated),
            C::FillJob { .. } if job.intake == Intake::Filled => Ok(vec![]),
            C::FillJob { .. } if !job.takes_items() => Err(JobError::Closed),
            C::FillJob { accepted, rejected } => Ok(vec![E::JobFilled { accepted, rejected }]),
            C::AbandonJob => Ok(if job.takes_items() { vec![E::JobAbandoned {}] } else { vec![] }),
            C::CancelJob if job.cancelled => Ok(vec![]),
            C::CancelJob if job.completed => Err(JobError::Ended),
            C::CancelJob => Ok(vec![E::JobCancelled {}]),
            C::CompleteJob if job.completed => Ok(vec![]),
            C::CompleteJob if job.takes_items() => Err(JobError::StillOpen),
            C::CompleteJob => Ok(vec![E::JobCompleted {}]),
        }
    }
}

impl Aggregate for Job {
    const TYPE: &'static str = "job";
    type Command = JobCommand;
    type Event = JobEvent;
    type Error = JobError;
    type Services = ();

    async fn handle(&mut self, command: JobCommand, (): &(), sink: &EventSink<Self>) -> Result<(), JobError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: JobEvent) {
        use JobEvent as E;

        if let E::JobCreated { job_id, kind, instance_id, expires_at, .. } = event {
            self.created = Some(Created {
                job_id,
                kind,
                instance_id,
                expires_at,
                intake: Intake::Open,
                cancelled: false,
                completed: false,
            });
            return;
        }
        let Some(job) = &mut self.created else { return };
        match event {
            E::JobCreated { .. } => {}
            E::JobFilled { .. } => job.intake = Intake::Filled,
            E::JobAbandoned {} => job.intake = Intake::Abandoned,
            E::JobCancelled {} => job.cancelled = true,
            E::JobCompleted {} => job.completed = true,
        }
    }
}
