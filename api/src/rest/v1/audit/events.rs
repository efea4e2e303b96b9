//! `GET /v1/audit/events`: the log, with all that is known of each event.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use interflow_application::audit::{AuditEvent, ClientAddress, EventFilter, Stretch};
use interflow_domain::EventId;
use interflow_domain::workspace::Scope;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::paging::{Asked, Part};
use super::query;
use crate::error::ApiError;
use crate::extract::{Call, Query};
use crate::openapi::{audit, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/audit/events", guard.reads(Scope::AuditRead, get(list)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/audit/events",
    tag = "Audit",
    operation_id = "listAuditEvents",
    summary = "List every event, with who did it, when, from where, and because of what",
    description = "The latest first, unless `sort` says otherwise. A page may have fewer entries than `per_page`, or none, \
                   and a `next_cursor` all the same: when so many events did not fit that the search was left off.",
    params(audit::EventQuery, audit::Paging),
    responses((status = 200, body = AuditEvents)),
    security(("key" = ["audit:read"]))
)]
async fn list(State(app): State<App>, call: Call, wanted: Wanted) -> Result<Response, ApiError> {
    let Wanted { filter, asked } = wanted;
    let stretch = Stretch { from: asked.place(), ascending: asked.goes_up(), size: asked.size };
    let found = app.audit.events(call.workspace(), &filter, stretch).await?;
    let part = Part { items: found.events, more_from: found.more_from };
    Ok(asked.answer(
        part,
        |event| event.position,
        |events| AuditEvents(events.into_iter().map(Shape::from).collect()),
    ))
}

struct Wanted {
    filter: EventFilter,
    asked: Asked,
}

impl FromRequestParts<App> for Wanted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let asked = Asked::read(&mut query, parts.uri.path(), "position");
        let filter = query::filter(&mut query);
        query.close()?;
        Ok(Self { filter, asked })
    }
}

/// Events as an auditor sees them.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditEvents(Vec<Shape>);

/// An event as an auditor sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(super) struct Shape {
    #[schema(value_type = values::EventId)]
    id: EventId,
    /// Its place in the workspace's log, from 1.
    position: u64,
    /// As it is stored: `instance` is a channel.
    #[serde(rename = "type")]
    kind: String,
    /// The version of its shape.
    schema_version: String,
    aggregate: Aggregate,
    recorded_at: Timestamp,
    /// `key:…`, `system:…`, `whatsapp:…` or `operator`.
    actor: Option<String>,
    /// The request it was recorded in.
    request_id: Option<String>,
    /// The request that all of it goes back to.
    correlation_id: Option<String>,
    /// The event it follows from.
    #[schema(value_type = Option<values::EventId>)]
    causation_id: Option<String>,
    /// The span of W3C Trace Context it was recorded in.
    traceparent: Option<String>,
    /// Where the caller called from.
    client_address: Option<String>,
    /// Whether that was known, and is kept no longer.
    client_address_erased: bool,
    /// What it says. What was erased is `{"erased":true}`, what is secret `{"redacted":true}`.
    #[schema(value_type = Object)]
    payload: Value,
    /// Whether something in it was erased.
    erased: bool,
}

/// What an event happened to.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditAggregate)]
struct Aggregate {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    /// The event's place among those of the aggregate, from 1.
    version: u64,
}

impl From<AuditEvent> for Shape {
    fn from(event: AuditEvent) -> Self {
        let circumstances = event.circumstances;
        let (client_address, client_address_erased) = match circumstances.client_address {
            ClientAddress::None => (None, false),
            ClientAddress::Known(address) => (Some(address.to_string()), false),
            ClientAddress::Erased => (None, true),
        };
        Self {
            id: event.id,
            position: event.position,
            kind: event.event_type,
            schema_version: event.event_version,
            aggregate: Aggregate {
                kind: event.aggregate.kind,
                id: event.aggregate.id,
                version: event.version,
            },
            recorded_at: event.recorded_at.into(),
            actor: circumstances.actor,
            request_id: circumstances.request_id,
            correlation_id: circumstances.correlation_id,
            causation_id: circumstances.causation_id,
            traceparent: circumstances.traceparent,
            client_address,
            client_address_erased,
            payload: event.payload,
            erased: event.erased,
        }
    }
}
