use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::JobId;
use interflow_domain::job::{Job, JobCommand, JobKind};

use super::ChannelRef;
use super::queue_message::refuse_unlinked;
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Begins a bulk send: the job that its messages are queued for next ([`super::QueueBulk`]).
#[derive(Debug, Clone)]
pub struct OpenBulk {
    /// The channel it goes through.
    pub channel: ChannelRef,
    /// How many messages the caller has brought, right or wrong.
    pub total: u32,
    /// When what still waits for its turn is given up.
    pub expires_at: DateTime<Utc>,
}

#[async_trait]
impl UseCase for OpenBulk {
    type Output = JobId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<JobId, Error> {
        let instance = self.channel.resolve(decision).await?;
        refuse_unlinked(decision, instance).await?;
        let job_id = JobId::new(decision.core().ids.next());
        let command = JobCommand::CreateJob {
            job_id,
            kind: JobKind::BulkSend,
            instance_id: Some(instance),
            total: self.total,
            expires_at: self.expires_at,
        };
        decision.begin::<Job>(StreamId::Job(job_id), command).await?;
        decision.answers_with(ResourceRef::Job(job_id));
        Ok(job_id)
    }
}
