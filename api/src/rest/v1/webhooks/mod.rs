//! `/v1/webhooks`: the endpoints that are told what happens.
//!
//! Cast: [`draft`] reads what a caller says of an endpoint, [`shape`] says how it stands, [`deliveries`] shows what it
//! was told and tells it once more, [`replay`] goes back in the log.

pub(crate) mod deliveries;
pub(crate) mod draft;
pub(crate) mod replay;
pub(crate) mod shape;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use chrono::TimeDelta;
use interflow_application::log::{Event, StreamId};
use interflow_application::read::Page;
use interflow_application::webhook::views::WebhookView;
use interflow_application::webhook::{self, signing};
use interflow_application::{
    CreateWebhook, DeleteWebhook, PauseWebhook, Resource, ResourceRef, ResumeWebhook, RotateWebhookSecret,
    UpdateWebhook,
};
use interflow_domain::webhook::{PausedBy, Secret, Signing, Webhook, WebhookEvent};
use interflow_domain::workspace::Scope;
use interflow_domain::{WebhookId, WorkspaceId};
use utoipa::OpenApi;

use self::draft::{Change, Draft, Overlap, Unjudged};
pub(super) use self::shape::Shape;
use self::shape::WithSecret;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Body, Call, IfMatch, IfNoneMatch, InPath, OptionalBody, Paging};
use crate::openapi::{bodies, queries, webhooks};
use crate::router::Guard;
use crate::state::App;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::WebhooksRead, route);
    let writes = |route| guard.writes(Scope::WebhooksWrite, route);
    Router::new()
        .route("/webhooks", reads(get(list)).merge(writes(post(create))))
        .route(
            "/webhooks/{webhook}",
            reads(get(show)).merge(writes(patch(change))).merge(writes(delete(remove))),
        )
        .route("/webhooks/{webhook}/pause", writes(post(pause)))
        .route("/webhooks/{webhook}/resume", writes(post(resume)))
        .route("/webhooks/{webhook}/rotate-secret", writes(post(rotate)))
        .merge(deliveries::routes(guard))
        .merge(replay::routes(guard))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, show, create, change, remove, pause, resume, rotate))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "Webhooks",
    operation_id = "listWebhooks",
    summary = "List webhooks",
    params(queries::Paging),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["webhooks:read"]))
)]
async fn list(State(app): State<App>, call: Call, Paging(page): Paging) -> Result<Response, ApiError> {
    let found = app.webhooks.reads.webhooks(call.workspace(), page).await?;
    let Page { items: views, cursors, total, total_is_estimate, next } = found;
    let mut items = Vec::with_capacity(views.len());
    for view in views {
        items.push(shape_of(&app, call.workspace(), view).await?);
    }
    let shapes = Page { items, cursors, total, total_is_estimate, next };
    Ok(envelope::list(page, shapes, |shape| shape))
}

#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook}",
    tag = "Webhooks",
    operation_id = "getWebhook",
    summary = "Get a webhook and how far it is",
    params(IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["webhooks:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<WebhookId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let webhook = find(&app, &call, id).await?;
    Ok(if known.has(&webhook) { envelope::not_modified(&webhook) } else { envelope::resource(&webhook) })
}

#[utoipa::path(
    post,
    path = "/v1/webhooks",
    tag = "Webhooks",
    operation_id = "createWebhook",
    summary = "Create a webhook",
    description = "The secret is in this answer and nowhere else. A workspace may have as many webhooks as the server is \
        configured to allow, 100 unless it says otherwise; one more is a CONFLICT.",
    request_body = webhooks::WebhookDraft,
    responses((status = 201, body = WithSecret), (status = 409)),
    security(("key" = ["webhooks:write"]))
)]
async fn create(
    State(app): State<App>,
    call: Call,
    Body(unjudged): Body<Unjudged<Draft>>,
) -> Result<Response, ApiError> {
    let (id, secret) = make(&app, &call, unjudged).await?;
    let made = WithSecret::new(find(&app, &call, id).await?, secret.as_ref());
    Ok(envelope::created(format!("/v1/webhooks/{id}"), &made))
}

/// Makes a webhook, or finds the one that the same command made, with its secret.
pub(crate) async fn make(
    app: &App,
    call: &Call,
    unjudged: Unjudged<Draft>,
) -> Result<(WebhookId, Option<Secret>), ApiError> {
    let Draft { settings, channels, signing, start_from } = unjudged.judge(&app.webhooks).await?;
    let secret = signing::new_secret(signing).map_err(|error| ApiError::internal(error.to_string()))?;
    let create = CreateWebhook { settings, channels, secret, start_from, most: Some(app.webhooks.most) };
    let creating = app.webhooks.creating.take(call.workspace()).await;
    let id = call.run(&create, webhook_of).await?;
    drop(creating);
    app.webhooks.dispatcher.wake();
    // As it was created with: a repetition may come after a rotation.
    Ok((id, first_secret(app, call, id).await?))
}

#[utoipa::path(
    patch,
    path = "/v1/webhooks/{webhook}",
    tag = "Webhooks",
    operation_id = "updateWebhook",
    summary = "Change a webhook",
    params(IfMatch),
    request_body = webhooks::WebhookPatch,
    responses((status = 200, body = Shape), (status = 409)),
    security(("key" = ["webhooks:write"]))
)]
async fn change(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<WebhookId>,
    IfMatch(expected): IfMatch,
    Body(unjudged): Body<Unjudged<Change>>,
) -> Result<Response, ApiError> {
    let id = update(&app, &call, id, unjudged, expected).await?;
    Ok(envelope::resource(&find(&app, &call, id).await?))
}

