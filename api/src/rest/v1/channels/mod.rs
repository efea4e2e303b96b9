//! `/v1/channels`: the instances of the Flowcore face, by id or by name.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use interflow_application::ChannelRef;
use interflow_application::read::Channel;
use interflow_domain::InstanceId;
use interflow_domain::instance::ConnectionStatus;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{Call, IfNoneMatch, InPath, Paging};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new()
        .route("/channels", guard.reads(Scope::ChannelsRead, get(list)))
        .route("/channels/{channel}", guard.reads(Scope::ChannelsRead, get(show)))
}

async fn list(State(app): State<App>, call: Call, Paging(page): Paging) -> Result<Response, ApiError> {
    let channels = app.core.reads.channels(call.workspace(), page).await?;
    Ok(envelope::list(page, channels, Shape::from))
}

async fn show(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let channel = Shape::from(channel.find(&*app.core.reads, call.workspace()).await?);
    Ok(if known.has(&channel) { envelope::not_modified(&channel) } else { envelope::resource(&channel) })
}

#[derive(Serialize)]
struct Shape {
    id: InstanceId,
    name: String,
    kind: &'static str,
    status: ConnectionStatus,
    phone: Option<String>,
    profile_name: Option<String>,
    last_disconnect: Option<Disconnect>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

#[derive(Serialize)]
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
