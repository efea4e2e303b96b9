//! What an endpoint was told, and telling it again: one delivery, or a test that is no delivery.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::TimeDelta;
use futures::FutureExt;
use interflow_application::read::PageRequest;
use interflow_application::webhook::views::DeliveryFilter;
use interflow_application::webhook::{Attempt, Delivery, DeliveryStatus, Outcome, Rendered};
use interflow_application::{Context, Error, Resource, ResourceRef};
use interflow_domain::workspace::Scope;
use interflow_domain::{DeliveryId, EventId, WebhookId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::find;
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{Call, Form, FromForm, IfNoneMatch, InPath, OptionalBody, Query, page_request};
use crate::openapi::{queries, values, webhooks};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::WebhooksRead, route);
    let writes = |route| guard.writes(Scope::WebhooksWrite, route);
    Router::new()
        .route("/webhooks/{webhook}/deliveries", reads(get(list)))
        .route("/webhooks/{webhook}/deliveries/{delivery}", reads(get(show)))
        .route("/webhooks/{webhook}/deliveries/{delivery}/redeliver", writes(post(redeliver)))
        .route("/webhooks/{webhook}/test", writes(post(test)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, show, redeliver, test))]
pub(in crate::rest::v1) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook}/deliveries",
    tag = "Webhooks",
    operation_id = "listDeliveries",
    summary = "List what a webhook was told",
    params(webhooks::DeliveryQuery, queries::Paging),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["webhooks:read"]))
)]
async fn list(
    State(app): State<App>,
    call: Call,
    InPath(webhook): InPath<WebhookId>,
    asked: Asked,
) -> Result<Response, ApiError> {
    find(&app, &call, webhook).await?;
    let Asked { filter, page } = asked;
    let deliveries = app.webhooks.reads.deliveries(call.workspace(), webhook, &filter, page).await?;
    Ok(envelope::list(page, deliveries, Shape::from))
}

/// A delivery with its attempts, and what is sent.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook}/deliveries/{delivery}",
    tag = "Webhooks",
    operation_id = "getDelivery",
    summary = "Get a delivery with its body and its attempts",
    params(IfNoneMatch),
    responses((status = 200, body = Detailed)),
    security(("key" = ["webhooks:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    Named { webhook, delivery }: Named,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let shape = look_up(&app, &call, webhook, delivery).await?;
    if known.has(&shape) {
        return Ok(envelope::not_modified(&shape));
    }
    let request = match app.webhooks.dispatcher.preview(&call.context, webhook, delivery).await {
        Ok(rendered) => Some(Request::from(rendered)),
        // Nothing is sent any more: the endpoint's address was erased.
        Err(Error::NotFound(_) | Error::Conflict(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let attempts = app.webhooks.reads.attempts(call.workspace(), delivery).await?;
    let history = attempts.into_iter().map(AttemptShape::from).collect();
    Ok(envelope::resource(&Detailed { shape, request, history }))
}

/// Telling twice comes to the same as once for whoever dedupes; so a repeated command whose answer is not known is
/// carried out again.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver",
    tag = "Webhooks",
    operation_id = "redeliver",
    summary = "Tell it once more",
    responses((status = 202, body = Shape)),
    security(("key" = ["webhooks:write"]))
)]
async fn redeliver(
    State(app): State<App>,
    call: Call,
    Named { webhook, delivery }: Named,
) -> Result<Response, ApiError> {
    let again = |context: Context| {
        let dispatcher = app.webhooks.dispatcher.clone();
        async move { dispatcher.redeliver(&context, webhook, delivery).await }.boxed()
    };
    call.again(again).await?;
    call.note(ResourceRef::Webhook(webhook)).await?;
    let shape = look_up(&app, &call, webhook, delivery).await?;
    Ok(envelope::accepted(format!("/v1/webhooks/{webhook}/deliveries/{delivery}"), shape))
}

#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook}/test",
    tag = "Webhooks",
    operation_id = "testWebhook",
    summary = "Send an event that happened, and show the answer",
    request_body = Option<webhooks::WebhookTest>,
    responses((status = 200, body = Tested)),
    security(("key" = ["webhooks:write"]))
)]
async fn test(
    State(app): State<App>,
    call: Call,
    InPath(webhook): InPath<WebhookId>,
    OptionalBody(Type { name }): OptionalBody<Type>,
) -> Result<Response, ApiError> {
    let test = |context: Context| {
        let (dispatcher, name) = (app.webhooks.dispatcher.clone(), name.clone());
        async move { dispatcher.test(&context, webhook, name.as_deref()).await }.boxed()
    };
    let tested = call.again(test).await?;
    call.note(ResourceRef::Webhook(webhook)).await?;
    Ok(envelope::ok(Tested {
        kind: tested.event_type,
        position: tested.position,
        succeeded: succeeded(&tested.attempt.outcome),
        body: tested.body,
        attempt: tested.attempt.into(),
    }))
}

async fn look_up(
    app: &App,
    call: &Call,
    webhook: WebhookId,
    delivery: DeliveryId,
) -> Result<Shape, ApiError> {
    find(app, call, webhook).await?;
    let found = app.webhooks.reads.delivery(call.workspace(), webhook, delivery).await?;
    found.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Delivery))
}

