//! What happened, and what can happen.

use std::sync::Arc;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, ID, Object, SimpleObject};
use interflow_application::live::LiveEvent;
use interflow_application::webhook::catalogue::PublicType;
use interflow_application::webhook::{FeedPage, LATEST_SCHEMA, schemas, standard};
use interflow_domain::workspace::Scope;
use serde_json::Value;

use super::{Channel, Chat, Customer, Message};
use crate::error::ApiError;
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::beside;
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// Something that happened: an event of the workspace's log, in the words of webhooks and of `GET /v1/events`.
pub struct Event(Arc<LiveEvent>);

impl From<Arc<LiveEvent>> for Event {
    fn from(event: Arc<LiveEvent>) -> Self {
        Self(event)
    }
}

/// Something that happened: an event of the workspace's log, in the words of webhooks and of `GET /v1/events`.
#[Object]
impl Event {
    /// Its id: the same wherever it is told of.
    async fn id(&self) -> ID {
        self.0.materials.recorded.id.to_string().into()
    }

    /// Its place in the log: what `since` takes.
    async fn position(&self) -> Long {
        Long(self.0.position())
    }

    /// What happened, such as `message.received`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &'static str {
        self.0.public.name()
    }

    /// When it was recorded.
    async fn timestamp(&self) -> Timestamp {
        self.0.materials.recorded.recorded_at.into()
    }

    /// What it happened to, as it was then: as `eventTypes { schema }` describes it.
    async fn data(&self) -> Result<Value, ApiError> {
        serde_json::to_value(standard::data(&self.0.materials))
            .map_err(|error| ApiError::internal(error.to_string()))
    }

    /// The message that it happened to, as it is now. Needs `messages:read`.
    async fn message(&self, context: &Context<'_>) -> Told<Message> {
        needs(context, Scope::MessagesRead, async {
            let Some(id) = self.0.message() else { return Ok(None) };
            Ok(beside(context, id).await?.map(Message::from))
        })
        .await
    }

    /// The chat in which it happened, or to which, as it is now. Needs `chats:read`.
    async fn chat(&self, context: &Context<'_>) -> Told<Chat> {
        needs(context, Scope::ChatsRead, async {
            let Some(id) = self.0.chat() else { return Ok(None) };
            Ok(beside(context, id).await?.map(Chat::from))
        })
        .await
    }

    /// The customer whom it is about, as it is now, unless that is deleted. Needs `customers:read`.
    async fn customer(&self, context: &Context<'_>) -> Told<Customer> {
        needs(context, Scope::CustomersRead, async {
            let Some(id) = self.0.customer() else { return Ok(None) };
            Ok(beside(context, id).await?.map(Customer::from))
        })
        .await
    }

    /// The channel on which it happened, or to which, as it is now, unless that is deleted. Needs `channels:read`.
    async fn channel(&self, context: &Context<'_>) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, async {
            let Some(id) = self.0.channel() else { return Ok(None) };
            Ok(beside(context, id).await?.map(Channel::from))
        })
        .await
    }
}

/// Part of the log.
pub struct EventConnection {
    edges: Vec<EventEdge>,
    is_first: bool,
    next_after: u64,
    has_more: bool,
}

impl EventConnection {
    pub fn new(page: FeedPage, is_first: bool) -> Self {
        let (next_after, has_more) = (page.next_after, page.has_more);
        let edges = page.events.into_iter().map(|event| {
            let event = LiveEvent::from(event);
            EventEdge { cursor: event.position().to_string(), node: Arc::new(event).into() }
        });
        Self { edges: edges.collect(), is_first, next_after, has_more }
    }
}

/// Part of the log, in the order in which things happened.
#[Object]
impl EventConnection {
    /// The events with their cursors.
    async fn edges(&self) -> &[EventEdge] {
        &self.edges
    }

    /// The events alone.
    async fn nodes(&self) -> Vec<&Event> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the part is. `endCursor` is the position up to which the log was looked through, also where nothing was
    /// found: go on after it, now or later.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: !self.is_first,
            has_next_page: self.has_more,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: Some(self.next_after.to_string()),
        }
    }
}

/// An event with its cursor.
#[derive(SimpleObject)]
pub struct EventEdge {
    /// Its position: what `after` takes.
    cursor: String,
    /// The event.
    node: Event,
}

/// What can happen.
#[derive(SimpleObject)]
pub struct EventType {
    /// Its name, such as `message.received`.
    #[graphql(name = "type")]
    kind: String,
    /// When it is told.
    description: String,
    /// The version of its schema.
    schema_version: i32,
    /// The JSON Schema (2020-12) of its `data`, and of the bodies that webhooks are sent.
    schema: Option<Value>,
}

impl From<PublicType> for EventType {
    fn from(public: PublicType) -> Self {
        Self {
            kind: public.name().to_owned(),
            description: public.description().to_owned(),
            schema_version: i32::from(LATEST_SCHEMA),
            schema: schemas::schema(public, LATEST_SCHEMA),
        }
    }
}
