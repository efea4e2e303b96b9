//! `/v1/messages`: sending one, what became of it, and lists of them. The messages of a chat have the same shape.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use interflow_application::past::Point;
use interflow_application::read::{Message, MessageFilter, MessageSort};
use interflow_application::{ChannelRef, Error, Resource, ResourceRef, SendMessage};
use interflow_domain::message::{Content, Direction, FailureReason, MessageStatus};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InvalidValue, MessageId, MessageText, PhoneNumber, WorkspaceId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

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
        .route("/messages", guard.reads(Scope::MessagesRead, get(list)))
        .route("/messages/send", guard.writes(Scope::MessagesWrite, post(send)))
        .route("/messages/{message}", guard.reads(Scope::MessagesRead, get(show)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, send, show))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/messages",
    tag = "Messages",
    operation_id = "listMessages",
    summary = "List messages of all chats",
    params(queries::MessageQuery, queries::Paging, queries::AsOf),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["messages:read"]))
)]
async fn list(
    State(app): State<App>,
    call: Call,
    asked: Listed<MessageFilter>,
) -> Result<Response, ApiError> {
    let point = asked.when.point(&app, call.workspace()).await?;
    listed(&app, call.workspace(), &asked, point).await
}

/// The messages that are asked for, as of a place of the log where one is named.
pub(super) async fn listed(
    app: &App,
    workspace: WorkspaceId,
    asked: &Listed<MessageFilter>,
    point: Option<Point>,
) -> Result<Response, ApiError> {
    if let Some(point) = point {
        let messages = app.past.messages(workspace, point.position, &asked.listing).await?;
        return asked.answer_past(point, messages, Shape::from, |message| message.id);
    }
    let messages = app.core.reads.messages(workspace, &asked.listing).await?;
    asked.answer(messages, Shape::from)
}

#[utoipa::path(
    post,
    path = "/v1/messages/send",
    tag = "Messages",
    operation_id = "sendMessage",
    summary = "Send a message",
    description = "A number that is not known yet becomes a customer with a chat. The answer waits a short time for WhatsApp: \
                   `sent`, else `queued`.",
    request_body(content = bodies::MessageDraft, example = json!({
        "channel_id": "channel-uuid",
        "to": "5511999999999",
        "type": "text",
        "content": {"text": "Hello! This is a message via API."}
    })),
    responses((status = 201, body = Shape, example = json!({
        "success": true,
        "data": {
            "id": "msg_abc123",
            "status": "sent",
            "channel_id": "channel-uuid",
            "to": "5511999999999",
            "type": "text",
            "content": {"text": "Hello! This is a message via API."},
            "created_at": "2024-01-15T10:30:00Z"
        }
    })), (status = 404)),
    security(("key" = ["messages:write"]))
)]
async fn send(State(app): State<App>, call: Call, Body(letter): Body<Letter>) -> Result<Response, ApiError> {
    let channel_id = letter.channel_as_given.clone();
    let sent = Shape { channel_id, ..post_letter(&app, &call, letter).await?.into() };
    Ok(envelope::created(format!("/v1/messages/{}", sent.id), &sent))
}

/// Sends a message, or finds the one that the same command sent before.
pub(crate) async fn post_letter(app: &App, call: &Call, letter: Letter) -> Result<Message, ApiError> {
    let Letter { channel, to, content, reply_to, .. } = letter;
    let message = SendMessage { channel, to, content, reply_to, patience: app.settings.send_deadline };
    let id = call.once(message_of, app.gateway.send(&call.context, &message)).await?;
    sent(app, call, id).await
}

