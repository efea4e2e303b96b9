use async_trait::async_trait;
use interflow_domain::instance::Instance;
use interflow_domain::message::{Content, Message, MessageCommand};
use interflow_domain::{MessageId, PhoneNumber};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::ChannelRef;
use super::participants::{Known, participants};
use crate::log::{Rider, StreamId};
use crate::{Decision, Error, ResourceRef, UseCase};

/// Accepts a message to be sent. An unknown number opens its customer and chat in the same append.
#[derive(Debug, Clone)]
pub struct SendMessage {
    /// The channel it goes through.
    pub channel: ChannelRef,
    /// The number it goes to.
    pub to: PhoneNumber,
    /// What it says.
    pub content: Content,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// How long it may wait for WhatsApp before it is given up.
    pub patience: Duration,
}

#[async_trait]
impl UseCase for SendMessage {
    type Output = MessageId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<MessageId, Error> {
        let instance = self.channel.resolve(decision).await?;
        if !decision.load::<Instance>(StreamId::Instance(instance)).await?.is_linked() {
            return Err(Error::ChannelNotConnected);
        }
        let known = Known { phone: Some(self.to.clone()), ..Known::default() };
        let participants = participants(decision, instance, known).await?;
        if let Some(answered) = self.reply_to {
            let answered = decision.load::<Message>(StreamId::Message(answered)).await?;
            if answered.participants().is_none_or(|its| its.chat_id != participants.chat_id) {
                return Err(Error::field("reply_to", "names no message of this chat"));
            }
        }
        let message_id = MessageId::new(decision.core().ids.next());
        let deadline = decision.core().clock.now() + self.patience;
        let command = MessageCommand::QueueMessage {
            message_id,
            participants,
            to: self.to.clone(),
            content: self.content.clone(),
            whatsapp_id: whatsapp_id(message_id),
            reply_to: self.reply_to,
            deadline,
        };
        decision.begin::<Message>(StreamId::Message(message_id), command).await?;
        decision.ride(Rider::Send { message: message_id, instance, chat: participants.chat_id, deadline });
        decision.answers_with(ResourceRef::Message(message_id));
        Ok(message_id)
    }
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
