use async_trait::async_trait;
use interflow_domain::chat::{Chat, ChatCommand};
use interflow_domain::{ChatId, InstanceId};

use super::existing_chat::existing_chat;
use crate::log::StreamId;
use crate::whatsapp::Party;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Most messages whose senders are told at once that they were read; of more, the latest are.
const MOST_TOLD: u32 = 1_000;

/// Marks a chat as read, up to the last message it has now.
#[derive(Debug, Clone)]
pub struct ReadChat {
    /// The chat.
    pub id: ChatId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

/// The messages that were unread until now, for telling WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewlyRead {
    /// The instance they came through.
    pub instance: InstanceId,
    /// Who wrote them.
    pub party: Party,
    /// Their ids on WhatsApp.
    pub whatsapp_ids: Vec<String>,
}

#[async_trait]
impl UseCase for ReadChat {
    type Output = Option<NewlyRead>;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Option<NewlyRead>, Error> {
        existing_chat(decision, self.id, self.expected).await?;
        decision.answers_with(ResourceRef::Chat(self.id));
        let (reads, workspace) = (&decision.core().reads, decision.context().workspace);
        let Some(chat) = reads.chat(workspace, self.id).await?.filter(|chat| chat.unread_count > 0) else {
            return Ok(None);
        };
        let Some(last) = chat.last_message else { return Ok(None) };
        let unread = u32::try_from(chat.unread_count).unwrap_or(u32::MAX).min(MOST_TOLD);
        let whatsapp_ids = reads.latest_inbound(workspace, self.id, unread).await?;
        let party = match reads.customer(workspace, chat.customer).await? {
            Some(customer) => {
                Party { phone: customer.phone.and_then(|phone| phone.parse().ok()), lid: customer.lid }
            }
            None => Party::default(),
        };
        decision.execute::<Chat>(StreamId::Chat(self.id), ChatCommand::ReadChat { up_to: last.id }).await?;
        Ok(Some(NewlyRead { instance: chat.instance, party, whatsapp_ids }))
    }
}
