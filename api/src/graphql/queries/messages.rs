//! Messages.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use interflow_application::read::{MessageSort as Key, Sort};
use interflow_domain::MessageId;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::{Asked, Paging};
use crate::graphql::past::{AsOf, by_id_as_of};
use crate::graphql::types::Message;
use crate::graphql::types::message::{Direction, MessageStatus, MessageType};
use crate::time::Timestamp;

/// Which messages: those that fit all of it.
#[derive(InputObject, Serialize)]
pub struct MessageFilter {
    /// Of this chat.
    chat_id: Option<ID>,
    /// Through this channel, by its id or its name; one that is deleted goes by its id.
    channel_id: Option<ID>,
    /// To or from this customer.
    customer_id: Option<ID>,
    /// That go this way.
    direction: Option<Direction>,
    /// That got so far.
    status: Option<MessageStatus>,
    /// Of this type.
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    kind: Option<MessageType>,
    /// Recorded later than.
    created_after: Option<Timestamp>,
    /// Recorded earlier than.
    created_before: Option<Timestamp>,
}

/// In which order messages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum MessageSort {
    /// The newest first.
    CreatedAtDesc,
    /// The oldest first.
    CreatedAtAsc,
}

impl From<MessageSort> for Sort<Key> {
    fn from(sort: MessageSort) -> Self {
        Self { key: Key::CreatedAt, descending: sort == MessageSort::CreatedAtDesc }
    }
}

#[derive(Default)]
pub struct MessageQuery;

#[Object]
impl MessageQuery {
    /// The messages of all chats, newest first unless another order is asked for. Needs `messages:read`.
    #[graphql(complexity = "page(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a field")]
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
        #[graphql(desc = "Which of them; all without it.")] filter: Option<MessageFilter>,
        #[graphql(desc = "In which order.")] sort: Option<MessageSort>,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Connection<Message>> {
        needs(context, Scope::MessagesRead, async {
            let asker = Asker::of(context)?;
            let paging = Paging { first, after, last, before };
            let asked = Asked::new("/messages", filter.as_ref(), sort.map(Sort::from), paging)?;
            if let Some(as_of) = AsOf::said(asker, as_of).await? {
                let (workspace, at) = (asker.workspace(), as_of.place());
                let messages = asker.app.past.messages(workspace, at, &asked.listing).await?;
                return Ok(Some(asked.answer_past(asker, as_of, messages)));
            }
            let messages = asker.app.core.reads.messages(asker.workspace(), &asked.listing).await?;
            Ok(Some(asked.answer(asker, messages, Message::from)))
        })
        .await
    }

    /// A message. Needs `messages:read`.
    async fn message(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Message> {
        needs(context, Scope::MessagesRead, async {
            let Ok(id) = id.parse::<MessageId>() else { return Ok(None) };
            by_id_as_of(context, id, AsOf::said(Asker::of(context)?, as_of).await?).await
        })
        .await
    }
}
