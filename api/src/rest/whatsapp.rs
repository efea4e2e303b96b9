//! The Flowcore API: an instance is what the Interflow API calls a channel. Successes are not enveloped, errors are.

use axum::extract::State;
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

use super::v1::{message_of, sent};
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm, InPath};
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

/// Connecting twice comes to the same as once; so a repeated command whose answer is not known runs again.
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
    Ok(Json(Connected { instance: connected.channel.into(), qrcode: connected.qr }))
}

async fn instances(State(app): State<App>, call: Call) -> Result<Json<Instances>, ApiError> {
    let channels = app.core.reads.all_channels(call.workspace()).await?;
    Ok(Json(Instances { instances: channels.into_iter().map(Listed::from).collect() }))
}

async fn status(
    State(app): State<App>,
    call: Call,
    InPath(name): InPath<InstanceName>,
) -> Result<Json<Stated>, ApiError> {
    let channel = ChannelRef::name(name).find(&*app.core.reads, call.workspace()).await?;
    Ok(Json(channel.into()))
}

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

async fn remove(
    State(app): State<App>,
    call: Call,
    InPath(name): InPath<InstanceName>,
) -> Result<Json<Deleted>, ApiError> {
    let channel = ChannelRef::name(name.clone());
    call.once(instance_of, async { Ok(app.gateway.delete(&call.context, &channel).await?.id) }).await?;
    Ok(Json(Deleted { instance: DeletedInstance { instance_name: name, status: "deleted" } }))
}

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

#[derive(Serialize)]
struct Connected {
    instance: InstanceState,
    qrcode: Option<String>,
}

#[derive(Serialize)]
struct Stated {
    instance: InstanceState,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstanceState {
    instance_name: String,
    status: ConnectionStatus,
}

#[derive(Serialize)]
struct Deleted {
    instance: DeletedInstance,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeletedInstance {
    instance_name: InstanceName,
    status: &'static str,
}

#[derive(Serialize)]
struct Instances {
    instances: Vec<Listed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    instance_name: String,
    status: ConnectionStatus,
    number: Option<String>,
    profile_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: MessageId,
    whatsapp_id: String,
    status: MessageStatus,
    instance_name: InstanceName,
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
