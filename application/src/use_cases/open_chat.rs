use async_trait::async_trait;
use interflow_domain::customer::Customer;
use interflow_domain::{ChatId, CustomerId, PhoneNumber};

use super::ChannelRef;
use super::participants::{Known, chat, customer};
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Opens the chat with a customer through a channel, or finds the one that is not closed.
#[derive(Debug, Clone)]
pub struct OpenChat {
    /// The channel.
    pub channel: ChannelRef,
    /// The other side.
    pub partner: Partner,
}

/// The other side of a chat to be opened.
#[derive(Debug, Clone)]
pub enum Partner {
    /// A customer.
    Customer(CustomerId),
    /// Whoever has this number; a customer is created when nobody has.
    Phone(PhoneNumber),
}

/// The chat, and whether it had to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedChat {
    /// The chat.
    pub id: ChatId,
    /// Whether it had to be opened.
    pub created: bool,
}

#[async_trait]
impl UseCase for OpenChat {
    type Output = OpenedChat;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<OpenedChat, Error> {
        let instance = self.channel.resolve(decision).await.map_err(|error| match error {
            Error::NotFound(_) => Error::field("channel_id", "names no channel"),
            other => other,
        })?;
        let customer_id = match &self.partner {
            Partner::Customer(id) => {
                if !decision.load::<Customer>(StreamId::Customer(*id)).await?.exists() {
                    return Err(Error::field("customer_id", "names no customer"));
                }
                *id
            }
            Partner::Phone(phone) => {
                let known = Known { phone: Some(phone.clone()), ..Known::default() };
                customer(decision, known).await?
            }
        };
        let (id, created) = chat(decision, instance, customer_id).await?;
        decision.answers_with(ResourceRef::Chat(id));
        Ok(OpenedChat { id, created })
    }
}
