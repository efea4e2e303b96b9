//! What a customer does at the moment.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use interflow_application::live::{self, Activity};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId};

use super::{Channel, Chat, Customer};
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::beside;
use crate::time::Timestamp;

/// What a customer does at the moment. It is in no log: it has no position, and cannot be asked for again.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Signal {
    /// What the customer does.
    #[graphql(name = "type")]
    kind: SignalType,
    /// When.
    timestamp: Timestamp,
    /// Since when the customer is offline, where WhatsApp tells.
    last_seen: Option<Timestamp>,
    /// The id of the channel.
    channel_id: ID,
    /// The id of the open chat with the customer, if there is one.
    chat_id: Option<ID>,
    /// The customer's id.
    customer_id: Option<ID>,
    #[graphql(skip)]
    ids: (InstanceId, Option<ChatId>, Option<CustomerId>),
}

/// What a customer can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SignalType {
    /// Writes a text.
    Typing,
    /// Records a voice message.
    Recording,
    /// Has stopped doing either.
    Paused,
    /// Has WhatsApp open.
    Online,
    /// Has not.
    Offline,
}

impl Signal {
    /// As it was told.
    pub fn new(told: &live::Signal, activity: Activity) -> Self {
        let (kind, last_seen) = match activity {
            Activity::Typing => (SignalType::Typing, None),
            Activity::Recording => (SignalType::Recording, None),
            Activity::Paused => (SignalType::Paused, None),
            Activity::Online => (SignalType::Online, None),
            Activity::Offline { last_seen } => (SignalType::Offline, last_seen),
        };
        let last_seen = last_seen.and_then(|at| chrono::DateTime::from_timestamp(at, 0));
        Self {
            kind,
            timestamp: told.at.into(),
            last_seen: last_seen.map(Timestamp::from),
            channel_id: told.channel.to_string().into(),
            chat_id: told.chat.map(|id| id.to_string().into()),
            customer_id: told.customer.map(|id| id.to_string().into()),
            ids: (told.channel, told.chat, told.customer),
        }
    }
}

#[ComplexObject]
impl Signal {
    /// The channel, as it is now. Needs `channels:read`.
    async fn channel(&self, context: &Context<'_>) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, async {
            Ok(beside(context, self.ids.0).await?.map(Channel::from))
        })
        .await
    }

    /// The open chat with the customer, as it is now. Needs `chats:read`.
    async fn chat(&self, context: &Context<'_>) -> Told<Chat> {
        needs(context, Scope::ChatsRead, async {
            let Some(id) = self.ids.1 else { return Ok(None) };
            Ok(beside(context, id).await?.map(Chat::from))
        })
        .await
    }

    /// The customer, as it is now. Needs `customers:read`.
    async fn customer(&self, context: &Context<'_>) -> Told<Customer> {
        needs(context, Scope::CustomersRead, async {
            let Some(id) = self.ids.2 else { return Ok(None) };
            Ok(beside(context, id).await?.map(Customer::from))
        })
        .await
    }
}
