//! Looks after jobs: cancels them, and ends them when nothing of theirs is open any more.
//!
//! What a job needs next is read off its row ([`Job::need`](crate::read::Job::need)), by every server, every second. So
//! a step that a crash took away is done by the next one, and one that two do at once is recorded once.

use std::sync::Arc;

use chrono::TimeDelta;
use interflow_domain::job::JobCommand;
use interflow_domain::message::FailureReason;
use interflow_domain::{JobId, WorkspaceId};

use super::Gateway;
use crate::read::{Job, Need};
use crate::{Actor, Context, Error, FailMessages, RecordJob};

/// A job whose items have been coming for so long is abandoned: longer than any call lasts, and long enough to repeat
/// one that broke off.
const ABANDONED_AFTER: TimeDelta = TimeDelta::minutes(10);
/// Jobs that are looked at in one go.
const JOBS_AT_ONCE: u32 = 100;
/// Messages that are given up in one append.
const MESSAGES_AT_ONCE: u32 = 100;

impl Gateway {
    /// Cancels a job: what was not handed to WhatsApp by now is given up, and leaves the outbox in the same append.
    /// When this returns, nothing more of it is begun; what is at that moment on its way may still arrive, and then
    /// says so.
    pub async fn cancel_job(&self, context: &Context, job: JobId) -> Result<(), Error> {
        self.0.core.run(context, &RecordJob { job, command: JobCommand::CancelJob }).await?;
        let context = Context { command: None, ..context.clone() };
        self.empty(&context, job).await?;
        self.complete(&context, job).await
    }

    /// Does what jobs need that nobody else does.
    pub(super) async fn look_after_jobs(&self) -> Result<(), Error> {
        let stale = self.0.core.clock.now() - ABANDONED_AFTER;
        for (workspace, job) in self.0.core.reads.jobs_in_need(stale, JOBS_AT_ONCE).await? {
            let Some(need) = job.need(stale) else { continue };
            if let Err(error) = self.serve(workspace, &job, need).await {
                tracing::warn!(job = %job.id, %error, "a job could not be moved on and will be tried again");
            }
        }
        Ok(())
    }

    async fn serve(&self, workspace: WorkspaceId, job: &Job, need: Need) -> Result<(), Error> {
        let context = self.internal(workspace, Actor::System("jobs"));
        match need {
            Need::Abandonment => {
                let abandon = RecordJob { job: job.id, command: JobCommand::AbandonJob };
                self.0.core.run(&context, &abandon).await.map(drop)
            }
            Need::Emptying => self.empty(&context, job.id).await,
            Need::Completion => self.complete(&context, job.id).await,
        }
    }

    async fn empty(&self, context: &Context, job: JobId) -> Result<(), Error> {
        let reads = Arc::clone(&self.0.core.reads);
        loop {
            let messages = reads.queued_of_job(context.workspace, job, MESSAGES_AT_ONCE).await?;
            if messages.is_empty() {
                return Ok(());
            }
            let fail = FailMessages { messages, reason: FailureReason::Cancelled, fence: None };
            self.0.core.run(context, &fail).await?;
        }
    }

    async fn complete(&self, context: &Context, job: JobId) -> Result<(), Error> {
        self.0.core.run(context, &RecordJob { job, command: JobCommand::CompleteJob }).await.map(drop)
    }
}
