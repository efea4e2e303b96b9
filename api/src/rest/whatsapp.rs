//! The Flowcore API: an instance is what the Interflow API calls a channel. Successes are not enveloped, errors are.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use futures::FutureExt;
use interflow_application::read::Channel;
use interflow_application::{ChannelRef, ResourceRef, SendMessage};
use interflow_domain::instance::ConnectionStatus;
use interflow_domain::message::{Content, MessageStatus};
use interflow_domain::workspace::Scope;
use interflow_domain::{InstanceId, InstanceName, MessageId, MessageText, PhoneNumber};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::v1::{message_of, sent};
use crate::auth::called;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm, InPath};
use crate::openapi::{bodies, values};
use crate::router::Guard;
use crate::state::App;

/// Everything under `/api/whatsapp`.
pub fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::ChannelsRead, route);
    let writes = |route| guard.writes(Scope::ChannelsWrite, route);
    Router::new()
        .route("/connect", writes(post(connect)))
        .route("/instances", reads(get(instances)))
        .route("/status/{name}", reads(get(status)))
        .route("/restart", writes(post(restart)))
        .route("/logout", writes(post(log_out)))
        .route("/delete/{name}", writes(delete(remove)))
        .route("/send", guard.writes(Scope::MessagesWrite, post(send)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(connect, instances, status, restart, log_out, remove, send))]
pub struct Doc;

/// Connecting twice comes to the same as once; so a repeated command whose answer is not known runs again.
#[utoipa::path(
    post,
    path = "/api/whatsapp/connect",
    tag = "Flowcore",
    operation_id = "connectInstance",
    summary = "Connect an instance, making it where there is none",
    description = "`qrcode` is what to show, and null when the instance is open. May be called as often as you like.",
    request_body(content = bodies::Instance, example = json!({"instanceName": "user_id_001"})),
    responses((status = 200, body = Connected, example = json!({
        "instance": {"instanceName": "user_id_001", "status": "connecting"},
        "qrcode": "2@...base64_string..."
    }))),
    security(("key" = ["channels:write"]))
)]
async fn connect(
    State(app): State<App>,
    call: Call,
    Body(named): Body<Named>,
) -> Result<Json<Connected>, ApiError> {
    let connect = move |context| {
        let (gateway, name) = (app.gateway.clone(), named.name.clone());
        async move { gateway.connect(&context, &name).await }.boxed()
    };
    let connected = call.again(connect).await?;
    Ok(Json(Connected { instance: connected.channel.into(), qrcode: connected.qr.map(|qr| qr.code) }))
}

#[utoipa::path(
    get,
    path = "/api/whatsapp/instances",
    tag = "Flowcore",
    operation_id = "listInstances",
    summary = "List all instances",
    responses((status = 200, body = Instances)),
    security(("key" = ["channels:read"]))
)]
async fn instances(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let channels = app.core.reads.all_channels(call.workspace()).await?;
    let shown = channels.len();
    let instances = Instances { instances: channels.into_iter().map(Listed::from).collect() };
    Ok(envelope::showing(shown, Json(instances).into_response()))
}

#[utoipa::path(
    get,
    path = "/api/whatsapp/status/{name}",
    tag = "Flowcore",
    operation_id = "getInstanceStatus",
    summary = "Get an instance's status",
    responses((status = 200, body = Stated)),
    security(("key" = ["channels:read"]))
)]
async fn status(
    State(app): State<App>,
    call: Call,
    InPath(name): InPath<InstanceName>,
) -> Result<Response, ApiError> {
    let channel = ChannelRef::name(name).find(&*app.core.reads, call.workspace()).await?;
    Ok(called(channel.id, Json(Stated::from(channel)).into_response()))
}

#[utoipa::path(
    post,
    path = "/api/whatsapp/restart",
    tag = "Flowcore",
    operation_id = "restartInstance",
    summary = "Close and open an instance's connection",
    request_body = bodies::Instance,
    responses((status = 200, body = Stated),
        (status = 404)),
    security(("key" = ["channels:write"]))
)]
async fn restart(
    State(app): State<App>,
    call: Call,
    Body(named): Body<Named>,
) -> Result<Json<Stated>, ApiError> {
    let channel = ChannelRef::name(named.name);
    let id =
        call.once(instance_of, async { Ok(app.gateway.restart(&call.context, &channel).await?.id) }).await?;
    Ok(Json(find(&app, &call, id).await?.into()))
}

#[utoipa::path(
    post,
    path = "/api/whatsapp/logout",
    tag = "Flowcore",
    operation_id = "logOutInstance",
    summary = "Unlink an instance",
    request_body = bodies::Instance,
    responses((status = 200, body = Stated),
        (status = 404)),
    security(("key" = ["channels:write"]))
)]
async fn log_out(
    State(app): State<App>,
    call: Call,
    Body(named): Body<Named>,
) -> Result<Json<Stated>, ApiError> {
    let channel = ChannelRef::name(named.name);
    let id =
        call.once(instance_of, async { Ok(app.gateway.log_out(&call.context, &channel).await?.id) }).await?;
    Ok(Json(find(&app, &call, id).await?.into()))
}

