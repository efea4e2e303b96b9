//! Queueing messages of a bulk send: any part of them, again and again, with the same outcome.

use std::time::Duration;

use async_trait::async_trait;
use interflow_domain::job::Job;
use interflow_domain::message::{Content, Message};
use interflow_domain::{JobId, MessageId, PhoneNumber};
use sha2::{Digest, Sha256};

use super::participants::{Known, participants};
use super::queue_message::{Letter, queue, refuse_unlinked};
use crate::log::StreamId;
use crate::{Decision, Error, Resource, UseCase};

/// One message of a bulk send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkItem {
    /// Its place in the call, from 0. At most [`BulkItem::MAX_INDEX`].
    pub index: u16,
    /// The number it goes to.
    pub to: PhoneNumber,
    /// What it says.
    pub content: Content,
}

impl BulkItem {
    /// The last place that an id has room for.
    pub const MAX_INDEX: u16 = 0xfff;
}

/// Queues some of the messages of a job. One that is queued already stays as it is, so that a call that is repeated
/// after it broke off goes on where it was.
#[derive(Debug, Clone)]
pub struct QueueBulk {
    /// The job.
    pub job: JobId,
    /// The messages, in their order.
    pub items: Vec<BulkItem>,
    /// Whether the job may have some of them.
    pub again: bool,
    /// How long each may wait for WhatsApp, from its turn on.
    pub patience: Duration,
}

/// A message of the call, and its id, or why it was refused.
pub type BulkOutcome = (u16, Result<MessageId, Error>);

#[async_trait]
impl UseCase for QueueBulk {
    type Output = Vec<BulkOutcome>;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Vec<BulkOutcome>, Error> {
        let job = decision.load::<Job>(StreamId::Job(self.job)).await?;
        let instance = job.instance_id().ok_or(Error::NotFound(Resource::Job))?;
        let expires_at = job.expires_at().ok_or(Error::NotFound(Resource::Job))?;
        let linked = match refuse_unlinked(decision, instance).await {
            Ok(()) => true,
            Err(Error::ChannelNotConnected) => false,
            Err(error) => return Err(error),
        };
        let (mut outcomes, mut queued) = (Vec::with_capacity(self.items.len()), vec![]);
        for BulkItem { index, to, content } in &self.items {
            let message_id = message_id(self.job, *index);
            let outcome = if self.has(decision, message_id).await? {
                Ok(message_id)
            } else if !job.takes_items() {
                Err(Error::Conflict("the job has ended before this message was queued".to_owned()))
            } else if !linked {
                Err(Error::ChannelNotConnected)
            } else {
                let known = Known { phone: Some(to.clone()), ..Known::default() };
                let participants = participants(decision, instance, known).await?;
                let job = Some((self.job, self.patience));
                let letter = Letter { message_id, to, content, reply_to: None, deadline: expires_at, job };
                queue(decision, participants, letter).await?;
                queued.push(StreamId::Message(message_id));
                Ok(message_id)
            };
            outcomes.push((*index, outcome));
        }
        decision.belongs_to(&queued, StreamId::Job(self.job)).await?;
        Ok(outcomes)
    }
}

impl QueueBulk {
    /// Whether the job has a message. A fresh one has none, which need not be asked for each: should it have it
    /// nevertheless, the append finds out.
    async fn has(&self, decision: &mut Decision<'_>, message: MessageId) -> Result<bool, Error> {
        let look = self.again || decision.is_repeated();
        Ok(look && decision.load::<Message>(StreamId::Message(message)).await?.exists())
    }
}

/// The id of a job's message: a function of the job and the place, a UUIDv8 that begins with the job's time and the
/// place. So a repetition finds it, and the messages of an append are recorded in their order.
fn message_id(job: JobId, index: u16) -> MessageId {
    let job = job.uuid();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&job.as_bytes()[..6]);
    bytes[6..8].copy_from_slice(&(index & BulkItem::MAX_INDEX).to_be_bytes());
    bytes[8..].copy_from_slice(&Sha256::digest(job.as_bytes())[..8]);
    MessageId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_jobs_messages_are_functions_of_job_and_place_in_the_order_of_the_places() {
        let job: JobId = "job_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let ids: Vec<_> = (0..=BulkItem::MAX_INDEX).map(|index| message_id(job, index)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert_eq!(ids[7], message_id(job, 7));
        assert_eq!(ids[7].uuid().get_version_num(), 8);
        assert_eq!(ids[7].uuid().get_variant(), uuid::Variant::RFC4122);
        let another = JobId::new(uuid::Uuid::from_u128(job.uuid().as_u128() ^ 1));
        assert_ne!(ids[7], message_id(another, 7));
    }
}
