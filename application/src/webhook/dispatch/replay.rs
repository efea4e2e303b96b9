//! A stretch of the log is read for an endpoint once more.

use interflow_domain::job::{JobCommand, JobStatus};

use super::endpoint::Endpoint;
use crate::webhook::ports::Replay;
use crate::{Error, RecordJob};

impl Endpoint<'_> {
    /// Puts the next stretch of a replay into line, or ends it. Says whether the lease still holds.
    pub(super) async fn replay_on(&mut self, replay: Replay) -> Result<bool, Error> {
        if self.is_cancelled(replay).await? || replay.position >= replay.until {
            self.end_replay(replay).await?;
            return Ok(true);
        }
        let mut stretch = self.nothing_of(replay.position, replay.until);
        if !replay.failed_only {
            stretch = self.stretch_after(replay.position, Some(replay.until), u32::MAX).await?;
        }
        let store = &self.dispatcher.0.ports.store;
        self.replay = store.enqueue_again(self.lease, replay, &stretch).await?;
        self.look = true;
        // Without an answer the lease is lost, or the replay was ended; what is asked next says which.
        Ok(true)
    }

    async fn is_cancelled(&self, replay: Replay) -> Result<bool, Error> {
        let job = self.dispatcher.0.core.reads.job(self.lease.endpoint.workspace, replay.job).await?;
        Ok(job.is_none_or(|job| job.status == JobStatus::Cancelled || job.finished_at.is_some()))
    }

    async fn end_replay(&mut self, replay: Replay) -> Result<(), Error> {
        let context = self.dispatcher.internal(self.lease.endpoint.workspace);
        let accepted = u32::try_from(replay.queued).unwrap_or(u32::MAX);
        let fill = RecordJob { job: replay.job, command: JobCommand::FillJob { accepted, rejected: 0 } };
        match self.dispatcher.0.core.run(&context, &fill).await {
            // A job that was cancelled takes no note of how far it came.
            Ok(_) | Err(Error::Conflict(_) | Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        self.dispatcher.0.ports.store.end_replay(self.lease.endpoint, replay.job).await?;
        self.replay = None;
        Ok(())
    }
}