#[utoipa::path(
    delete,
    path = "/api/whatsapp/delete/{name}",
    tag = "Flowcore",
    operation_id = "deleteInstance",
    summary = "Delete an instance",
    responses((status = 200, body = Deleted)),
    security(("key" = ["channels:write"]))
)]
async fn remove(
    State(app): State<App>,
    call: Call,
    InPath(name): InPath<InstanceName>,
) -> Result<Json<Deleted>, ApiError> {
    let channel = ChannelRef::name(name.clone());
    call.once(instance_of, async { Ok(app.gateway.delete(&call.context, &channel, None).await?.id) }).await?;
    Ok(Json(Deleted { instance: DeletedInstance { instance_name: name, status: "deleted" } }))
}

#[utoipa::path(
    post,
    path = "/api/whatsapp/send",
    tag = "Flowcore",
    operation_id = "sendText",
    summary = "Send a text",
    request_body(content = bodies::InstanceMessage, example = json!({
        "instanceName": "user_id_001",
        "number": "1234567890",
        "message": "Hello from Flowcore AI!"
    })),
    responses((status = 200, body = Sent),
        (status = 404)),
    security(("key" = ["messages:write"]))
)]
async fn send(
    State(app): State<App>,
    call: Call,
    Body(letter): Body<Letter>,
) -> Result<Json<Sent>, ApiError> {
    let message = SendMessage {
        channel: ChannelRef::name(letter.instance.clone()),
        to: letter.number,
        content: Content::Text { text: letter.message },
        reply_to: None,
        patience: app.settings.send_deadline,
    };
    let id = call.once(message_of, app.gateway.send(&call.context, &message)).await?;
    let sent = sent(&app, &call, id).await?;
    Ok(Json(Sent {
        id,
        whatsapp_id: sent.whatsapp_id,
        status: sent.status,
        instance_name: letter.instance,
        number: message.to,
    }))
}

async fn find(app: &App, call: &Call, id: InstanceId) -> Result<Channel, ApiError> {
    ChannelRef::id(id).find(&*app.core.reads, call.workspace()).await.map_err(ApiError::from)
}

const fn instance_of(resource: ResourceRef) -> Option<InstanceId> {
    if let ResourceRef::Instance(id) = resource { Some(id) } else { None }
}

/// `{"instanceName"}`.
struct Named {
    name: InstanceName,
}

impl FromForm for Named {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { name: form.required("instanceName")? })
    }
}

/// What is to be sent.
struct Letter {
    instance: InstanceName,
    number: PhoneNumber,
    message: MessageText,
}

impl FromForm for Letter {
    fn from_form(form: &mut Form) -> Option<Self> {
        let instance = form.required("instanceName");
        let number = form.required("number");
        let message = form.required("message");
        Some(Self { instance: instance?, number: number?, message: message? })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConnectedInstance)]
struct Connected {
    instance: InstanceState,
    qrcode: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceStatus)]
struct Stated {
    instance: InstanceState,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InstanceState {
    instance_name: String,
    #[schema(value_type = values::ConnectionStatus)]
    status: ConnectionStatus,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedInstance)]
struct Deleted {
    instance: DeletedInstance,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedInstanceState)]
#[serde(rename_all = "camelCase")]
struct DeletedInstance {
    #[schema(value_type = values::ChannelName)]
    instance_name: InstanceName,
    #[schema(value_type = String)]
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Instances {
    instances: Vec<Listed>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListedInstance)]
#[serde(rename_all = "camelCase")]
struct Listed {
    instance_name: String,
    #[schema(value_type = values::ConnectionStatus)]
    status: ConnectionStatus,
    number: Option<String>,
    profile_name: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SentText)]
#[serde(rename_all = "camelCase")]
struct Sent {
    #[schema(value_type = values::MessageId)]
    id: MessageId,
    whatsapp_id: String,
    #[schema(value_type = values::MessageStatus)]
    status: MessageStatus,
    #[schema(value_type = values::ChannelName)]
    instance_name: InstanceName,
    #[schema(value_type = values::PhoneNumber)]
    number: PhoneNumber,
}

impl From<Channel> for InstanceState {
    fn from(channel: Channel) -> Self {
        Self { instance_name: channel.name, status: channel.status }
    }
}

impl From<Channel> for Stated {
    fn from(channel: Channel) -> Self {
        Self { instance: channel.into() }
    }
}

impl From<Channel> for Listed {
    fn from(channel: Channel) -> Self {
        Self {
            instance_name: channel.name,
            status: channel.status,
            number: channel.phone,
            profile_name: channel.profile_name,
        }
    }
}
