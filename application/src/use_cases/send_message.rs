use async_trait::async_trait;
use interflow_domain::message::{Content, Message};
use interflow_domain::{MessageId, PhoneNumber};
use std::time::Duration;

use super::ChannelRef;
use super::participants::{Known, participants};
use super::queue_message::{Letter, queue, refuse_unlinked};
use crate::log::StreamId;
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
        refuse_unlinked(decision, instance).await?;
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
        let (to, content, reply_to) = (&self.to, &self.content, self.reply_to);
        queue(decision, participants, Letter { message_id, to, content, reply_to, deadline, job: None })
            .await?;
        decision.answers_with(ResourceRef::Message(message_id));
        Ok(message_id)
    }
}
