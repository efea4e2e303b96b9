//! `/v1/events`: what happened, by position, for callers that keep their own place in it; and what can happen, with the
//! shape of each.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use interflow_application::read::{Page, PageRequest, Window};
use interflow_application::webhook::catalogue::PublicType;
use interflow_application::webhook::{
    FeedEvent, FeedPage, FeedRequest, LATEST_SCHEMA, Materials, feed, patterns, schemas, standard,
};
use interflow_application::{ChannelRef, Resource};
use interflow_domain::EventId;
use interflow_domain::webhook::{EventPattern, Format};
use interflow_domain::workspace::Scope;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use utoipa::{OpenApi, ToSchema};

use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{Call, IfNoneMatch, InPath, Query, Resolves};
use crate::openapi::{values, webhooks};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

/// Most seconds that a call waits for something to happen.
const LONGEST_WAIT: u64 = 15;
/// How often whoever waits looks by itself: wake-ups may be lost.
const POLL: Duration = Duration::from_secs(1);
/// How many events a part has when nobody says otherwise.
const LIMIT: u32 = 50;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::EventsRead, route);
    Router::new()
        .route("/events", reads(get(list)))
        .route("/events/types", reads(get(types)))
        .route("/events/types/{type}", reads(get(show_type)))
        .route("/events/types/{type}/schema", reads(get(schema)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, types, show_type, schema))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "Events",
    operation_id = "listEvents",
    summary = "List what happened, by position",
    params(webhooks::FeedQuery),
    responses((status = 200, body = Feed)),
    security(("key" = ["events:read"]))
)]
async fn list(State(app): State<App>, call: Call, asked: Asked) -> Result<Response, ApiError> {
    let Asked { after, limit, types, channel, wait } = asked;
    let workspace = call.workspace();
    let channel = match channel {
        Some(channel) => {
            let found = channel.named(&*app.core.reads, workspace).await?;
            Some(found.ok_or_else(|| Query::refused("channel_id", "must name a channel that there is"))?)
        }
        None => None,
    };
    let after = match after {
        After::Position(position) => position,
        After::End => app.core.log.head(workspace).await?,
    };
    let request = FeedRequest { after, limit, types, channel };
    let page = wait_for(&app, &call, request, wait).await?;
    let events = Feed(page.events.iter().map(Shape::from).collect());
    let shown = page.events.len();
    Ok(envelope::showing(shown, envelope::fed(events, page.next_after, page.has_more)))
}

/// The next part, or an empty one when nothing happened within the wait.
async fn wait_for(
    app: &App,
    call: &Call,
    mut request: FeedRequest,
    wait: Duration,
) -> Result<FeedPage, ApiError> {
    let workspace = call.workspace();
    let until = Instant::now() + wait.min(app.settings.request_timeout / 2);
    let mut appended = app.webhooks.wakeups.positions(workspace);
    loop {
        appended.borrow_and_update();
        let page = feed(&*app.core.log, workspace, &request).await?;
        if !page.events.is_empty() || page.has_more || Instant::now() >= until || app.is_stopping() {
            return Ok(page);
        }
        request.after = page.next_after;
        let next_look = until.min(Instant::now() + POLL);
        // Nobody can ring any more when the server ends; the next look comes all the same.
        if let Ok(Err(_)) = timeout_at(next_look, appended.changed()).await {
            tokio::time::sleep_until(next_look).await;
        }
    }
}

#[utoipa::path(
    get,
    path = "/v1/events/types",
    tag = "Events",
    operation_id = "listEventTypes",
    summary = "List what can happen",
    responses((status = 200, body = Vec<TypeShape>)),
    security(("key" = ["events:read"]))
)]
async fn types() -> Response {
    let types: Vec<_> = PublicType::ALL.iter().copied().map(TypeShape::from).collect();
    let (total, size) = (types.len() as u64, PageRequest::MAX_SIZE);
    let all = Page { items: types, cursors: vec![], total, total_is_estimate: false, next: None };
    envelope::list(PageRequest { window: Window::Number(1), size }, all, |shape| shape)
}

#[utoipa::path(
    get,
    path = "/v1/events/types/{type}",
    tag = "Events",
    operation_id = "getEventType",
    summary = "Get a type of event",
    params(IfNoneMatch),
    responses((status = 200, body = TypeShape)),
    security(("key" = ["events:read"]))
)]
async fn show_type(InPath(Named(public)): InPath<Named>, known: IfNoneMatch) -> Response {
    let shape = TypeShape::from(public);
    if known.has(&shape) { envelope::not_modified(&shape) } else { envelope::resource(&shape) }
}

#[utoipa::path(
    get,
    path = "/v1/events/types/{type}/schema",
    tag = "Events",
    operation_id = "getEventSchema",
    summary = "Get the JSON Schema of the bodies of a type",
    params(webhooks::SchemaQuery, IfNoneMatch),
    responses((status = 200, body = SchemaShape)),
    security(("key" = ["events:read"]))
)]
async fn schema(
    InPath(Named(public)): InPath<Named>,
    Version(version): Version,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let schema = schemas::schema(public, version)
        .ok_or_else(|| ApiError::internal("a schema of the index is missing"))?;
    let schema = SchemaShape(schema);
    Ok(if known.has(&schema) { envelope::not_modified(&schema) } else { envelope::resource(&schema) })
}

