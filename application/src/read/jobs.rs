//! Jobs as they can be asked for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::job::{JobKind, JobStatus};
use interflow_domain::{InstanceId, JobId, MessageId, WorkspaceId};

use super::{Message, Page, PageRequest};
use crate::log::LogError;

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What kind of work it is.
    pub kind: JobKind,
    /// Where it stands, or how it ended.
    pub status: JobStatus,
    /// The instance it goes through, if it goes through one.
    pub instance: Option<InstanceId>,
    /// How many items the call brought.
    pub total: u32,
    /// How many of them were taken, so far.
    pub accepted: u32,
    /// How many were refused; known once all have been looked at.
    pub rejected: u32,
    /// Whether items may still be added.
    pub takes_items: bool,
    /// Where the accepted ones are.
    pub progress: Progress,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When what is still open of it is given up.
    pub expires_at: DateTime<Utc>,
    /// When nothing of it was open any more.
    pub finished_at: Option<DateTime<Utc>>,
    /// How many events it has.
    pub version: u64,
    /// The position of its last event, or of the last one of its items.
    pub touched: u64,
}

/// Where the items of a job are: each is counted once, at the furthest it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Open: neither sent nor given up.
    pub queued: u32,
    /// At WhatsApp's server.
    pub sent: u32,
    /// At the recipient's phone.
    pub delivered: u32,
    /// Read by the recipient, or played.
    pub read: u32,
    /// Given up, for a reason of its own.
    pub failed: u32,
    /// Given up because the job was cancelled.
    pub cancelled: u32,
}

/// What a job that nobody looks after any more needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The rest of its items will not come.
    Abandonment,
    /// It was cancelled, and items of it are still open.
    Emptying,
    /// Nothing of it is open: it has ended.
    Completion,
}

impl Job {
    /// What it needs next, when one that has taken items since before `stale` is left alone by its caller.
    #[must_use]
    pub fn need(&self, stale: DateTime<Utc>) -> Option<Need> {
        if self.finished_at.is_some() {
            return None;
        }
        let open = self.progress.queued > 0;
        if self.takes_items {
            // Whoever replays goes on after a restart.
            let is_left = self.kind == JobKind::BulkSend && self.created_at < stale;
            is_left.then_some(Need::Abandonment)
        } else if open {
            (self.status == JobStatus::Cancelled).then_some(Need::Emptying)
        } else {
            Some(Need::Completion)
        }
    }
}

/// Answers questions about jobs.
#[async_trait]
pub trait JobReads: Send + Sync {
    /// A job.
    async fn job(&self, workspace: WorkspaceId, id: JobId) -> Result<Option<Job>, LogError>;

    /// Jobs, newest first.
    async fn jobs(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Job>, LogError>;

    /// The messages of a job, newest first.
    async fn messages_of_job(
        &self,
        workspace: WorkspaceId,
        job: JobId,
        page: PageRequest,
    ) -> Result<Page<Message>, LogError>;

    /// Up to `limit` of a job's messages that are queued, in their order.
    async fn queued_of_job(
        &self,
        workspace: WorkspaceId,
        job: JobId,
        limit: u32,
    ) -> Result<Vec<MessageId>, LogError>;

    /// Jobs of any workspace that may need something ([`Job::need`]), oldest first.
    async fn jobs_in_need(
        &self,
        stale: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(WorkspaceId, Job)>, LogError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn job() -> Job {
        Job {
            id: JobId::default(),
            kind: JobKind::BulkSend,
            status: JobStatus::Running,
            instance: None,
            total: 3,
            accepted: 2,
            rejected: 1,
            takes_items: false,
            progress: Progress { queued: 1, sent: 1, ..Progress::default() },
            created_at: STALE,
            expires_at: STALE,
            finished_at: None,
            version: 2,
            touched: 9,
        }
    }

    #[test]
    fn a_job_that_is_under_way_needs_nothing_until_nothing_of_it_is_open() {
        assert_eq!(job().need(STALE), None);
        let done = Job { progress: Progress { sent: 2, ..Progress::default() }, ..job() };
        assert_eq!(done.need(STALE), Some(Need::Completion));
        assert_eq!(Job { finished_at: Some(STALE), ..done }.need(STALE), None);
    }

    #[test]
    fn a_job_that_takes_items_is_abandoned_only_when_it_is_stale() {
        let open = Job { takes_items: true, progress: Progress::default(), ..job() };
        assert_eq!(open.need(STALE), None);
        let stale = STALE + chrono::TimeDelta::microseconds(1);
        assert_eq!(open.need(stale), Some(Need::Abandonment));
    }

    #[test]
    fn a_cancelled_job_is_emptied_and_then_completed() {
        let cancelled = Job { status: JobStatus::Cancelled, ..job() };
        assert_eq!(cancelled.need(STALE), Some(Need::Emptying));
        let empty = Job { progress: Progress { cancelled: 2, ..Progress::default() }, ..cancelled };
        assert_eq!(empty.need(STALE), Some(Need::Completion));
    }
}
