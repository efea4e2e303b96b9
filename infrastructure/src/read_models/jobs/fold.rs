//! What the events of a job, and the moves of its messages, make of its row.

use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::{Job, Message, Progress};
use interflow_domain::JobId;
use interflow_domain::job::{JobEvent, JobKind, JobStatus};
use interflow_domain::message::{FailureReason, MessageStatus};

/// A row of `jobs`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: Job,
    pub(in crate::read_models) created_position: u64,
}

/// Where an item of a job may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read_models) enum Place {
    Queued,
    Sent,
    Delivered,
    Read,
    Failed,
    Cancelled,
}

/// An item of a job that came, or went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read_models) struct Move {
    pub(in crate::read_models) job: JobId,
    /// Nowhere, when it is new.
    pub(in crate::read_models) from: Option<Place>,
    pub(in crate::read_models) to: Place,
    /// Of the event that moved it.
    pub(in crate::read_models) position: u64,
}

/// The job of a message, and where in it the message is.
pub(in crate::read_models) fn standing(message: &Message) -> Option<(JobId, Place)> {
    let place = match message.status {
        MessageStatus::Queued => Place::Queued,
        MessageStatus::Sent => Place::Sent,
        MessageStatus::Delivered => Place::Delivered,
        MessageStatus::Read | MessageStatus::Played => Place::Read,
        MessageStatus::Failed
            if message.status_reason.as_deref() == Some(FailureReason::Cancelled.name()) =>
        {
            Place::Cancelled
        }
        MessageStatus::Failed => Place::Failed,
    };
    message.job.map(|job| (job, place))
}

impl Move {
    /// What moved between two standings of a message.
    pub(in crate::read_models) fn between(
        before: Option<(JobId, Place)>,
        after: Option<(JobId, Place)>,
        position: u64,
    ) -> Option<Self> {
        let (job, to) = after?;
        let from = before.map(|(_, place)| place);
        (from != Some(to)).then_some(Self { job, from, to, position })
    }
}

pub(super) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent) {
    let Event::Job(event) = &recorded.event else { return };
    if let JobEvent::JobCreated { job_id, kind, instance_id, total, expires_at } = event {
        let view = Job {
            id: *job_id,
            kind: *kind,
            status: JobStatus::Running,
            instance: *instance_id,
            total: *total,
            accepted: 0,
            rejected: 0,
            takes_items: true,
            progress: Progress::default(),
            created_at: recorded.recorded_at,
            expires_at: *expires_at,
            finished_at: None,
            version: recorded.version,
            touched: recorded.position,
        };
        *row = Some(Row { view, created_position: recorded.position });
    } else if let Some(Row { view, .. }) = row {
        change(view, event, recorded);
        view.version = recorded.version;
        view.touched = view.touched.max(recorded.position);
    }
}

fn change(view: &mut Job, event: &JobEvent, recorded: &RecordedEvent) {
    match event {
        JobEvent::JobCreated { .. } => {}
        JobEvent::JobFilled { accepted, rejected } => {
            // Messages that were accepted are counted as they come.
            if view.kind == JobKind::WebhookReplay {
                view.accepted = *accepted;
            }
            view.rejected = *rejected;
            view.takes_items = false;
        }
        JobEvent::JobAbandoned {} => {
            view.status = JobStatus::Incomplete;
            view.takes_items = false;
        }
        JobEvent::JobCancelled {} => {
            view.status = JobStatus::Cancelled;
            view.takes_items = false;
        }
        JobEvent::JobCompleted {} => {
            if view.status == JobStatus::Running {
                view.status = JobStatus::Completed;
            }
            view.finished_at = Some(recorded.recorded_at);
        }
    }
}

pub(super) fn moved(row: &mut Option<Row>, one: &Move) {
    let Some(Row { view, .. }) = row else { return };
    match one.from {
        Some(from) => {
            let left = count(&mut view.progress, from);
            *left = left.saturating_sub(1);
        }
        None => view.accepted += 1,
    }
    *count(&mut view.progress, one.to) += 1;
    view.touched = view.touched.max(one.position);
}

const fn count(progress: &mut Progress, place: Place) -> &mut u32 {
    match place {
        Place::Queued => &mut progress.queued,
        Place::Sent => &mut progress.sent,
        Place::Delivered => &mut progress.delivered,
        Place::Read => &mut progress.read,
        Place::Failed => &mut progress.failed,
        Place::Cancelled => &mut progress.cancelled,
    }
}