#[utoipa::path(
    get,
    path = "/v1/messages/{message}",
    tag = "Messages",
    operation_id = "getMessage",
    summary = "Get a message",
    params(queries::AsOf, IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["messages:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<MessageId>,
    when: When,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    if let Some(point) = when.point(&app, call.workspace()).await? {
        let past = app.past.message(call.workspace(), point.position, id).await?;
        return past_one((point, past), Resource::Message, &known, |message| message.id, Shape::from);
    }
    let message = Shape::from(find(&app, &call, id).await?);
    Ok(if known.has(&message) { envelope::not_modified(&message) } else { envelope::resource(&message) })
}

async fn find(app: &App, call: &Call, id: MessageId) -> Result<Message, ApiError> {
    let message = app.core.reads.message(call.workspace(), id).await?;
    message.ok_or_else(|| ApiError::no_such(Resource::Message))
}

/// A message that was just sent, or was by the same command before: also then, a number that nobody has is an error.
pub(in crate::rest) async fn sent(app: &App, call: &Call, id: MessageId) -> Result<Message, ApiError> {
    let message = find(app, call, id).await?;
    let nobody = FailureReason::NotOnWhatsapp.name();
    if message.status == MessageStatus::Failed && message.status_reason.as_deref() == Some(nobody) {
        return Err(Error::NumberNotOnWhatsApp.into());
    }
    Ok(message)
}

/// Which message a repeated command sent.
pub(in crate::rest) const fn message_of(resource: ResourceRef) -> Option<MessageId> {
    if let ResourceRef::Message(id) = resource { Some(id) } else { None }
}

impl FromQuery for MessageFilter {
    type Key = MessageSort;

    fn from_query(query: &mut Query) -> Option<Self> {
        let chat = query.optional("chat_id");
        let channel = query.optional("channel_id");
        let customer = query.optional("customer_id");
        let direction = query.named("direction");
        let status = query.named("status");
        let kind = query.named("type");
        let created = query.range("created");
        Some(Self {
            chat: chat?,
            channel: channel?,
            customer: customer?,
            direction: direction?,
            status: status?,
            kind: kind?,
            created: created?,
        })
    }
}

/// What is to be sent, and the channel in the caller's own words.
pub(crate) struct Letter {
    channel: ChannelRef,
    channel_as_given: String,
    to: PhoneNumber,
    content: Content,
    reply_to: Option<MessageId>,
}

impl FromForm for Letter {
    fn from_form(form: &mut Form) -> Option<Self> {
        let channel = form.required::<AsGiven>("channel_id");
        let to = form.required("to");
        let content = content(form);
        let reply_to = form.optional("reply_to");
        let AsGiven { channel, text } = channel?;
        Some(Self { channel, channel_as_given: text, to: to?, content: content?, reply_to: reply_to? })
    }
}

/// `type` and `content`.
pub(super) fn content(form: &mut Form) -> Option<Content> {
    match form.required::<Type>("type") {
        Some(Type::Text) => {
            let text = form.nested("content", |content| content.required::<MessageText>("text"))?;
            Some(Content::Text { text })
        }
        // What the content must be is not known, so nothing is said of it.
        None => {
            form.ignore("content");
            None
        }
    }
}

struct AsGiven {
    channel: ChannelRef,
    text: String,
}

impl std::str::FromStr for AsGiven {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Ok(Self { channel: text.parse()?, text: text.to_owned() })
    }
}

/// The types of content that can be sent.
enum Type {
    Text,
}

impl std::str::FromStr for Type {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "text" { Ok(Self::Text) } else { Err("must be one of the supported types: text") }
    }
}

/// A message in answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct Shape {
    #[schema(value_type = values::MessageId)]
    id: MessageId,
    #[schema(value_type = values::ChatId)]
    chat_id: ChatId,
    channel_id: String,
    #[schema(value_type = values::CustomerId)]
    customer_id: CustomerId,
    #[schema(value_type = values::Direction)]
    direction: Direction,
    to: Option<String>,
    from: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    content: Option<ContentShape>,
    #[schema(value_type = values::MessageStatus)]
    status: MessageStatus,
    status_reason: Option<String>,
    whatsapp_id: String,
    #[schema(value_type = Option<values::MessageId>)]
    reply_to: Option<MessageId>,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    version: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Content)]
#[serde(untagged)]
enum ContentShape {
    Text {
        #[schema(value_type = values::MessageText)]
        text: MessageText,
    },
    Unsupported {
        kind: String,
    },
}

impl From<Content> for ContentShape {
    fn from(content: Content) -> Self {
        match content {
            Content::Text { text } => Self::Text { text },
            Content::Unsupported { kind } => Self::Unsupported { kind },
        }
    }
}

impl From<Message> for Shape {
    fn from(message: Message) -> Self {
        let (to, from) = match message.direction {
            Direction::Outbound => (message.phone, None),
            Direction::Inbound => (None, message.phone),
        };
        Self {
            id: message.id,
            chat_id: message.chat,
            channel_id: message.instance.to_string(),
            customer_id: message.customer,
            direction: message.direction,
            to,
            from,
            kind: message.kind,
            content: message.content.map(ContentShape::from),
            status: message.status,
            status_reason: message.status_reason,
            whatsapp_id: message.whatsapp_id,
            reply_to: message.reply_to,
            created_at: message.created_at.into(),
            sent_at: message.sent_at.map(Timestamp),
            delivered_at: message.delivered_at.map(Timestamp),
            read_at: message.read_at.map(Timestamp),
            failed_at: message.failed_at.map(Timestamp),
            version: message.version,
        }
    }
}

impl Versioned for Shape {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}
