use async_trait::async_trait;
use interflow_domain::ChatId;
use interflow_domain::chat::{Chat, ChatCommand};

use super::existing_chat::existing_chat;
use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Closes a chat. Whatever passes between the two next opens another.
#[derive(Debug, Clone)]
pub struct CloseChat {
    /// The chat.
    pub id: ChatId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for CloseChat {
    type Output = ChatId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ChatId, Error> {
        let chat = existing_chat(decision, self.id, self.expected).await?;
        let stream = StreamId::Chat(self.id);
        let closes = decision.execute::<Chat>(stream, ChatCommand::CloseChat).await?;
        if closes && let Some((instance, customer)) = chat.instance_id().zip(chat.customer_id()) {
            decision.release(Claim::open_chat(instance, customer), stream);
        }
        decision.answers_with(ResourceRef::Chat(self.id));
        Ok(self.id)
    }
}