/// Which part of the feed, and how long to wait for it.
struct Asked {
    after: After,
    limit: u32,
    types: BTreeSet<EventPattern>,
    channel: Option<ChannelRef>,
    wait: Duration,
}

/// Where a part begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    Position(u64),
    End,
}

impl FromStr for After {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "end" => Ok(Self::End),
            _ => number(text, 0..=i64::MAX.unsigned_abs())
                .map(Self::Position)
                .ok_or("must be a position, from 0, or 'end'"),
        }
    }
}

fn number(text: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && bounds.contains(number))
}

impl FromRequestParts<App> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl Asked {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut query = Query::new(query);
        let after = query.optional("after").flatten().unwrap_or(After::Position(0));
        let limit = bounded(&mut query, "limit", 1..=u64::from(FeedRequest::MAX_LIMIT));
        let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LIMIT);
        let texts = query.repeated::<String>("types").unwrap_or_default();
        let texts = texts.iter().flat_map(|text| text.split(','));
        let types = patterns(Format::Standard, texts).map_err(|error| query.wrong("types", error));
        let channel = query.optional("channel_id").flatten();
        let wait = bounded(&mut query, "wait", 0..=LONGEST_WAIT).unwrap_or(0);
        query.close()?;
        Ok(Self { after, limit, types: types.unwrap_or_default(), channel, wait: Duration::from_secs(wait) })
    }
}

/// A number, if it was given; what is wrong with it the query has noted.
pub(super) fn bounded(query: &mut Query, name: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let text = query.text(name).flatten()?;
    let (least, most) = (*bounds.start(), *bounds.end());
    let number = number(&text, bounds);
    if number.is_none() {
        query.wrong(name, format!("must be a number from {least} to {most}"));
    }
    number
}

/// A type of event, in a path.
struct Named(PublicType);

impl FromStr for Named {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        PublicType::by_name(name).map(Self).ok_or(())
    }
}

impl Resolves for Named {
    const RESOURCE: Resource = Resource::EventType;
}

/// `?version=`: the latest when it is left out.
struct Version(u16);

impl FromRequestParts<App> for Version {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let version = bounded(&mut query, "version", 1..=u64::from(LATEST_SCHEMA));
        query.close()?;
        Ok(Self(version.and_then(|version| u16::try_from(version).ok()).unwrap_or(LATEST_SCHEMA)))
    }
}

/// Part of the feed.
#[derive(Serialize, ToSchema)]
#[schema(as = Feed)]
struct Feed<'e>(Vec<Shape<'e>>);

/// An event in answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct Shape<'e> {
    #[schema(value_type = values::EventId)]
    id: EventId,
    position: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    /// As `/v1/events/types/{type}/schema` has it.
    #[schema(value_type = Object)]
    data: standard::Data<'e>,
}

impl<'e> From<&'e FeedEvent> for Shape<'e> {
    fn from(event: &'e FeedEvent) -> Self {
        Self::of(event.public, &event.materials)
    }
}

impl<'e> Shape<'e> {
    pub(super) fn of(public: PublicType, materials: &'e Materials) -> Self {
        let recorded = &materials.recorded;
        Self {
            id: recorded.id,
            position: recorded.position,
            kind: public.name(),
            timestamp: recorded.recorded_at.into(),
            data: standard::data(materials),
        }
    }
}

/// A type of event in answers.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
struct TypeShape {
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'static str,
    schema_version: u16,
    schema: String,
}

impl From<PublicType> for TypeShape {
    fn from(public: PublicType) -> Self {
        let kind = public.name();
        let schema = format!("/v1/events/types/{kind}/schema");
        Self { kind, description: public.description(), schema_version: LATEST_SCHEMA, schema }
    }
}

impl Versioned for TypeShape {
    fn tag(&self) -> String {
        format!("{}-{}", self.schema_version, envelope::fingerprint(self))
    }
}

/// A JSON Schema (2020-12).
#[derive(Serialize, ToSchema)]
#[schema(as = EventSchema, value_type = Object)]
struct SchemaShape(Value);

impl Versioned for SchemaShape {
    fn tag(&self) -> String {
        format!("{LATEST_SCHEMA}-{}", envelope::fingerprint(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_asked_for_by_position_types_and_wait() {
        let all = Asked::read("").unwrap();
        assert_eq!((all.after, all.limit, all.wait), (After::Position(0), LIMIT, Duration::ZERO));
        let some =
            Asked::read("after=end&limit=100&types=message.*,chat.opened&types=customer.*&wait=15").unwrap();
        assert_eq!((some.after, some.limit, some.types.len()), (After::End, 100, 3));
        assert_eq!(some.wait, Duration::from_secs(15));
    }

    #[test]
    fn every_parameter_that_is_wrong_is_named() {
        let refused = Asked::read("after=-1&limit=0&types=massage.*&channel_id=&wait=16&x=1").err().unwrap();
        let fields: Vec<_> = refused.details().iter().map(|detail| detail.field.as_str()).collect();
        assert_eq!(fields, ["after", "limit", "types", "channel_id", "wait", "x"]);
        for query in ["after=9223372036854775808", "after=+1", "after=", "limit=101", "wait=1.5", "types="] {
            assert!(Asked::read(query).is_err(), "{query}");
        }
    }
}
