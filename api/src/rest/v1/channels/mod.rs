//! `/v1/channels`: the instances of the Flowcore face, by id or by name.
//!
//! Cast: [`connection`] has the verbs that open and close it, [`qr`] shows what is to be scanned, [`timeline`] tells a
//! person what happened.

pub(crate) mod connection;
pub(super) mod qr;
pub(super) mod timeline;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use interflow_application::read::{Channel, Page};
use interflow_application::{ChannelRef, RegisterInstance, RenameInstance, Resource, ResourceRef};
use interflow_domain::instance::ConnectionStatus;
use interflow_domain::workspace::Scope;
use interflow_domain::{InstanceId, InstanceName};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::auth::called;
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{
    Body, Call, Form, FromForm, IfMatch, IfNoneMatch, InPath, PagedWhen, When, past_one, seen,
};
use crate::openapi::{bodies, queries, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::ChannelsRead, route);
    let writes = |route| guard.writes(Scope::ChannelsWrite, route);
    Router::new()
        .route("/channels", reads(get(list)).merge(writes(post(create))))
        .route(
            "/channels/{channel}",
            reads(get(show)).merge(writes(patch(rename))).merge(writes(delete(remove))),
        )
        .merge(connection::routes(guard))
        .merge(qr::routes(guard))
        .merge(timeline::routes(guard))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, create, show, rename, remove))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/channels",
    tag = "Channels",
    operation_id = "listChannels",
    summary = "List channels",
    params(queries::Paging, queries::AsOf),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["channels:read"]))
)]
async fn list(State(app): State<App>, call: Call, asked: PagedWhen) -> Result<Response, ApiError> {
    let PagedWhen { page, when } = asked;
    if let Some(point) = when.point(&app, call.workspace()).await? {
        let channels = app.past.channels(call.workspace(), point.position, page).await?;
        let Page { items, cursors, total, total_is_estimate, next } = channels;
        let (items, as_of) = seen(point, items, |channel| channel.id);
        let channels = Page { items, cursors, total, total_is_estimate, next };
        return Ok(envelope::past_list(page, channels, Shape::from, Some(as_of)));
    }
    let channels = app.core.reads.channels(call.workspace(), page).await?;
    Ok(envelope::list(page, channels, Shape::from))
}

#[utoipa::path(
    post,
    path = "/v1/channels",
    tag = "Channels",
    operation_id = "createChannel",
    summary = "Create a channel",
    request_body = bodies::ChannelDraft,
    responses((status = 201, body = Shape)),
    security(("key" = ["channels:write"]))
)]
async fn create(State(app): State<App>, call: Call, Body(named): Body<Named>) -> Result<Response, ApiError> {
    let id = call.run(&RegisterInstance { name: named.name }, instance_of).await?;
    Ok(envelope::created(format!("/v1/channels/{id}"), &find(&app, &call, &ChannelRef::id(id)).await?))
}

#[utoipa::path(
    get,
    path = "/v1/channels/{channel}",
    tag = "Channels",
    operation_id = "getChannel",
    summary = "Get a channel",
    params(queries::AsOf, IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["channels:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    when: When,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    if let Some(point) = when.point(&app, call.workspace()).await? {
        let past = app.past.channel(call.workspace(), point.position, &channel).await?;
        let id = past.as_ref().map(|past| past.item.id);
        let response = past_one((point, past), Resource::Channel, &known, |channel| channel.id, Shape::from)?;
        return Ok(match id {
            Some(id) => called(id, response),
            None => response,
        });
    }
    let channel = find(&app, &call, &channel).await?;
    let response =
        if known.has(&channel) { envelope::not_modified(&channel) } else { envelope::resource(&channel) };
    Ok(called(channel.id, response))
}

#[utoipa::path(
    patch,
    path = "/v1/channels/{channel}",
    tag = "Channels",
    operation_id = "renameChannel",
    summary = "Rename a channel",
    params(IfMatch),
    request_body = bodies::ChannelDraft,
    responses((status = 200, body = Shape)),
    security(("key" = ["channels:write"]))
)]
async fn rename(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    IfMatch(expected): IfMatch,
    Body(named): Body<Named>,
) -> Result<Response, ApiError> {
    let id = call.run(&RenameInstance { channel, name: named.name, expected }, instance_of).await?;
    Ok(envelope::resource(&find(&app, &call, &ChannelRef::id(id)).await?))
}

#[utoipa::path(
    delete,
    path = "/v1/channels/{channel}",
    tag = "Channels",
    operation_id = "deleteChannel",
    summary = "Delete a channel",
    description = "Logs it out, and frees its name.",
    params(IfMatch),
    responses((status = 200, body = envelope::Deleted)),
    security(("key" = ["channels:write"]))
)]
async fn remove(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let deleted = async { Ok(app.gateway.delete(&call.context, &channel, expected).await?.id) };
    Ok(envelope::deleted(call.once(instance_of, deleted).await?))
}

async fn find(app: &App, call: &Call, channel: &ChannelRef) -> Result<Shape, ApiError> {
    Ok(channel.find(&*app.core.reads, call.workspace()).await?.into())
}

/// Which channel a repeated command made or changed.
pub(crate) const fn instance_of(resource: ResourceRef) -> Option<InstanceId> {
    if let ResourceRef::Instance(id) = resource { Some(id) } else { None }
}

/// `{"name"}`.
pub(crate) struct Named {
    pub(crate) name: InstanceName,
}

impl FromForm for Named {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { name: form.required("name")? })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Channel)]
pub(super) struct Shape {
    #[schema(value_type = values::ChannelId)]
    id: InstanceId,
    name: String,
    #[schema(value_type = String)]
    kind: &'static str,
    #[schema(value_type = values::ConnectionStatus)]
    status: ConnectionStatus,
    phone: Option<String>,
    profile_name: Option<String>,
    last_disconnect: Option<Disconnect>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

#[derive(Serialize, ToSchema)]
struct Disconnect {
    reason: String,
    at: Timestamp,
}

impl From<Channel> for Shape {
    fn from(channel: Channel) -> Self {
        Self {
            id: channel.id,
            name: channel.name,
            kind: "whatsapp",
            status: channel.status,
            phone: channel.phone,
            profile_name: channel.profile_name,
            last_disconnect: channel
                .last_disconnect
                .map(|last| Disconnect { reason: last.reason, at: last.at.into() }),
            created_at: channel.created_at.into(),
            updated_at: channel.updated_at.into(),
            version: channel.version,
        }
    }
}

impl Versioned for Shape {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}
