//! `GET /v1/audit/correlations/{correlation}`: what followed from one request.

use std::str::FromStr;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use interflow_application::Resource;
use interflow_application::audit::{AttemptMade, DeliveryMade, Node, Trail, WaitingSend};
use interflow_application::read::Fingerprint;
use interflow_domain::workspace::Scope;
use interflow_domain::{DeliveryId, WebhookId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::events::Shape;
use super::query::is_correlation;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, InPath, Query, Resolves, fingerprint};
use crate::openapi::{audit, values};
use crate::rest::v1::events::bounded;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

/// How many events a page has, at most.
const MOST: u64 = 1_000;
const USUALLY: u32 = 200;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/audit/correlations/{correlation}", guard.reads(Scope::AuditRead, get(show)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(show))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/audit/correlations/{correlation}",
    tag = "Audit",
    operation_id = "getCorrelation",
    summary = "Show all that followed from a request",
    description = "A tree in the order of the log: below each event those that follow from it, with the send that waits and \
                   the deliveries to webhooks. An event whose cause is on an earlier page is at the top.",
    params(audit::TrailPaging),
    responses((status = 200, body = Correlation)),
    security(("key" = ["audit:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(Named(correlation)): InPath<Named>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let Asked { after, size, list } = asked;
    let followed = app.audit.followed(call.workspace(), &correlation, after, size).await?;
    if followed.events.is_empty() && after == 0 {
        return Err(ApiError::no_such(Resource::Correlation));
    }
    let Trail { roots, more_from } = Trail::of(followed);
    let meta = Meta { per_page: size, next_cursor: more_from.map(|place| encode(place, list)) };
    let events = roots.into_iter().map(NodeShape::from).collect();
    Ok(envelope::with_meta(Correlation { correlation_id: correlation, events }, meta))
}

/// A request, as its events name it.
struct Named(String);

impl FromStr for Named {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if is_correlation(text) { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl Resolves for Named {
    const RESOURCE: Resource = Resource::Correlation;
}

struct Asked {
    after: u64,
    size: u32,
    list: Fingerprint,
}

impl FromRequestParts<App> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let list = fingerprint(parts.uri.path(), "", vec![]);
        let size = bounded(&mut query, "per_page", 1..=MOST).and_then(|size| u32::try_from(size).ok());
        let cursor = query.text("cursor").flatten();
        let after = cursor.and_then(|text| {
            let place = decode(&text, list);
            if place.is_none() {
                query.wrong("cursor", "must be the 'next_cursor' of an answer of this request");
            }
            place
        });
        query.close()?;
        Ok(Self { after: after.unwrap_or(0), size: size.unwrap_or(USUALLY), list })
    }
}

fn encode(place: u64, list: Fingerprint) -> String {
    hex::encode([list, place.to_be_bytes()].concat())
}

fn decode(text: &str, list: Fingerprint) -> Option<u64> {
    let bytes: [u8; 16] = hex::decode(text).ok()?.try_into().ok()?;
    let (of, place) = bytes.split_at(8);
    let place = u64::from_be_bytes(place.try_into().ok()?);
    (of == list && i64::try_from(place).is_ok()).then_some(place)
}

#[derive(Serialize)]
struct Meta {
    per_page: u32,
    next_cursor: Option<String>,
}

/// What followed from a request.
#[derive(Serialize, ToSchema)]
struct Correlation {
    correlation_id: String,
    /// What follows from nothing but the request, in order.
    events: Vec<NodeShape>,
}

/// An event, and what follows from it.
#[derive(Serialize, ToSchema)]
#[schema(as = CorrelatedEvent)]
struct NodeShape {
    event: Shape,
    /// The send of its message, while it is to be carried out.
    waiting: Option<WaitingShape>,
    /// What webhooks are told of it.
    deliveries: Vec<DeliveryShape>,
    /// The events that follow from it, in order.
    #[schema(no_recursion)]
    followed_by: Vec<NodeShape>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CorrelatedSend)]
struct WaitingShape {
    attempts: u32,
    /// Null before the first attempt.
    next_attempt_at: Option<Timestamp>,
    deadline: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CorrelatedDelivery)]
struct DeliveryShape {
    #[schema(value_type = values::DeliveryId)]
    id: DeliveryId,
    #[schema(value_type = values::WebhookId)]
    webhook_id: WebhookId,
    status: String,
    created_at: Timestamp,
    settled_at: Option<Timestamp>,
    /// The latest 20, in order.
    attempts: Vec<AttemptShape>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CorrelatedAttempt)]
struct AttemptShape {
    number: u32,
    at: Timestamp,
    /// What the receiver answered.
    status: Option<u16>,
    /// Why there was no answer.
    error: Option<String>,
    took_ms: u64,
}

impl From<Node> for NodeShape {
    fn from(node: Node) -> Self {
        Self {
            event: node.event.into(),
            waiting: node.waiting.map(WaitingShape::from),
            deliveries: node.deliveries.into_iter().map(DeliveryShape::from).collect(),
            followed_by: node.followed_by.into_iter().map(Self::from).collect(),
        }
    }
}

impl From<WaitingSend> for WaitingShape {
    fn from(send: WaitingSend) -> Self {
        Self {
            attempts: send.attempts,
            next_attempt_at: send.next_attempt_at.map(Timestamp::from),
            deadline: send.deadline.into(),
        }
    }
}

impl From<DeliveryMade> for DeliveryShape {
    fn from(delivery: DeliveryMade) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook,
            status: delivery.status,
            created_at: delivery.created_at.into(),
            settled_at: delivery.settled_at.map(Timestamp::from),
            attempts: delivery.attempts.into_iter().map(AttemptShape::from).collect(),
        }
    }
}

impl From<AttemptMade> for AttemptShape {
    fn from(attempt: AttemptMade) -> Self {
        let AttemptMade { number, at, status, error, took_ms } = attempt;
        Self { number, at: at.into(), status, error, took_ms }
    }
}
