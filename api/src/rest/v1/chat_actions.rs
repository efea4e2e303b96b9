//! The verbs of a chat: `/v1/chats/{chat}/close`, `/reopen`, `/snooze`, `/assign` and `/read`. Each answers with the
//! chat, also when nothing had to change.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use interflow_application::{AssignChat, CloseChat, ReadChat, ReopenChat, ResourceRef, SnoozeChat, UseCase};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, DisplayName};
use utoipa::OpenApi;

use super::chats;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm, IfMatch, InPath, OptionalBody};
use crate::openapi::bodies;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let writes = |route| guard.writes(Scope::ChatsWrite, route);
    Router::new()
        .route("/chats/{chat}/close", writes(post(close)))
        .route("/chats/{chat}/reopen", writes(post(reopen)))
        .route("/chats/{chat}/snooze", writes(post(snooze)))
        .route("/chats/{chat}/assign", writes(post(assign)))
        .route("/chats/{chat}/read", writes(post(read)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(close, reopen, snooze, assign, read))]
pub(super) struct Doc;

#[utoipa::path(
    post,
    path = "/v1/chats/{chat}/close",
    tag = "Chats",
    operation_id = "closeChat",
    summary = "Close a chat",
    description = "The next message, either way, opens a new one.",
    params(IfMatch),
    responses((status = 200, body = chats::Shape)),
    security(("key" = ["chats:write"]))
)]
async fn close(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    changed(&app, &call, &CloseChat { id, expected }).await
}

#[utoipa::path(
    post,
    path = "/v1/chats/{chat}/reopen",
    tag = "Chats",
    operation_id = "reopenChat",
    summary = "Reopen a chat",
    description = "From snoozed or closed.",
    params(IfMatch),
    responses((status = 200, body = chats::Shape)),
    security(("key" = ["chats:write"]))
)]
async fn reopen(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    changed(&app, &call, &ReopenChat { id, expected }).await
}

#[utoipa::path(
    post,
    path = "/v1/chats/{chat}/snooze",
    tag = "Chats",
    operation_id = "snoozeChat",
    summary = "Put a chat aside",
    description = "Until the customer writes, or until a time, whichever comes first.",
    params(IfMatch),
    request_body = Option<bodies::Snooze>,
    responses((status = 200, body = chats::Shape)),
    security(("key" = ["chats:write"]))
)]
async fn snooze(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    IfMatch(expected): IfMatch,
    OptionalBody(Snooze { until }): OptionalBody<Snooze>,
) -> Result<Response, ApiError> {
    let until = until.map(|Timestamp(until)| until);
    changed(&app, &call, &SnoozeChat { id, until, expected }).await
}

#[utoipa::path(
    post,
    path = "/v1/chats/{chat}/assign",
    tag = "Chats",
    operation_id = "assignChat",
    summary = "Put somebody in charge of a chat",
    params(IfMatch),
    request_body = bodies::Assignment,
    responses((status = 200, body = chats::Shape)),
    security(("key" = ["chats:write"]))
)]
async fn assign(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    IfMatch(expected): IfMatch,
    Body(Assign { assignee }): Body<Assign>,
) -> Result<Response, ApiError> {
    changed(&app, &call, &AssignChat { id, assignee, expected }).await
}

#[utoipa::path(
    post,
    path = "/v1/chats/{chat}/read",
    tag = "Chats",
    operation_id = "readChat",
    summary = "Mark a chat as read",
    description = "`unread_count` becomes 0, and the customer sees the blue ticks.",
    params(IfMatch),
    responses((status = 200, body = chats::Shape)),
    security(("key" = ["chats:write"]))
)]
async fn read(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let read = ReadChat { id, expected };
    let id = call.once(chat_of, app.gateway.read_chat(&call.context, &read)).await?;
    Ok(envelope::resource(&chats::find(&app, &call, id).await?))
}

async fn changed<U: UseCase<Output = ChatId>>(
    app: &App,
    call: &Call,
    verb: &U,
) -> Result<Response, ApiError> {
    let id = call.run(verb, chat_of).await?;
    Ok(envelope::resource(&chats::find(app, call, id).await?))
}

/// Which chat a repeated command changed.
pub(crate) const fn chat_of(resource: ResourceRef) -> Option<ChatId> {
    if let ResourceRef::Chat(id) = resource { Some(id) } else { None }
}

/// `{"until"?}`.
struct Snooze {
    until: Option<Timestamp>,
}

impl FromForm for Snooze {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { until: form.optional("until")? })
    }
}

/// `{"assignee"}`: `null` puts nobody in charge, so it has to be said.
pub(crate) struct Assign {
    pub(crate) assignee: Option<DisplayName>,
}

impl FromForm for Assign {
    fn from_form(form: &mut Form) -> Option<Self> {
        match form.change("assignee")? {
            Some(assignee) => Some(Self { assignee }),
            None => form.missing("assignee"),
        }
    }
}
