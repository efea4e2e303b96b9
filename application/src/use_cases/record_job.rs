use async_trait::async_trait;
use interflow_domain::JobId;
use interflow_domain::job::{Job, JobCommand};

use crate::log::StreamId;
use crate::metadata::Origin;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Records what became of a job, as the gateway or a caller has it. Says whether that was new.
#[derive(Debug, Clone)]
pub struct RecordJob {
    /// The job.
    pub job: JobId,
    /// What became of it.
    pub command: JobCommand,
}

#[async_trait]
impl UseCase for RecordJob {
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        decision.answers_with(ResourceRef::Job(self.job));
        let stream = StreamId::Job(self.job);
        let changed = decision.execute::<Job>(stream, self.command.clone()).await?;
        if changed {
            decision.follows_from(&[stream], Origin::First).await?;
        }
        Ok(changed)
    }
}
