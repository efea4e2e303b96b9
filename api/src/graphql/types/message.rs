//! A message.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, Union};
use interflow_application::read;
use interflow_domain::message::{Content as Said, Direction as Way, MessageStatus as Status};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, MessageId};
use serde::Serialize;

use super::{Channel, Chat, Customer, Job};
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::beside;
use crate::graphql::past::{AsOf, Dated, beside_as_of};
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// A message, either way.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Message {
    /// Its id.
    pub(super) id: ID,
    /// The id of its chat.
    chat_id: ID,
    /// The id of its channel.
    channel_id: ID,
    /// The id of its customer.
    customer_id: ID,
    /// Which way it goes.
    direction: Direction,
    /// The number it goes to, when it is outbound.
    #[graphql(name = "to")]
    recipient: Option<String>,
    /// The number it comes from, when it is inbound and WhatsApp told.
    #[graphql(name = "from")]
    sender: Option<String>,
    /// What kind of thing it says.
    #[graphql(name = "type")]
    kind: MessageType,
    /// What it says; absent when it was erased.
    content: Option<Content>,
    /// How far it got.
    status: MessageStatus,
    /// Why it failed.
    status_reason: Option<String>,
    /// The id that it has on WhatsApp.
    whatsapp_id: String,
    /// The id of the message that it answers.
    reply_to_id: Option<ID>,
    /// The id of the job that it belongs to.
    job_id: Option<ID>,
    /// When it was recorded.
    created_at: Timestamp,
    /// When WhatsApp's server took it.
    sent_at: Option<Timestamp>,
    /// When the phone had it.
    delivered_at: Option<Timestamp>,
    /// When it was read.
    read_at: Option<Timestamp>,
    /// When it was given up.
    failed_at: Option<Timestamp>,
    /// How many events it has.
    version: Long,
    /// As of when this is told; absent where it is the present.
    as_of: Option<AsOf>,
    #[graphql(skip)]
    ids: Ids,
}

struct Ids {
    chat: ChatId,
    channel: InstanceId,
    customer: CustomerId,
    reply_to: Option<MessageId>,
    job: Option<JobId>,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "Way")]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the customer.
    Outbound,
    /// From the customer.
    Inbound,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "Status")]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Accepted by the server.
    Queued,
    /// Given up.
    Failed,
    /// At WhatsApp's server.
    Sent,
    /// At the recipient's phone; what comes in begins here.
    Delivered,
    /// Read by the recipient.
    Read,
    /// Played by the recipient.
    Played,
}

/// What kind of thing a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// A text.
    Text,
    /// Something that this version cannot carry.
    Unsupported,
}

impl MessageType {
    /// By its name in the read models.
    pub fn named(name: &str) -> Self {
        if name == "text" { Self::Text } else { Self::Unsupported }
    }
}

/// What a message says, by its type.
#[derive(Union)]
pub enum Content {
    Text(TextContent),
    Unsupported(UnsupportedContent),
}

/// A text.
#[derive(SimpleObject)]
pub struct TextContent {
    /// The text.
    text: String,
}

/// Something that this version cannot carry.
#[derive(SimpleObject)]
pub struct UnsupportedContent {
    /// What it is, as WhatsApp names it.
    kind: String,
}

impl From<Said> for Content {
    fn from(content: Said) -> Self {
        match content {
            Said::Text { text } => Self::Text(TextContent { text: text.to_string() }),
            Said::Unsupported { kind } => Self::Unsupported(UnsupportedContent { kind }),
        }
    }
}

impl From<read::Message> for Message {
    fn from(message: read::Message) -> Self {
        let (recipient, sender) = match message.direction {
            Way::Outbound => (message.phone, None),
            Way::Inbound => (None, message.phone),
        };
        Self {
            id: message.id.to_string().into(),
            chat_id: message.chat.to_string().into(),
            channel_id: message.instance.to_string().into(),
            customer_id: message.customer.to_string().into(),
            direction: message.direction.into(),
            recipient,
            sender,
            kind: MessageType::named(&message.kind),
            content: message.content.map(Content::from),
            status: message.status.into(),
            status_reason: message.status_reason,
            whatsapp_id: message.whatsapp_id,
            reply_to_id: message.reply_to.map(|id| id.to_string().into()),
            job_id: message.job.map(|id| id.to_string().into()),
            created_at: message.created_at.into(),
            sent_at: message.sent_at.map(Timestamp),
            delivered_at: message.delivered_at.map(Timestamp),
            read_at: message.read_at.map(Timestamp),
            failed_at: message.failed_at.map(Timestamp),
            version: Long(message.version),
            as_of: None,
            ids: Ids {
                chat: message.chat,
                channel: message.instance,
                customer: message.customer,
                reply_to: message.reply_to,
                job: message.job,
            },
        }
    }
}

impl Dated<read::Message> for Message {
    fn dated(self, as_of: AsOf) -> Self {
        Self { as_of: Some(as_of), ..self }
    }
}

#[ComplexObject]
impl Message {
    /// The chat it belongs to. Needs `chats:read`.
    async fn chat(&self, context: &Context<'_>) -> Told<Chat> {
        needs(context, Scope::ChatsRead, beside_as_of(context, self.ids.chat, self.as_of)).await
    }

    /// The channel it goes through, unless that is deleted. Needs `channels:read`.
    async fn channel(&self, context: &Context<'_>) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, beside_as_of(context, self.ids.channel, self.as_of)).await
    }

    /// The other side, unless it is deleted. Needs `customers:read`.
    async fn customer(&self, context: &Context<'_>) -> Told<Customer> {
        needs(context, Scope::CustomersRead, beside_as_of(context, self.ids.customer, self.as_of)).await
    }

    /// The job that it belongs to, if it belongs to one. Needs `jobs:read`.
    async fn job(&self, context: &Context<'_>) -> Told<Job> {
        needs(context, Scope::JobsRead, async {
            let Some(id) = self.ids.job else { return Ok(None) };
            Ok(beside(context, id).await?.map(Job::from))
        })
        .await
    }

    /// The message that it answers, if it is there. Needs `messages:read`.
    async fn reply_to(&self, context: &Context<'_>) -> Told<Message> {
        needs(context, Scope::MessagesRead, async {
            let Some(id) = self.ids.reply_to else { return Ok(None) };
            beside_as_of(context, id, self.as_of).await
        })
        .await
    }
}
