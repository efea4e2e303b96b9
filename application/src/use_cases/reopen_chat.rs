use async_trait::async_trait;
use interflow_domain::ChatId;
use interflow_domain::chat::{Chat, ChatCommand, ChatStatus};
use interflow_domain::customer::Customer;

use super::existing_chat::existing_chat;
use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Takes a snoozed or closed chat up again. A closed one only while the two have no other that is not closed.
#[derive(Debug, Clone)]
pub struct ReopenChat {
    /// The chat.
    pub id: ChatId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for ReopenChat {
    type Output = ChatId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ChatId, Error> {
        let chat = existing_chat(decision, self.id, self.expected).await?;
        let stream = StreamId::Chat(self.id);
        decision.execute::<Chat>(stream, ChatCommand::ReopenChat).await?;
        if chat.status() == Some(ChatStatus::Closed)
            && let Some((instance, customer)) = chat.instance_id().zip(chat.customer_id())
        {
            if !decision.load::<Customer>(StreamId::Customer(customer)).await?.exists() {
                return Err(Error::Conflict("the customer of the chat was deleted".to_owned()));
            }
            let claim = Claim::open_chat(instance, customer);
            if let Some(StreamId::Chat(other)) = decision.holder(&claim).await? {
                return Err(Error::Conflict(format!(
                    "the customer has another chat on this channel that is not closed: {other}"
                )));
            }
            decision.take(claim, stream);
        }
        decision.answers_with(ResourceRef::Chat(self.id));
        Ok(self.id)
    }
}