pub(crate) fn succeeded(outcome: &Outcome) -> bool {
    outcome.error.is_none() && outcome.status.is_some_and(|status| (200..300).contains(&status))
}

/// A delivery of an endpoint, in a path.
pub(super) struct Named {
    webhook: WebhookId,
    delivery: DeliveryId,
}

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let names = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((webhook, delivery)) = names.map_err(|_| ApiError::no_such(Resource::Webhook))?;
        Ok(Self {
            webhook: webhook.parse().map_err(|_| ApiError::no_such(Resource::Webhook))?,
            delivery: delivery.parse().map_err(|_| ApiError::no_such(Resource::Delivery))?,
        })
    }
}

/// Which deliveries.
struct Asked {
    filter: DeliveryFilter,
    page: PageRequest,
}

const STATUSES: [&str; 4] = ["pending", "delivered", "failed", "aborted"];

impl FromRequestParts<App> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let filter = delivery_filter(&mut query);
        let page = page_request(&mut query);
        query.close()?;
        Ok(Self { filter, page })
    }
}

/// Which deliveries; whatever is wrong is noted in the query.
pub(crate) fn delivery_filter(query: &mut Query) -> DeliveryFilter {
    let status = query.text("status").flatten().and_then(|text| {
        let known = STATUSES.into_iter().find(|known| *known == text);
        known.or_else(|| {
            query.wrong("status", format!("must be one of: {}", STATUSES.join(", ")));
            None
        })
    });
    let event_type = query.text("type").flatten();
    let created = query.range("created").unwrap_or_default();
    // The times themselves are left out, as by every filter; answers show milliseconds.
    let created_from = created.after.map(|after| after + TimeDelta::milliseconds(1));
    DeliveryFilter { status, event_type, created_from, created_before: created.before }
}

/// `{"type"?}`: of which type the event is to be that is sent.
pub(crate) struct Type {
    pub(crate) name: Option<String>,
}

impl FromForm for Type {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { name: form.optional("type")? })
    }
}

/// A delivery in answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
struct Shape {
    #[schema(value_type = values::DeliveryId)]
    id: DeliveryId,
    #[schema(value_type = values::WebhookId)]
    webhook_id: WebhookId,
    #[schema(value_type = values::EventId)]
    event_id: EventId,
    position: u64,
    #[serde(rename = "type")]
    kind: String,
    lane: String,
    sequence: u64,
    previous_sequence: Option<u64>,
    #[schema(schema_with = webhooks::delivery_status)]
    status: &'static str,
    next_attempt_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    attempts: u32,
    created_at: Timestamp,
}

impl From<Delivery> for Shape {
    fn from(delivery: Delivery) -> Self {
        let (next, settled) = match delivery.status {
            DeliveryStatus::Pending { next_attempt_at } => (Some(next_attempt_at), None),
            DeliveryStatus::Delivered { at }
            | DeliveryStatus::Failed { at }
            | DeliveryStatus::Aborted { at } => (None, Some(at)),
        };
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook,
            event_id: delivery.event,
            position: delivery.position,
            kind: delivery.event_type,
            lane: delivery.lane.to_string(),
            sequence: delivery.numbering.sequence,
            previous_sequence: delivery.numbering.previous,
            status: delivery.status.name(),
            next_attempt_at: next.map(Timestamp),
            settled_at: settled.map(Timestamp),
            attempts: delivery.attempts,
            created_at: delivery.created_at.into(),
        }
    }
}

impl Versioned for Shape {
    fn tag(&self) -> String {
        format!("{}-{}", self.attempts, envelope::fingerprint(self))
    }
}

/// A delivery with what is known of it beside its row.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryWithAttempts)]
struct Detailed {
    #[serde(flatten)]
    shape: Shape,
    request: Option<Request>,
    history: Vec<AttemptShape>,
}

impl Versioned for Detailed {
    fn tag(&self) -> String {
        self.shape.tag()
    }
}

/// What is sent, but for its signature and the endpoint's own headers.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryRequest)]
struct Request {
    url: String,
    #[schema(value_type = BTreeMap<String, String>)]
    headers: BTreeMap<&'static str, String>,
    body: String,
}

impl From<Rendered> for Request {
    fn from(rendered: Rendered) -> Self {
        let Rendered { url, body, headers } = rendered;
        Self { url, headers: headers.into_iter().collect(), body }
    }
}

/// What came of an attempt.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
struct AttemptShape {
    number: u32,
    at: Timestamp,
    by_hand: bool,
    status: Option<u16>,
    error: Option<&'static str>,
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    body: String,
    took_ms: u64,
}

impl From<Attempt> for AttemptShape {
    fn from(attempt: Attempt) -> Self {
        let Outcome { status, error, headers, body, took } = attempt.outcome;
        Self {
            number: attempt.number,
            at: attempt.at.into(),
            by_hand: attempt.by_hand,
            status,
            error: error.map(|class| class.name()),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What was sent, and what came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTested)]
struct Tested {
    #[serde(rename = "type")]
    kind: &'static str,
    position: u64,
    succeeded: bool,
    body: String,
    attempt: AttemptShape,
}
