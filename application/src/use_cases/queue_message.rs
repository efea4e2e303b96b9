//! Queueing one message: what a single send and an item of a bulk have in common.

use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_domain::instance::Instance;
use interflow_domain::message::{Content, Message, MessageCommand, Participants};
use interflow_domain::{InstanceId, JobId, MessageId, PhoneNumber};
use sha2::{Digest, Sha256};

use crate::log::{Rider, StreamId};
use crate::{Decision, Error};

/// A message that is to be queued.
pub(super) struct Letter<'a> {
    pub message_id: MessageId,
    pub to: &'a PhoneNumber,
    pub content: &'a Content,
    pub reply_to: Option<MessageId>,
    pub deadline: DateTime<Utc>,
    /// The job it belongs to, and how long it may wait for WhatsApp from its turn on.
    pub job: Option<(JobId, Duration)>,
}

/// Only a linked instance takes messages: nothing else will ever send them.
pub(super) async fn refuse_unlinked(decision: &mut Decision<'_>, instance: InstanceId) -> Result<(), Error> {
    let linked = decision.load::<Instance>(StreamId::Instance(instance)).await?.is_linked();
    if linked { Ok(()) } else { Err(Error::ChannelNotConnected) }
}

/// Queues a message that there is not yet, and asks the gateway to send it.
pub(super) async fn queue(
    decision: &mut Decision<'_>,
    participants: Participants,
    letter: Letter<'_>,
) -> Result<(), Error> {
    let Letter { message_id, to, content, reply_to, deadline, job } = letter;
    let command = MessageCommand::QueueMessage {
        message_id,
        participants,
        to: to.clone(),
        content: content.clone(),
        whatsapp_id: whatsapp_id(message_id),
        reply_to,
        deadline,
        job_id: job.map(|(job, _)| job),
    };
    let stream = StreamId::Message(message_id);
    decision.begin::<Message>(stream, command).await?;
    decision.caused_within(StreamId::Customer(participants.customer_id), stream);
    decision.caused_within(StreamId::Chat(participants.chat_id), stream);
    decision.ride(Rider::Send {
        message: message_id,
        instance: participants.instance_id,
        chat: participants.chat_id,
        deadline,
        paced: job.map(|(_, patience)| patience),
    });
    Ok(())
}

/// The id a message has on WhatsApp, in the form its web client uses. A function of our id, so that every attempt,
/// also one after a crash, carries the same.
fn whatsapp_id(message: MessageId) -> String {
    let digest = Sha256::digest(message.uuid().as_bytes());
    format!("3EB0{}", hex::encode_upper(&digest[..9]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whatsapp_id_is_a_function_of_ours_in_the_web_clients_form() {
        let id: MessageId = "msg_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        assert_eq!(whatsapp_id(id), whatsapp_id(id));
        assert_eq!(whatsapp_id(id).len(), 22);
        assert!(whatsapp_id(id).starts_with("3EB0"));
        assert_ne!(whatsapp_id(id), whatsapp_id(MessageId::default()));
    }
}
