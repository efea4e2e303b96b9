use async_trait::async_trait;
use interflow_domain::ChatId;
use interflow_domain::chat::{Chat, ChatCommand};

use crate::log::StreamId;
use crate::metadata::Origin;
use crate::{Decision, Error, UseCase};

/// What put it aside.
const SNOOZED: &str = "chat.snoozed";

/// Takes a chat up again whose time of being put aside is over; does nothing where it is not.
#[derive(Debug, Clone)]
pub struct WakeChat {
    /// The chat.
    pub id: ChatId,
}

#[async_trait]
impl UseCase for WakeChat {
    /// Whether it was time.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let now = decision.core().clock.now();
        let stream = StreamId::Chat(self.id);
        let until = decision.load::<Chat>(stream).await?.snoozed_until();
        if until.is_none_or(|until| until > now) {
            return Ok(false);
        }
        decision.follows_from(&[stream], Origin::Latest(SNOOZED)).await?;
        decision.execute::<Chat>(stream, ChatCommand::ReopenChat).await
    }
}
