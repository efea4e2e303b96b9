//! How webhooks and events look: the bodies and queries of `/v1/webhooks` and `/v1/events`, and what their fields hold.

use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::values;

/// An address to be told what happens.
#[derive(ToSchema)]
pub struct WebhookDraft {
    /// Where deliveries go: a public address of the Internet, unless the operator allows others.
    #[schema(max_length = 2048, example = "https://example.com/webhook")]
    pub url: String,
    /// What it is for.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// What a body looks like; `standard` when absent.
    #[schema(schema_with = format)]
    pub format: Option<String>,
    /// Which version of the bodies it gets; the latest when absent.
    #[schema(minimum = 1, maximum = 1)]
    pub schema_version: Option<u16>,
    /// Types with `*` for any run of characters; all when absent.
    #[schema(max_items = 50, example = json!(["message.*", "channel.logged_out"]))]
    pub events: Option<Vec<String>>,
    /// Ids or names; the whole workspace when absent.
    #[schema(value_type = Option<Vec<values::ChannelRef>>, max_items = 100)]
    pub channels: Option<Vec<String>>,
    /// How deliveries are signed; `hmac` when absent.
    #[schema(schema_with = signing)]
    pub signing: Option<String>,
    /// At most 20 of its own, by name.
    pub headers: Option<BTreeMap<String, String>>,
    /// Most deliveries a second.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<u16>,
    /// Seconds before each attempt.
    #[schema(min_items = 1, max_items = 20)]
    pub schedule: Option<Vec<u32>>,
    /// Where in the log it starts; now when absent.
    #[schema(schema_with = start_from)]
    pub start_from: Option<String>,
    /// Whether the event's name is appended to the address; of the format `evolution` alone.
    pub by_events: Option<bool>,
}

/// What is to be different. What is absent stays, `null` empties; lists and headers are replaced as a whole.
#[derive(ToSchema)]
pub struct WebhookPatch {
    /// Where deliveries go.
    #[schema(max_length = 2048, value_type = String, required = false)]
    pub url: Option<String>,
    /// What it is for.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Which version of the bodies it gets.
    #[schema(minimum = 1, maximum = 1)]
    pub schema_version: Option<u16>,
    /// Types with `*` for any run of characters.
    #[schema(max_items = 50)]
    pub events: Option<Vec<String>>,
    /// Ids or names.
    #[schema(value_type = Option<Vec<values::ChannelRef>>, max_items = 100)]
    pub channels: Option<Vec<String>>,
    /// At most 20 of its own, by name.
    pub headers: Option<BTreeMap<String, String>>,
    /// Most deliveries a second.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<u16>,
    /// Seconds before each attempt.
    #[schema(min_items = 1, max_items = 20)]
    pub schedule: Option<Vec<u32>>,
    /// Whether the event's name is appended to the address.
    pub by_events: Option<bool>,
}

/// Of which type the event is to be that is sent.
#[derive(ToSchema)]
pub struct WebhookTest {
    /// By the name of the webhook's format; whichever it wants, when absent.
    #[schema(rename = "type", example = "message.received")]
    pub kind: Option<String>,
}

/// What is to be told once more.
#[derive(ToSchema)]
pub struct Replay {
    /// From where.
    pub from: ReplayFrom,
    /// The last position; the log's end when absent.
    #[schema(minimum = 1)]
    pub until: Option<u64>,
    /// Whether it is only to be counted.
    #[schema(default = false)]
    pub dry_run: Option<bool>,
}

/// One of the three.
#[derive(ToSchema)]
pub struct ReplayFrom {
    /// A place in the log.
    #[schema(minimum = 1)]
    pub position: Option<u64>,
    /// The first event of this time or later.
    #[schema(value_type = Option<values::Time>)]
    pub time: Option<String>,
    /// `true`: every dead letter.
    pub failed: Option<bool>,
}

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// What became of them.
    #[param(schema_with = delivery_status)]
    pub status: Option<String>,
    /// Of which type the event is.
    #[param(rename = "type")]
    pub kind: Option<String>,
    /// Made later than.
    #[param(value_type = Option<values::Time>)]
    pub created_after: Option<String>,
    /// Made earlier than.
    #[param(value_type = Option<values::Time>)]
    pub created_before: Option<String>,
}

/// Which part of the feed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// After which position, 0 for the beginning; `end` for what happens from now on.
    #[param(pattern = "^([0-9]{1,18}|end)$", default = "0")]
    pub after: Option<String>,
    /// At most so many events.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// Types with `*` for any run of characters, separated by commas, or repeated.
    pub types: Option<Vec<String>>,
    /// Those of a channel.
    #[param(value_type = Option<values::ChannelRef>)]
    pub channel_id: Option<String>,
    /// How many seconds to wait for something to happen.
    #[param(minimum = 0, maximum = 15, default = 0)]
    pub wait: Option<u32>,
}

/// What a stream is to tell.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// After which position, 0 for the beginning; `end` for what happens from now on. The `Last-Event-ID` header goes
    /// before it.
    #[param(pattern = "^([0-9]{1,18}|end)$", default = "end")]
    pub since: Option<String>,
    /// Types with `*` for any run of characters, separated by commas, or repeated.
    pub types: Option<Vec<String>>,
    /// Those of a channel.
    #[param(value_type = Option<values::ChannelRef>)]
    pub channel_id: Option<String>,
    /// Those of a chat.
    #[param(value_type = Option<values::AnyChatId>)]
    pub chat_id: Option<String>,
    /// Those of a customer.
    #[param(value_type = Option<values::AnyCustomerId>)]
    pub customer_id: Option<String>,
    /// Signals too: who types, who is online, QRs to scan.
    #[param(default = false)]
    pub signals: Option<bool>,
}

/// Which version of a schema.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SchemaQuery {
    /// The latest when absent.
    #[param(minimum = 1, maximum = 1)]
    pub version: Option<u16>,
}

fn one_of(names: &[&str]) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied())).build().into()
}

/// What a body looks like.
pub fn format() -> Schema {
    one_of(&["standard", "evolution"])
}

/// How deliveries are signed.
pub fn signing() -> Schema {
    one_of(&["hmac", "ed25519"])
}

/// What became of a delivery.
pub fn delivery_status() -> Schema {
    one_of(&["pending", "delivered", "failed", "aborted"])
}

/// How a webhook stands.
pub fn status() -> Schema {
    one_of(&["active", "paused", "disabled"])
}

/// Whether a caller made a webhook or the operator did.
pub fn origin() -> Schema {
    one_of(&["api", "environment"])
}

/// Where the breaker of a webhook stands.
pub fn breaker() -> Schema {
    one_of(&["closed", "open", "half_open"])
}

/// `"now"`, `{"position": 1}` or `{"time": "2026-01-31T12:00:00Z"}`.
pub fn start_from() -> Schema {
    let one = |name: &str, of: RefOr<Schema>| {
        let object = ObjectBuilder::new().schema_type(Type::Object).property(name, of).required(name);
        object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))).build()
    };
    let position: Schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build().into();
    OneOfBuilder::new()
        .item(one_of(&["now"]))
        .item(one("position", RefOr::T(position)))
        .item(one("time", values::Time::schema()))
        .build()
        .into()
}
