//! `/v1/chats`, and the messages of a chat.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use interflow_application::read::{Chat, ChatFilter, ChatSort, LastMessage, MessageFilter};
use interflow_application::{OpenChat, OpenedChat, Partner, Resource, ResourceRef};
use interflow_domain::chat::ChatStatus;
use interflow_domain::message::Direction;
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::messages;
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{
    Body, Call, Form, FromForm, FromQuery, IfNoneMatch, InPath, Listed, Query, When, past_one,
};
use crate::openapi::{bodies, queries, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new()
        .route(
            "/chats",
            guard.reads(Scope::ChatsRead, get(list)).merge(guard.writes(Scope::ChatsWrite, post(open))),
        )
        .route("/chats/{chat}", guard.reads(Scope::ChatsRead, get(show)))
        .route("/chats/{chat}/messages", guard.reads(Scope::MessagesRead, get(messages)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, open, show, messages))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/chats",
    tag = "Chats",
    operation_id = "listChats",
    summary = "List chats",
    params(queries::ChatQuery, queries::Paging, queries::AsOf),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["chats:read"]))
)]
async fn list(State(app): State<App>, call: Call, asked: Listed<ChatFilter>) -> Result<Response, ApiError> {
    if let Some(point) = asked.when.point(&app, call.workspace()).await? {
        let chats = app.past.chats(call.workspace(), point.position, &asked.listing).await?;
        return asked.answer_past(point, chats, Shape::from, |chat| chat.id);
    }
    let chats = app.core.reads.chats(call.workspace(), &asked.listing).await?;
    asked.answer(chats, Shape::from)
}

#[utoipa::path(
    post,
    path = "/v1/chats",
    tag = "Chats",
    operation_id = "openChat",
    summary = "Create a chat",
    request_body = bodies::ChatDraft,
    responses((status = 201, body = Shape),
        (status = 200, body = Shape, description = "The two have an open chat: it is this one")),
    security(("key" = ["chats:write"]))
)]
async fn open(State(app): State<App>, call: Call, Body(chat): Body<OpenChat>) -> Result<Response, ApiError> {
    let OpenedChat { id, created } = call.run(&chat, opened).await?;
    let chat = find(&app, &call, id).await?;
    let mut response = envelope::created(format!("/v1/chats/{id}"), &chat);
    if !created {
        *response.status_mut() = StatusCode::OK;
    }
    Ok(response)
}

#[utoipa::path(
    get,
    path = "/v1/chats/{chat}",
    tag = "Chats",
    operation_id = "getChat",
    summary = "Get a chat",
    params(queries::AsOf, IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["chats:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    when: When,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    if let Some(point) = when.point(&app, call.workspace()).await? {
        let past = app.past.chat(call.workspace(), point.position, id).await?;
        return past_one((point, past), Resource::Chat, &known, |chat| chat.id, Shape::from);
    }
    let chat = find(&app, &call, id).await?;
    Ok(if known.has(&chat) { envelope::not_modified(&chat) } else { envelope::resource(&chat) })
}

#[utoipa::path(
    get,
    path = "/v1/chats/{chat}/messages",
    tag = "Chats",
    operation_id = "listMessagesOfChat",
    summary = "List the messages of a chat",
    params(queries::MessageQuery, queries::Paging, queries::AsOf),
    responses((status = 200, body = Vec<messages::Shape>)),
    security(("key" = ["messages:read"]))
)]
async fn messages(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    mut asked: Listed<MessageFilter>,
) -> Result<Response, ApiError> {
    let workspace = call.workspace();
    let point = asked.when.point(&app, workspace).await?;
    match point {
        Some(point) => {
            let chat = app.past.chat(workspace, point.position, id).await?;
            drop(chat.ok_or_else(|| ApiError::no_such(Resource::Chat))?);
        }
        None => drop(find(&app, &call, id).await?),
    }
    if asked.listing.filter.chat.replace(id).is_some_and(|other| other != id) {
        return Err(Query::refused("chat_id", "must not name another chat than the path does"));
    }
    messages::listed(&app, workspace, &asked, point).await
}

pub(super) async fn find(app: &App, call: &Call, id: ChatId) -> Result<Shape, ApiError> {
    let chat = app.core.reads.chat(call.workspace(), id).await?;
    chat.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Chat))
}

/// Whether a chat that a repeated command found was there before is not recorded; it is there now.
pub(crate) const fn opened(resource: ResourceRef) -> Option<OpenedChat> {
    if let ResourceRef::Chat(id) = resource { Some(OpenedChat { id, created: false }) } else { None }
}

impl FromQuery for ChatFilter {
    type Key = ChatSort;

    fn from_query(query: &mut Query) -> Option<Self> {
        let status = query.named("status");
        let channel = query.optional("channel_id");
        let customer = query.optional("customer_id");
        let assigned = query.optional("assignee");
        let unread = query.flag("unread");
        let active = query.range("active");
        Some(Self {
            status: status?,
            channel: channel?,
            customer: customer?,
            assigned: assigned?,
            unread: unread?,
            active: active?,
        })
    }
}

impl FromForm for OpenChat {
    fn from_form(form: &mut Form) -> Option<Self> {
        let channel = form.required("channel_id");
        let partner = match (form.has("customer_id"), form.has("to")) {
            (true, true) => {
                form.ignore("to");
                form.ignore("customer_id");
                form.wrong("to", "must not be given together with 'customer_id'")
            }
            (false, true) => form.required("to").map(Partner::Phone),
            (true, false) => form.required("customer_id").map(Partner::Customer),
            (false, false) => {
                form.ignore("to");
                form.ignore("customer_id");
                form.missing("customer_id")
            }
        };
        Some(Self { channel: channel?, partner: partner? })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Chat)]
pub(super) struct Shape {
    #[schema(value_type = values::ChatId)]
    id: ChatId,
    #[schema(value_type = values::ChannelId)]
    channel_id: InstanceId,
    #[schema(value_type = values::CustomerId)]
    customer_id: CustomerId,
    #[schema(value_type = values::ChatStatus)]
    status: ChatStatus,
    snoozed_until: Option<Timestamp>,
    assignee: Option<String>,
    unread_count: u64,
    last_message: Option<LastMessageShape>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
    #[serde(skip)]
    touched: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LastMessage)]
struct LastMessageShape {
    #[schema(value_type = values::MessageId)]
    id: MessageId,
    #[schema(value_type = values::Direction)]
    direction: Direction,
    #[serde(rename = "type")]
    kind: String,
    preview: Option<String>,
    at: Timestamp,
}

impl From<LastMessage> for LastMessageShape {
    fn from(last: LastMessage) -> Self {
        Self {
            id: last.id,
            direction: last.direction,
            kind: last.kind,
            preview: last.preview,
            at: last.at.into(),
        }
    }
}

impl From<Chat> for Shape {
    fn from(chat: Chat) -> Self {
        Self {
            id: chat.id,
            channel_id: chat.instance,
            customer_id: chat.customer,
            status: chat.status,
            snoozed_until: chat.snoozed_until.map(Timestamp::from),
            assignee: chat.assignee,
            unread_count: chat.unread_count,
            last_message: chat.last_message.map(LastMessageShape::from),
            created_at: chat.created_at.into(),
            updated_at: chat.updated_at.into(),
            version: chat.version,
            touched: chat.touched,
        }
    }
}

/// A chat's answer changes with its messages, its version with its own events alone.
impl Versioned for Shape {
    fn tag(&self) -> String {
        format!("{}-{}", self.version, self.touched)
    }
}