/// Changes a webhook.
pub(crate) async fn update(
    app: &App,
    call: &Call,
    id: WebhookId,
    unjudged: Unjudged<Change>,
    expected: Option<u64>,
) -> Result<WebhookId, ApiError> {
    let known = find(app, call, id).await?;
    let patch = unjudged.judge(&app.webhooks).await?.for_format(known.format())?;
    call.run(&UpdateWebhook { id, patch, expected }, webhook_of).await
}

#[utoipa::path(
    delete,
    path = "/v1/webhooks/{webhook}",
    tag = "Webhooks",
    operation_id = "deleteWebhook",
    summary = "Delete a webhook",
    params(IfMatch),
    responses((status = 200, body = envelope::Deleted), (status = 409)),
    security(("key" = ["webhooks:write"]))
)]
async fn remove(
    call: Call,
    InPath(id): InPath<WebhookId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let id = call.run(&DeleteWebhook { id, expected }, webhook_of).await?;
    Ok(envelope::deleted(id))
}

#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook}/pause",
    tag = "Webhooks",
    operation_id = "pauseWebhook",
    summary = "Pause a webhook",
    description = "It misses nothing: it goes on where it stopped.",
    params(IfMatch),
    responses((status = 200, body = Shape), (status = 409)),
    security(("key" = ["webhooks:write"]))
)]
async fn pause(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<WebhookId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let id = call.run(&PauseWebhook { id, by: PausedBy::Caller, expected }, webhook_of).await?;
    Ok(envelope::resource(&find(&app, &call, id).await?))
}

#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook}/resume",
    tag = "Webhooks",
    operation_id = "resumeWebhook",
    summary = "Let a paused or disabled webhook go on",
    description = "It is told all that happened meanwhile.",
    params(IfMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["webhooks:write"]))
)]
async fn resume(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<WebhookId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let id = call.run(&ResumeWebhook { id, expected }, webhook_of).await?;
    app.webhooks.dispatcher.wake();
    Ok(envelope::resource(&find(&app, &call, id).await?))
}

#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook}/rotate-secret",
    tag = "Webhooks",
    operation_id = "rotateWebhookSecret",
    summary = "Give a webhook another secret",
    description = "The one before signs as well for a while yet.",
    params(IfMatch),
    request_body = Option<bodies::Overlap>,
    responses((status = 200, body = WithSecret), (status = 409)),
    security(("key" = ["webhooks:write"]))
)]
async fn rotate(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<WebhookId>,
    IfMatch(expected): IfMatch,
    OptionalBody(Overlap(overlap)): OptionalBody<Overlap>,
) -> Result<Response, ApiError> {
    let secret = renew(&app, &call, id, overlap, expected).await?;
    Ok(envelope::resource(&WithSecret::new(find(&app, &call, id).await?, Some(&secret))))
}

/// Gives a webhook another secret, or finds the one that the same command gave it.
pub(crate) async fn renew(
    app: &App,
    call: &Call,
    id: WebhookId,
    overlap: TimeDelta,
    expected: Option<u64>,
) -> Result<Secret, ApiError> {
    let signing = find(app, call, id).await?.signing();
    let nonce = app.core.ids.next();
    let secret = secret(app, call, signing, nonce)?;
    let rotate = RotateWebhookSecret { id, secret: secret.clone(), nonce, overlap, expected };
    let made_from = call.run(&rotate, nonce_of).await?;
    if made_from == nonce { Ok(secret) } else { self::secret(app, call, signing, made_from) }
}

async fn find(app: &App, call: &Call, id: WebhookId) -> Result<Shape, ApiError> {
    let view = app.webhooks.reads.webhook(call.workspace(), id).await?;
    let view = view.ok_or_else(|| ApiError::no_such(Resource::Webhook))?;
    shape_of(app, call.workspace(), view).await
}

/// What an endpoint is stands in its stream, sealed; how it stands in its row.
pub(crate) async fn shape_of(
    app: &App,
    workspace: WorkspaceId,
    view: WebhookView,
) -> Result<Shape, ApiError> {
    let (id, version) = (view.row.id, view.row.version);
    let webhook: Arc<Webhook> = webhook::current(&*app.core.log, workspace, id, version).await?;
    Shape::new(view, &webhook, app.core.clock.now())
}

async fn first_secret(app: &App, call: &Call, id: WebhookId) -> Result<Option<Secret>, ApiError> {
    let stream = StreamId::Webhook(id);
    let history = app.core.log.history(call.workspace(), stream, 0, u64::MAX, 1).await?;
    Ok(history.into_iter().find_map(|recorded| match recorded.event {
        Event::Webhook(WebhookEvent::WebhookCreated { secret, .. }) => secret.get().cloned(),
        _ => None,
    }))
}

fn secret(app: &App, call: &Call, signing: Signing, nonce: uuid::Uuid) -> Result<Secret, ApiError> {
    let random = app.tenants.secrets.bytes(call.context.command.as_ref(), nonce);
    signing::secret_from(signing, random).map_err(|error| ApiError::internal(error.to_string()))
}

/// Which webhook a repeated command made or changed.
pub(crate) const fn webhook_of(resource: ResourceRef) -> Option<WebhookId> {
    if let ResourceRef::Webhook(id) = resource { Some(id) } else { None }
}

const fn nonce_of(resource: ResourceRef) -> Option<uuid::Uuid> {
    if let ResourceRef::Secret(nonce) = resource { Some(nonce) } else { None }
}
