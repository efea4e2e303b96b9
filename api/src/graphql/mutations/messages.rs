//! Sending, one message or many, and cancelling.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use interflow_application::Context as Circumstances;
use interflow_domain::workspace::Scope;
use interflow_domain::{JobId, MessageId};
use serde::{Serialize, Serializer};

use super::CHANGE;
use super::payloads::{JobPayload, MessagePayload};
use crate::error::ApiError;
use crate::graphql::change::{Change, named, read};
use crate::graphql::errors::Refusal;
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::one;
use crate::graphql::types::message::MessageType;
use crate::graphql::types::{Job, Message};
use crate::rest::v1::{bulk, messages};

/// What a message is to say: the field of its type.
#[derive(InputObject, Serialize)]
pub struct ContentInput {
    /// The text, 4,096 characters at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// The type of what a message says, as REST names it.
fn type_name<S: Serializer>(kind: &Option<MessageType>, serializer: S) -> Result<S::Ok, S::Error> {
    kind.unwrap_or(MessageType::Text).serialize(serializer)
}

/// A message that is to be sent.
#[derive(InputObject, Serialize)]
pub struct SendMessageInput {
    /// The channel to send through, by its id or its name.
    channel_id: ID,
    /// The number, with country code; one that is not known yet becomes a customer with a chat.
    to: String,
    /// The type of what it says: `TEXT`, also when it is left out.
    #[graphql(name = "type")]
    #[serde(rename = "type", serialize_with = "type_name")]
    kind: Option<MessageType>,
    /// What it says.
    content: ContentInput,
    /// The message that it answers.
    reply_to: Option<ID>,
}

/// Messages that are to be sent.
#[derive(InputObject, Serialize)]
pub struct SendMessagesInput {
    /// The channel to send through, by its id or its name.
    channel_id: ID,
    /// The messages, 1,000 at most. Each is judged by itself.
    messages: Vec<BulkMessageInput>,
}

/// One of many messages.
#[derive(InputObject, Serialize)]
pub struct BulkMessageInput {
    /// The number, with country code; one that is not known yet becomes a customer with a chat.
    to: String,
    /// The type of what it says: `TEXT`, also when it is left out.
    #[graphql(name = "type")]
    #[serde(rename = "type", serialize_with = "type_name")]
    kind: Option<MessageType>,
    /// What it says.
    content: ContentInput,
}

/// Which job is to be cancelled.
#[derive(InputObject)]
pub struct CancelJobInput {
    /// The job's id.
    id: ID,
}

/// What became of a bulk send.
#[derive(SimpleObject)]
pub struct BulkPayload {
    /// The job that sends what was accepted.
    job: Job,
    /// What became of each message, in the order of the input.
    items: Vec<BulkItem>,
}

/// What became of one of many messages: it has an id, or an error.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct BulkItem {
    /// Its place in the input, from 0.
    index: i32,
    /// The message's id, when it was accepted.
    message_id: Option<ID>,
    /// Why it was refused, when it was.
    error: Option<Refusal>,
    #[graphql(skip)]
    message: Option<MessageId>,
}

#[async_graphql::ComplexObject]
impl BulkItem {
    /// The message, when it was accepted. Needs `messages:read`.
    async fn message(&self, context: &Context<'_>) -> Told<Message> {
        needs(context, Scope::MessagesRead, async {
            let Some(id) = self.message else { return Ok(None) };
            Ok(one(context, id).await?.map(Message::from))
        })
        .await
    }
}

impl From<(u16, Result<MessageId, ApiError>)> for BulkItem {
    fn from((index, outcome): (u16, Result<MessageId, ApiError>)) -> Self {
        let message = outcome.as_ref().ok().copied();
        Self {
            index: i32::from(index),
            message_id: message.map(|id| id.to_string().into()),
            error: outcome.err().as_ref().map(Refusal::from),
            message,
        }
    }
}

#[derive(Default)]
pub struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Sends a message. The answer waits a short time for WhatsApp: `SENT`, else `QUEUED`. Needs `messages:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn send_message(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What, and to whom.")] input: SendMessageInput,
        #[graphql(desc = "A repetition with the same key sends nothing.")] idempotency_key: Option<String>,
    ) -> Told<MessagePayload> {
        needs(context, Scope::MessagesWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let message =
                messages::post_letter(change.app, &change.call, read::<messages::Letter>(&input)?).await?;
            Ok(Some(MessagePayload::new(message)))
        })
        .await
    }

    /// Sends many messages, at the channel's pace, as a job. Needs `messages:write`.
    #[graphql(complexity = "CHANGE + input.messages.len() * 2 + child_complexity")]
    async fn send_messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What, and to whom.")] input: SendMessagesInput,
        #[graphql(
            desc = "A repetition with the same key sends nothing, or goes on where a crash came between."
        )]
        idempotency_key: Option<String>,
    ) -> Told<BulkPayload> {
        needs(context, Scope::MessagesWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let bulk::Posted { job, items } =
                bulk::post_bulk(change.app, &change.call, read::<bulk::Bulk>(&input)?).await?;
            let job = one(context, job).await?.ok_or_else(|| ApiError::internal("a job is not there"))?;
            Ok(Some(BulkPayload { job: job.into(), items: items.into_iter().map(BulkItem::from).collect() }))
        })
        .await
    }

    /// Cancels a job: gives up what was not handed to WhatsApp. Needs `jobs:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn cancel_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: CancelJobInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<JobPayload> {
        needs(context, Scope::JobsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<JobId>(&input.id)?;
            let cancel = |circumstances: Circumstances| {
                let gateway = change.app.gateway.clone();
                async move { gateway.cancel_job(&circumstances, id).await }.boxed()
            };
            change.call.again(cancel).await?;
            JobPayload::of(context, id).await
        })
        .await
    }
}
