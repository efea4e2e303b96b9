//! Changes of chats.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use interflow_application::{AssignChat, CloseChat, OpenChat, ReadChat, ReopenChat, SnoozeChat};
use interflow_domain::ChatId;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use super::CHANGE;
use super::payloads::ChatPayload;
use crate::graphql::change::{Change, named, read, version};
use crate::graphql::guard::{Told, needs};
use crate::graphql::scalars::Long;
use crate::rest::v1::chat_actions::{Assign, chat_of};
use crate::rest::v1::chats::opened;
use crate::time::Timestamp;

/// Between whom a chat is to be.
#[derive(InputObject, Serialize)]
pub struct OpenChatInput {
    /// The channel, by its id or its name.
    channel_id: ID,
    /// The customer. Either this or `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<ID>,
    /// The number; one that is not known yet becomes a customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// Which chat.
#[derive(InputObject)]
pub struct ChatInput {
    /// The chat's id.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the chat has another version.
    expected_version: Option<Long>,
}

/// Which chat is to be put aside, and until when.
#[derive(InputObject)]
pub struct SnoozeChatInput {
    /// The chat's id.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the chat has another version.
    expected_version: Option<Long>,
    /// Until when at the latest; until the customer writes without it.
    until: Option<Timestamp>,
}

/// Who is to be in charge of a chat.
#[derive(InputObject, Serialize)]
pub struct AssignChatInput {
    /// The chat's id.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the chat has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// Who; null is nobody, and has to be said.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    assignee: MaybeUndefined<String>,
}

#[derive(Default)]
pub struct ChatMutation;

#[Object]
impl ChatMutation {
    /// Opens a chat, or finds the one that the two have open. Needs `chats:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn open_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Between whom.")] input: OpenChatInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChatPayload> {
        needs(context, Scope::ChatsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let opened = change.call.run(&read::<OpenChat>(&input)?, opened).await?;
            ChatPayload::of(context, opened.id).await
        })
        .await
    }

    /// Closes a chat: the next message, either way, opens a new one. Needs `chats:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn close_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ChatInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChatPayload> {
        needs(context, Scope::ChatsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, expected) = (named::<ChatId>(&input.id)?, version(input.expected_version));
            let id = change.call.run(&CloseChat { id, expected }, chat_of).await?;
            ChatPayload::of(context, id).await
        })
        .await
    }

    /// Reopens a chat that is snoozed or closed. Needs `chats:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn reopen_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ChatInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChatPayload> {
        needs(context, Scope::ChatsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, expected) = (named::<ChatId>(&input.id)?, version(input.expected_version));
            let id = change.call.run(&ReopenChat { id, expected }, chat_of).await?;
            ChatPayload::of(context, id).await
        })
        .await
    }

    /// Puts a chat aside until the customer writes, or until a time, whichever comes first. Needs `chats:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn snooze_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and until when.")] input: SnoozeChatInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChatPayload> {
        needs(context, Scope::ChatsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, expected) = (named::<ChatId>(&input.id)?, version(input.expected_version));
            let until = input.until.map(|Timestamp(until)| until);
            let id = change.call.run(&SnoozeChat { id, until, expected }, chat_of).await?;
            ChatPayload::of(context, id).await
        })
        .await
    }

    /// Puts somebody in charge of a chat, or nobody. Needs `chats:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn assign_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and who.")] input: AssignChatInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChatPayload> {
        needs(context, Scope::ChatsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let Assign { assignee } = read(&input)?;
            let (id, expected) = (named::<ChatId>(&input.id)?, version(input.expected_version));
            let id = change.call.run(&AssignChat { id, assignee, expected }, chat_of).await?;
            ChatPayload::of(context, id).await
        })
        .await
    }

    /// Marks a chat as read: `unreadCount` becomes 0, and the customer sees the blue ticks. Needs `chats:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn read_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ChatInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChatPayload> {
        needs(context, Scope::ChatsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, expected) = (named::<ChatId>(&input.id)?, version(input.expected_version));
            let read = ReadChat { id, expected };
            let id =
                change.call.once(chat_of, change.app.gateway.read_chat(&change.call.context, &read)).await?;
            ChatPayload::of(context, id).await
        })
        .await
    }
}
