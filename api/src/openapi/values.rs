//! What fields hold, as the document describes it: a name of a schema for each of the domain's types, which themselves
//! know nothing of OpenAPI.
//!
//! The patterns say what is accepted, exactly enough for a tester who takes them at their word (`make api-fuzz`).

use std::borrow::Cow;

use interflow_domain::chat::ChatStatus as DomainChatStatus;
use interflow_domain::instance::ConnectionStatus as DomainConnectionStatus;
use interflow_domain::job::{JobKind as DomainJobKind, JobStatus as DomainJobStatus};
use interflow_domain::message::{Direction as DomainDirection, MessageStatus as DomainMessageStatus};
use interflow_domain::workspace::{
    KeyOrigin as DomainKeyOrigin, Plan as DomainPlan, WorkspaceStatus as DomainWorkspaceStatus,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::auth;
use crate::error::{ApiError, Code};
use crate::time::Timestamp;

macro_rules! value {
    ($(#[doc = $doc:literal])+ $name:ident, $schema:expr) => {
        $(#[doc = $doc])+
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = concat!($($doc),+).trim();
                RefOr::T($schema.description(Some(text)).into())
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

/// A value of which every variant is listed: one that is forgotten does not compile.
macro_rules! names {
    ($(#[doc = $doc:literal])+ $name:ident, $of:ident: $($variant:ident),+) => {
        value!(
            $(#[doc = $doc])+
            $name,
            {
                let known = |value: &$of| match value { $($of::$variant => printed(value)),+ };
                text().enum_values(Some([$(known(&$of::$variant)),+]))
            }
        );
    };
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn matching(pattern: &str, example: &str) -> ObjectBuilder {
    text().pattern(Some(pattern)).examples([example])
}

/// A prefix and a UUID in base32, as answers have it.
fn id(prefix: &str) -> ObjectBuilder {
    let example = format!("{prefix}_01jh9qzq3te5v9d4xk6w2y8rbn");
    matching(&format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"), &example)
}

fn id_or_uuid(prefix: &str) -> ObjectBuilder {
    let id = format!("{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}");
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    matching(&format!("^({id}|{uuid})$"), &format!("{prefix}_01jh9qzq3te5v9d4xk6w2y8rbn"))
}

/// One line that is not blank.
fn line(most: usize, example: &str) -> ObjectBuilder {
    let control = r"\u0000-\u001f\u007f-\u009f";
    let pattern = format!(r"^[^{control}]*[^\s{control}][^{control}]*$");
    matching(&pattern, example).min_length(Some(1)).max_length(Some(most))
}

fn printed(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

value!(
    /// A customer.
    CustomerId, id("cus"));
value!(
    /// A chat.
    ChatId, id("cht"));
value!(
    /// A message.
    MessageId, id("msg"));
value!(
    /// A channel.
    ChannelId, id("ins"));
value!(
    /// A job.
    JobId, id("job"));
value!(
    /// An API key.
    KeyId, id("key"));
value!(
    /// A workspace.
    WorkspaceId, id("wsp"));
value!(
    /// A webhook.
    WebhookId, id("whk"));
value!(
    /// A delivery to a webhook: the value of `webhook-id`.
    DeliveryId, id("dlv"));
value!(
    /// An event.
    EventId, id("evt"));
value!(
    /// A customer's id, or the UUID of it.
    AnyCustomerId, id_or_uuid("cus"));
value!(
    /// A chat's id, or the UUID of it.
    AnyChatId, id_or_uuid("cht"));
value!(
    /// A message's id, or the UUID of it.
    AnyMessageId, id_or_uuid("msg"));
value!(
    /// A telephone number: country code first, 7 to 15 digits. A leading `+`, blanks, dashes, dots and brackets are
    /// removed.
    PhoneNumber, matching(r"^ *\+?[ .()-]*([0-9][ .()-]*){7,15}$", "5511999999999"));
value!(
    /// The name of a channel, unique in its workspace.
    ChannelName,
    matching("^[A-Za-z0-9_.@+-]{0,63}[A-Za-z0-9_@+-]$", "user_id_001").min_length(Some(1)).max_length(Some(64)));
value!(
    /// A channel's id or its name. An answer to a send repeats what was given.
    ChannelRef,
    matching("^[A-Za-z0-9_.@+-]{0,63}[A-Za-z0-9_@+-]$", "channel-uuid").min_length(Some(1)).max_length(Some(64)));
value!(
    /// The text of a message: up to 65,536 characters, not only blanks, without NUL.
    MessageText,
    matching(r"^[^\u0000]*[^\s\u0000][^\u0000]*$", "Hello! This is a message via API.")
        .min_length(Some(1)).max_length(Some(interflow_domain::MessageText::MAX_CHARS)));
value!(
    /// A short name for people to read, without control characters.
    DisplayName, line(200, "Ana Silva"));
value!(
    /// Why, for people to read, without control characters.
    Reason, line(200, "Invoice overdue"));
value!(
    /// Why, in a word that outlives the erasure: without 7 digits in a row.
    ErasureReason, matching("^([a-z_.:-]|[0-9]{1,6}([a-z_.:-]|$)){1,64}$", "gdpr_art_17").min_length(Some(1)).max_length(Some(64)));
value!(
    /// The customer's id in the caller's own system.
    ExternalId, line(200, "crm-4711"));
value!(
    /// A label.
    Tag, line(50, "vip"));
value!(
    /// An e-mail address, kept as given and compared in lower case.
    Email,
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Email))).max_length(Some(254))
        .examples(["ana@example.com"]));
value!(
    /// The short name of a workspace, unique on the server for ever.
    Slug,
    matching("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "ana").min_length(Some(1)).max_length(Some(63)));
value!(
    /// RFC 3339, with whatever offset.
    Time,
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).examples(["2026-01-31T12:00:00Z"]));
value!(
    /// A position of the log, or RFC 3339 with whatever offset.
    AsOf,
    matching("^([0-9]{1,19}|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+ -][0-9]{2}:[0-9]{2}))$", "2026-01-31T12:00:00Z"));
value!(
    /// RFC 3339, UTC, with milliseconds.
    UtcTime,
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).examples(["2024-01-15T10:30:00.000Z"]));
value!(
    /// The types of content that can be sent.
    SendableType, text().enum_values(Some(["text"])));
value!(
    /// What it holds: `text`, or `unsupported` for what came in and cannot be shown.
    ContentType, text().enum_values(Some(["text", "unsupported"])));
value!(
    /// What a key may do.
    Scope, text().enum_values(Some(auth::scope_names())));
value!(
    /// What went wrong, for programs.
    ErrorCode, text().enum_values(Some(Code::ALL.map(Code::name))));

names!(
    /// Where a chat stands.
    ChatStatus, DomainChatStatus: Open, Snoozed, Closed);
names!(
    /// How a channel's connection stands.
    ConnectionStatus, DomainConnectionStatus: Close, Connecting, Open);
names!(
    /// Which way a message goes.
    Direction, DomainDirection: Outbound, Inbound);
names!(
    /// How far a message got.
    MessageStatus, DomainMessageStatus: Queued, Failed, Sent, Delivered, Read, Played);
names!(
    /// What a job does.
    JobKind, DomainJobKind: BulkSend, WebhookReplay);
names!(
    /// How a job stands.
    JobStatus, DomainJobStatus: Running, Completed, Cancelled, Incomplete);
names!(
    /// How many requests a minute a workspace may make: 60, 300, 1,000 or as many as it likes.
    Plan, DomainPlan: Starter, Professional, Enterprise, Unlimited);
names!(
    /// Whether a workspace's keys are served.
    WorkspaceStatus, DomainWorkspaceStatus: Active, Suspended);
names!(
    /// Whether a key was issued, or came from the environment.
    KeyOrigin, DomainKeyOrigin: Issued, Environment);

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        UtcTime::schema()
    }
}

impl ToSchema for Timestamp {
    fn name() -> Cow<'static, str> {
        UtcTime::name()
    }
}

/// What went wrong.
#[derive(ToSchema)]
pub struct Problem {
    /// For programs.
    #[schema(value_type = ErrorCode)]
    pub code: Code,
    /// For people; it may change.
    pub message: String,
    /// Every field, header or query parameter that is wrong.
    pub details: Vec<Detail>,
}

/// One field, header or query parameter that is wrong.
#[derive(ToSchema)]
pub struct Detail {
    /// Where: `messages[3].to`.
    pub field: String,
    /// What it must be.
    pub message: String,
}

impl PartialSchema for ApiError {
    fn schema() -> RefOr<Schema> {
        Problem::schema()
    }
}

impl ToSchema for ApiError {
    fn name() -> Cow<'static, str> {
        Problem::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Problem::schemas(schemas);
    }
}
