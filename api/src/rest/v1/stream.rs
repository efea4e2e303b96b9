//! `GET /v1/events/stream`: what happens, as it does, as server-sent events.
//!
//! An `id:` is a position, so that a client that shows the last one it has goes on after it. The first thing that is
//! sent, and every heartbeat, has one too, though it tells nothing: who reads a rare type need not begin far back.

use std::collections::BTreeSet;
use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures::stream;
use interflow_application::live::{Activity, Filter, Item, LiveEvent, Signal, SignalKind, Since};
use interflow_application::webhook::patterns;
use interflow_application::{ChannelRef, FieldError};
use interflow_domain::webhook::{EventPattern, Format};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId};
use serde::Serialize;
use utoipa::OpenApi;

use super::events::{After, Shape};
use crate::auth::Pass;
use crate::error::ApiError;
use crate::extract::Query;
use crate::layers::Client;
use crate::openapi::webhooks;
use crate::router::Guard;
use crate::state::App;
use crate::streams::{End, Listener, Told};
use crate::time::Timestamp;

/// How long a client is asked to wait before it connects again, in milliseconds.
const RETRY_MILLIS: u32 = 2_000;
/// How much is sent at once.
const CHUNK_BYTES: usize = 32 * 1024;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/events/stream", guard.reads(Scope::EventsRead, get(open)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(open))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/events/stream",
    tag = "Events",
    operation_id = "streamEvents",
    summary = "Follow what happens, as server-sent events",
    description = "The answer does not end by itself. Every event has its position as `id`; `Last-Event-ID` goes on after it.",
    params(webhooks::StreamQuery),
    responses((status = 200, content((String = "text/event-stream")))),
    security(("key" = ["events:read"]))
)]
async fn open(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    pass: Pass,
    asked: Asked,
) -> Result<Response, ApiError> {
    let workspace = pass.caller.workspace;
    let mut filter = Filter::matching(&asked.types);
    filter.channel = match asked.channel {
        Some(channel) => {
            let found = channel.named(&*app.core.reads, workspace).await?;
            Some(found.ok_or_else(|| Query::refused("channel_id", "must name a channel that there is"))?)
        }
        None => None,
    };
    (filter.chat, filter.customer) = (asked.chat, asked.customer);
    (filter.signals, filter.qr) = (asked.signals, asked.signals);
    let listener = Listener::open(&app, pass, client, Scope::EventsRead, filter, asked.since).await?;
    let open = Open { listener, begun: false, over: false };
    let chunks = stream::unfold(open, |mut open| async {
        let chunk = open.chunk().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), open))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// A stream that is open.
struct Open {
    listener: Listener,
    begun: bool,
    over: bool,
}

impl Open {
    /// What is sent next; nothing once the stream has ended.
    async fn chunk(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        if !std::mem::replace(&mut self.begun, true) {
            return Some(format!("retry: {RETRY_MILLIS}\nid: {}\n\n", self.listener.position()));
        }
        Some(match self.listener.next().await {
            Told::Item(item) => self.tell(item),
            Told::Quiet => format!(":\nid: {}\n\n", self.listener.position()),
            Told::End(end) => self.end(&end),
        })
    }

    /// An item, and what else is there already.
    fn tell(&mut self, item: Item) -> String {
        let mut chunk = String::new();
        let mut next = Some(item);
        while let Some(item) = next {
            match item {
                Item::Event(event) => chunk.push_str(event.rendered(frame)),
                Item::Signal(signal) => chunk.push_str(&signal_frame(&signal)),
            }
            next = if chunk.len() < CHUNK_BYTES { self.listener.next_ready() } else { None };
        }
        chunk
    }

    fn end(&mut self, end: &End) -> String {
        self.over = true;
        let told = serde_json::to_string(end).unwrap_or_default();
        format!("id: {}\nevent: error\ndata: {told}\n\n", end.resume_after)
    }
}

/// An event as it is sent, the same to everybody.
fn frame(event: &LiveEvent) -> String {
    let data = serde_json::to_string(&Shape::of(event.public, &event.materials)).unwrap_or_default();
    format!("id: {}\ndata: {data}\n\n", event.position())
}

