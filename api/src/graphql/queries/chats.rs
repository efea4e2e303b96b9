//! Chats.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use interflow_application::read::{ChatSort as Key, Sort};
use interflow_domain::ChatId;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::{Asked, Paging};
use crate::graphql::past::{AsOf, by_id_as_of};
use crate::graphql::types::Chat;
use crate::graphql::types::chat::ChatStatus;
use crate::time::Timestamp;

/// Which chats: those that fit all of it.
#[derive(InputObject, Serialize)]
pub struct ChatFilter {
    /// That stand there.
    status: Option<ChatStatus>,
    /// Through this channel, by its id or its name; one that is deleted goes by its id.
    channel_id: Option<ID>,
    /// With this customer.
    customer_id: Option<ID>,
    /// In whose charge; `none` is nobody's.
    assignee: Option<String>,
    /// Whether there are inbound messages that nobody has read.
    unread: Option<bool>,
    /// Last changed, or written in, later than.
    active_after: Option<Timestamp>,
    /// Last changed, or written in, earlier than.
    active_before: Option<Timestamp>,
}

/// In which order chats are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ChatSort {
    /// The last active first.
    LastActivityDesc,
    /// The longest at rest first.
    LastActivityAsc,
    /// The newest first.
    CreatedAtDesc,
    /// The oldest first.
    CreatedAtAsc,
}

impl From<ChatSort> for Sort<Key> {
    fn from(sort: ChatSort) -> Self {
        let (key, descending) = match sort {
            ChatSort::LastActivityDesc => (Key::LastActivity, true),
            ChatSort::LastActivityAsc => (Key::LastActivity, false),
            ChatSort::CreatedAtDesc => (Key::CreatedAt, true),
            ChatSort::CreatedAtAsc => (Key::CreatedAt, false),
        };
        Self { key, descending }
    }
}

#[derive(Default)]
pub struct ChatQuery;

#[Object]
impl ChatQuery {
    /// The chats, the last active first unless another order is asked for. Needs `chats:read`.
    #[graphql(complexity = "page(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a field")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end, or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all without it.")] filter: Option<ChatFilter>,
        #[graphql(desc = "In which order.")] sort: Option<ChatSort>,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Connection<Chat>> {
        needs(context, Scope::ChatsRead, async {
            let asker = Asker::of(context)?;
            let paging = Paging { first, after, last, before };
            let asked = Asked::new("/chats", filter.as_ref(), sort.map(Sort::from), paging)?;
            if let Some(as_of) = AsOf::said(asker, as_of).await? {
                let (workspace, at) = (asker.workspace(), as_of.place());
                let chats = asker.app.past.chats(workspace, at, &asked.listing).await?;
                return Ok(Some(asked.answer_past(asker, as_of, chats)));
            }
            let chats = asker.app.core.reads.chats(asker.workspace(), &asked.listing).await?;
            Ok(Some(asked.answer(asker, chats, Chat::from)))
        })
        .await
    }

    /// A chat. Needs `chats:read`.
    async fn chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Chat> {
        needs(context, Scope::ChatsRead, async {
            let Ok(id) = id.parse::<ChatId>() else { return Ok(None) };
            by_id_as_of(context, id, AsOf::said(Asker::of(context)?, as_of).await?).await
        })
        .await
    }
}
