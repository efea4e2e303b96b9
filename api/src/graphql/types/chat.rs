//! A chat.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use interflow_application::read::{self, MessageSort, Sort};
use interflow_domain::chat::ChatStatus as Status;
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};
use serde::Serialize;

use super::message::{Direction, MessageType};
use super::{Channel, Customer, Message};
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::{Nested, Paging};
use crate::graphql::loaders::MessagesOf;
use crate::graphql::past::{AsOf, Dated, beside_as_of};
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// A conversation with one customer through one channel.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Chat {
    /// Its id.
    pub(super) id: ID,
    /// The id of its channel.
    channel_id: ID,
    /// The id of its customer.
    customer_id: ID,
    /// Where it stands.
    status: ChatStatus,
    /// Until when it is put aside, where a time was given.
    snoozed_until: Option<Timestamp>,
    /// Who is in charge.
    assignee: Option<String>,
    /// Inbound messages that nobody has read.
    unread_count: Long,
    /// The latest message, in short.
    last_message: Option<LastMessage>,
    /// When it was opened.
    created_at: Timestamp,
    /// When it last changed, or a message last came or was to go.
    updated_at: Timestamp,
    /// How many events it has: what `expectedVersion` is compared with.
    version: Long,
    /// As of when this is told; absent where it is the present.
    as_of: Option<AsOf>,
    #[graphql(skip)]
    ids: (ChatId, InstanceId, CustomerId),
}

/// Where a chat stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "Status")]
#[serde(rename_all = "snake_case")]
pub enum ChatStatus {
    /// Under way.
    Open,
    /// Put aside until the customer writes, or until a time.
    Snoozed,
    /// At its end: the next message, either way, opens another.
    Closed,
}

/// The latest message of a chat, in short.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct LastMessage {
    /// Its id.
    pub(super) id: ID,
    /// Which way it goes.
    direction: Direction,
    /// What kind of thing it says.
    #[graphql(name = "type")]
    kind: MessageType,
    /// The beginning of its text; absent when it has none, or was erased.
    preview: Option<String>,
    /// When it was recorded.
    at: Timestamp,
    #[graphql(skip)]
    message: MessageId,
    #[graphql(skip)]
    as_of: Option<AsOf>,
}

impl From<read::LastMessage> for LastMessage {
    fn from(last: read::LastMessage) -> Self {
        Self {
            id: last.id.to_string().into(),
            direction: last.direction.into(),
            kind: MessageType::named(&last.kind),
            preview: last.preview,
            at: last.at.into(),
            message: last.id,
            as_of: None,
        }
    }
}

#[ComplexObject]
impl LastMessage {
    /// The whole message. Needs `messages:read`.
    async fn message(&self, context: &Context<'_>) -> Told<Message> {
        needs(context, Scope::MessagesRead, beside_as_of(context, self.message, self.as_of)).await
    }
}

impl From<read::Chat> for Chat {
    fn from(chat: read::Chat) -> Self {
        Self {
            id: chat.id.to_string().into(),
            channel_id: chat.instance.to_string().into(),
            customer_id: chat.customer.to_string().into(),
            status: chat.status.into(),
            snoozed_until: chat.snoozed_until.map(Timestamp),
            assignee: chat.assignee,
            unread_count: Long(chat.unread_count),
            last_message: chat.last_message.map(LastMessage::from),
            created_at: chat.created_at.into(),
            updated_at: chat.updated_at.into(),
            version: Long(chat.version),
            as_of: None,
            ids: (chat.id, chat.instance, chat.customer),
        }
    }
}

impl Dated<read::Chat> for Chat {
    fn dated(self, as_of: AsOf) -> Self {
        let last_message = self.last_message.map(|last| LastMessage { as_of: Some(as_of), ..last });
        Self { last_message, as_of: Some(as_of), ..self }
    }
}

#[ComplexObject]
impl Chat {
    /// The channel it goes through, unless that is deleted. Needs `channels:read`.
    async fn channel(&self, context: &Context<'_>) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, beside_as_of(context, self.ids.1, self.as_of)).await
    }

    /// The other side, unless it is deleted. Needs `customers:read`.
    async fn customer(&self, context: &Context<'_>) -> Told<Customer> {
        needs(context, Scope::CustomersRead, beside_as_of(context, self.ids.2, self.as_of)).await
    }

    /// Its messages, newest first. Needs `messages:read`.
    #[graphql(complexity = "page(first, last, child_complexity)")]
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end, or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Told<Connection<Message>> {
        needs(context, Scope::MessagesRead, async {
            let path = format!("/chats/{}/messages", self.ids.0);
            let nested = Nested::new(
                &path,
                Sort::<MessageSort>::USUAL,
                Paging { first, after, last, before },
                context,
            )?;
            let key = MessagesOf(nested.stretch(self.ids.0), nested.extent());
            nested.told(context, key, self.as_of).await
        })
        .await
    }
}
