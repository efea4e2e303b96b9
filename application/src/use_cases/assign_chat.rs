use async_trait::async_trait;
use interflow_domain::chat::{Chat, ChatCommand};
use interflow_domain::{ChatId, DisplayName};

use super::existing_chat::existing_chat;
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Puts somebody, or nobody, in charge of a chat that is not closed.
#[derive(Debug, Clone)]
pub struct AssignChat {
    /// The chat.
    pub id: ChatId,
    /// Who.
    pub assignee: Option<DisplayName>,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for AssignChat {
    type Output = ChatId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ChatId, Error> {
        existing_chat(decision, self.id, self.expected).await?;
        let assign = ChatCommand::AssignChat { assignee: self.assignee.clone() };
        decision.execute::<Chat>(StreamId::Chat(self.id), assign).await?;
        decision.answers_with(ResourceRef::Chat(self.id));
        Ok(self.id)
    }
}
