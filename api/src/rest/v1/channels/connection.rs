//! `/v1/channels/{channel}/connect`, `/restart` and `/logout`: the same as the Flowcore calls of these names.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use futures::FutureExt;
use interflow_application::ChannelRef;
use interflow_application::gateway::{self, Shown};
use interflow_domain::PhoneNumber;
use interflow_domain::workspace::Scope;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{Shape, find, instance_of};
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, Form, FromForm, InPath, OptionalBody};
use crate::openapi::bodies;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let writes = |route| guard.writes(Scope::ChannelsWrite, route);
    Router::new()
        .route("/channels/{channel}/connect", writes(post(connect)))
        .route("/channels/{channel}/restart", writes(post(restart)))
        .route("/channels/{channel}/logout", writes(post(log_out)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(connect, restart, log_out))]
pub(in crate::rest::v1) struct Doc;

/// Connecting twice comes to the same as once; so a repeated command whose answer is not known runs again.
#[utoipa::path(
    post,
    path = "/v1/channels/{channel}/connect",
    tag = "Channels",
    operation_id = "connectChannel",
    summary = "Connect a channel",
    description = "Answers with the QR of the moment, or with a code to type where a number is named; with neither when the \
                   channel is open. May be called as often as you like.",
    request_body = Option<bodies::Linking>,
    responses((status = 200, body = Connected)),
    security(("key" = ["channels:write"]))
)]
async fn connect(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    OptionalBody(linking): OptionalBody<Linking>,
) -> Result<Response, ApiError> {
    let connect = move |context| {
        let (gateway, channel, phone) = (app.gateway.clone(), channel.clone(), linking.phone.clone());
        async move { gateway.connect_channel(&context, &channel, phone.as_ref()).await }.boxed()
    };
    Ok(envelope::ok(Connected::from(call.again(connect).await?)))
}

#[utoipa::path(
    post,
    path = "/v1/channels/{channel}/restart",
    tag = "Channels",
    operation_id = "restartChannel",
    summary = "Close and open a channel's connection",
    description = "The link stays.",
    responses((status = 200, body = Shape)),
    security(("key" = ["channels:write"]))
)]
async fn restart(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
) -> Result<Response, ApiError> {
    let restarted = async { Ok(app.gateway.restart(&call.context, &channel).await?.id) };
    let id = call.once(instance_of, restarted).await?;
    Ok(envelope::resource(&find(&app, &call, &ChannelRef::id(id)).await?))
}

#[utoipa::path(
    post,
    path = "/v1/channels/{channel}/logout",
    tag = "Channels",
    operation_id = "logOutChannel",
    summary = "Unlink a channel",
    description = "What waits to be sent is given up.",
    responses((status = 200, body = Shape)),
    security(("key" = ["channels:write"]))
)]
async fn log_out(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
) -> Result<Response, ApiError> {
    let logged_out = async { Ok(app.gateway.log_out(&call.context, &channel).await?.id) };
    let id = call.once(instance_of, logged_out).await?;
    Ok(envelope::resource(&find(&app, &call, &ChannelRef::id(id)).await?))
}

/// `{"phone"?}`: the number whose owner types a code instead of scanning.
pub(crate) struct Linking {
    pub(crate) phone: Option<PhoneNumber>,
}

impl FromForm for Linking {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { phone: form.optional("phone")? })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConnectedChannel)]
struct Connected {
    channel: Shape,
    qr: Option<String>,
    pair_code: Option<String>,
    /// Of the code where one was asked for, else of the QR.
    expires_at: Option<Timestamp>,
}

impl From<gateway::Connected> for Connected {
    fn from(connected: gateway::Connected) -> Self {
        let gateway::Connected { channel, qr, pair_code } = connected;
        let expires_at = pair_code.as_ref().or(qr.as_ref()).map(|shown| shown.expires_at.into());
        let code = |shown: Shown| shown.code;
        Self { channel: channel.into(), qr: qr.map(code), pair_code: pair_code.map(code), expires_at }
    }
}
