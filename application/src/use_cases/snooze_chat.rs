use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::ChatId;
use interflow_domain::chat::{Chat, ChatCommand};

use super::existing_chat::existing_chat;
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Puts a chat aside until a time, or until the customer writes, whichever comes first.
#[derive(Debug, Clone)]
pub struct SnoozeChat {
    /// The chat.
    pub id: ChatId,
    /// Until when, in the future; absent means until the customer writes.
    pub until: Option<DateTime<Utc>>,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for SnoozeChat {
    type Output = ChatId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ChatId, Error> {
        let now = decision.core().clock.now();
        existing_chat(decision, self.id, self.expected).await?;
        if self.until.is_some_and(|until| until <= now) {
            return Err(Error::field("until", "must be in the future"));
        }
        let snooze = ChatCommand::SnoozeChat { until: self.until };
        decision.execute::<Chat>(StreamId::Chat(self.id), snooze).await?;
        decision.answers_with(ResourceRef::Chat(self.id));
        Ok(self.id)
    }
}