#[derive(Serialize)]
struct SignalShape<'s> {
    signal: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    channel_id: InstanceId,
    chat_id: Option<ChatId>,
    customer_id: Option<CustomerId>,
    last_seen: Option<Timestamp>,
    qr: Option<&'s str>,
    qr_expires_at: Option<Timestamp>,
}

/// A signal has no `id`: it is in no log, and cannot be gone on after.
fn signal_frame(signal: &Signal) -> String {
    let (kind, qr, last_seen) = match &signal.kind {
        SignalKind::Activity(activity) => (activity.name(), None, last_seen(*activity)),
        SignalKind::Qr { code, expires_at } => ("qr", Some((code, *expires_at)), None),
    };
    let shape = SignalShape {
        signal: true,
        kind,
        timestamp: signal.at.into(),
        channel_id: signal.channel,
        chat_id: signal.chat,
        customer_id: signal.customer,
        last_seen,
        qr: qr.map(|(code, _)| code.as_str()),
        qr_expires_at: qr.map(|(_, expires_at)| expires_at.into()),
    };
    format!("event: signal\ndata: {}\n\n", serde_json::to_string(&shape).unwrap_or_default())
}

fn last_seen(activity: Activity) -> Option<Timestamp> {
    let Activity::Offline { last_seen: Some(at) } = activity else { return None };
    chrono::DateTime::from_timestamp(at, 0).map(Timestamp::from)
}

/// What a stream is to tell.
struct Asked {
    since: Since,
    types: BTreeSet<EventPattern>,
    channel: Option<ChannelRef>,
    chat: Option<ChatId>,
    customer: Option<CustomerId>,
    signals: bool,
}

impl FromRequestParts<App> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let shown = parts.headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?").trim());
        Self::read(parts.uri.query().unwrap_or_default(), shown.filter(|shown| !shown.is_empty()))
    }
}

impl Asked {
    fn read(query: &str, shown: Option<&str>) -> Result<Self, ApiError> {
        let mut query = Query::new(query);
        let since = query.optional("since").flatten().unwrap_or(After::End);
        let texts = query.repeated::<String>("types").unwrap_or_default();
        let texts = texts.iter().flat_map(|text| text.split(','));
        let types = patterns(Format::Standard, texts).map_err(|error| query.wrong("types", error));
        let channel = query.optional("channel_id").flatten();
        let chat = query.optional("chat_id").flatten();
        let customer = query.optional("customer_id").flatten();
        let signals = query.flag("signals").flatten().unwrap_or(false);
        query.close()?;
        let since = match shown.map(str::parse::<After>) {
            None => since,
            Some(Ok(shown)) => shown,
            Some(Err(problem)) => {
                let problem = FieldError::new("Last-Event-ID", problem);
                return Err(ApiError::invalid("The 'Last-Event-ID' header is no position", vec![problem]));
            }
        };
        let since = match since {
            After::Position(position) => Since::Position(position),
            After::End => Since::Now,
        };
        Ok(Self { since, types: types.unwrap_or_default(), channel, chat, customer, signals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_that_a_client_shows_goes_before_its_address() {
        assert_eq!(Asked::read("", None).unwrap().since, Since::Now);
        assert_eq!(Asked::read("since=7", None).unwrap().since, Since::Position(7));
        assert_eq!(Asked::read("since=7", Some("9")).unwrap().since, Since::Position(9));
        assert_eq!(Asked::read("since=end", Some("0")).unwrap().since, Since::Position(0));
    }

    #[test]
    fn every_parameter_that_is_wrong_is_named() {
        let query = "since=x&types=massage.*&channel_id=&chat_id=x&customer_id=x&signals=1&key=ifl_live_x";
        let refused = Asked::read(query, None).err().unwrap();
        let fields: Vec<_> = refused.details().iter().map(|detail| detail.field.as_str()).collect();
        assert_eq!(fields, ["since", "types", "channel_id", "chat_id", "customer_id", "signals", "key"]);
        assert!(Asked::read("", Some("seven")).is_err());
    }
}
