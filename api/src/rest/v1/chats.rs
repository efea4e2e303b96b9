//! `/v1/chats`, and the messages of a chat.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use interflow_application::read::{Chat, LastMessage};
use interflow_application::{OpenChat, OpenedChat, Partner, Resource, ResourceRef};
use interflow_domain::chat::ChatStatus;
use interflow_domain::message::Direction;
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};
use serde::Serialize;

use super::messages;
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm, IfNoneMatch, InPath, Paging};
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

async fn list(State(app): State<App>, call: Call, Paging(page): Paging) -> Result<Response, ApiError> {
    let chats = app.core.reads.chats(call.workspace(), page).await?;
    Ok(envelope::list(page, chats, Shape::from))
}

async fn open(State(app): State<App>, call: Call, Body(chat): Body<OpenChat>) -> Result<Response, ApiError> {
    let opened = call.run(&chat, chat_of).await?;
    let chat = find(&app, &call, opened.id).await?;
    let mut response = envelope::created(format!("/v1/chats/{}", opened.id), &chat);
    if !opened.created {
        *response.status_mut() = StatusCode::OK;
    }
    Ok(response)
}

async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let chat = find(&app, &call, id).await?;
    Ok(if known.has(&chat) { envelope::not_modified(&chat) } else { envelope::resource(&chat) })
}

async fn messages(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<ChatId>,
    Paging(page): Paging,
) -> Result<Response, ApiError> {
    find(&app, &call, id).await?;
    let messages = app.core.reads.messages_of(call.workspace(), id, page).await?;
    Ok(envelope::list(page, messages, messages::Shape::from))
}

async fn find(app: &App, call: &Call, id: ChatId) -> Result<Shape, ApiError> {
    let chat = app.core.reads.chat(call.workspace(), id).await?;
    chat.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Chat))
}

/// Whether a chat that a repeated command found was there before is not recorded; it is there now.
const fn chat_of(resource: ResourceRef) -> Option<OpenedChat> {
    if let ResourceRef::Chat(id) = resource { Some(OpenedChat { id, created: false }) } else { None }
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

#[derive(Serialize)]
struct Shape {
    id: ChatId,
    channel_id: InstanceId,
    customer_id: CustomerId,
    status: ChatStatus,
    assignee: Option<String>,
    unread_count: u64,
    last_message: Option<LastMessageShape>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
    #[serde(skip)]
    touched: u64,
}

#[derive(Serialize)]
struct LastMessageShape {
    id: MessageId,
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
