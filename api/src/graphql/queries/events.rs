//! What happened, by position, and what can happen.

use async_graphql::{Context, ID, Object};
use interflow_application::ChannelRef;
use interflow_application::webhook::catalogue::PublicType;
use interflow_application::webhook::{FeedRequest, feed, patterns};
use interflow_domain::webhook::Format;
use interflow_domain::workspace::Scope;

use crate::extract::Query;
use crate::graphql::asker::Asker;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::page_request;
use crate::graphql::types::event::{EventConnection, EventType};
use crate::rest::v1::events::After;

#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// What happened in the workspace, in its order, as webhooks are told of it. Needs `events:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many events at most: 1 to 100, 20 when it is left out.")] first: Option<i32>,
        #[graphql(
            desc = "Only what happened after this position; `end` is the log's end. From the beginning without it."
        )]
        after: Option<String>,
        #[graphql(desc = "Only these types; `message.*` is all that begin so.")] types: Option<Vec<String>>,
        #[graphql(
            desc = "Only what is about this channel, its chats and its messages; by its id or its name."
        )]
        channel_id: Option<ID>,
    ) -> Told<EventConnection> {
        needs(context, Scope::EventsRead, async {
            let asker = Asker::of(context)?;
            let size = page_request(first, None)?.size;
            let mut query = Query::of(vec![]);
            let position = after.as_deref().map(str::parse::<After>).transpose();
            let position = position.map_err(|rule| query.wrong("after", rule)).ok().flatten();
            let patterns = patterns(Format::Standard, types.iter().flatten().map(String::as_str));
            let types = patterns.map_err(|error| query.wrong("types", error)).unwrap_or_default();
            let named = channel_id.as_deref().map(|text| text.parse::<ChannelRef>()).transpose();
            let named = named.map_err(|error| query.wrong("channel_id", error)).ok().flatten();
            query.close()?;
            let workspace = asker.workspace();
            let channel =
                match named {
                    Some(channel) => {
                        let found = channel.named(&*asker.app.core.reads, workspace).await?;
                        Some(found.ok_or_else(|| {
                            Query::refused("channel_id", "must name a channel that there is")
                        })?)
                    }
                    None => None,
                };
            let after = match position {
                Some(After::Position(position)) => position,
                Some(After::End) => asker.app.core.log.head(workspace).await?,
                None => 0,
            };
            let request = FeedRequest { after, limit: size, types, channel };
            let page = feed(&*asker.app.core.log, workspace, &request).await?;
            asker.saw("events", None, page.events.len());
            Ok(Some(EventConnection::new(page, after == 0)))
        })
        .await
    }

    /// What can happen, with the shape of each. Needs `events:read`.
    #[graphql(complexity = "PublicType::ALL.len() * child_complexity")]
    async fn event_types(
        &self,
        context: &Context<'_>,
        #[graphql(name = "type", desc = "Only this one, such as `message.received`.")] kind: Option<String>,
    ) -> Told<Vec<EventType>> {
        needs(context, Scope::EventsRead, async {
            let all = PublicType::ALL.iter().copied();
            let wanted = all.filter(|public| kind.as_deref().is_none_or(|kind| public.name() == kind));
            Ok(Some(wanted.map(EventType::from).collect()))
        })
        .await
    }
}
