//! What requests carry. Forms are read field by field (`crate::extract::Form`), which names every mistake; here is how
//! they look, and `tests/it/rest/openapi.rs` proves that both know the same fields and miss the same ones.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::values;

/// All that is to be known of a customer. At least `email` or `phone` is needed.
#[derive(ToSchema)]
pub struct CustomerDraft {
    /// How they are called.
    #[schema(value_type = Option<values::DisplayName>)]
    pub name: Option<String>,
    /// Nobody else of the workspace has it.
    #[schema(value_type = Option<values::Email>)]
    pub email: Option<String>,
    /// Nobody else of the workspace has it.
    #[schema(value_type = Option<values::PhoneNumber>)]
    pub phone: Option<String>,
    /// The id in your own system.
    #[schema(value_type = Option<values::ExternalId>)]
    pub external_id: Option<String>,
    /// Labels.
    #[schema(value_type = Option<Vec<values::Tag>>, max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// Whatever you like, in up to 16 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Map<String, Value>>,
}

/// What is to be different. What is absent stays, `null` empties, `attributes` merge (RFC 7396).
#[derive(ToSchema)]
pub struct CustomerPatch {
    /// How they are called.
    #[schema(value_type = Option<values::DisplayName>)]
    pub name: Option<String>,
    /// Nobody else of the workspace has it.
    #[schema(value_type = Option<values::Email>)]
    pub email: Option<String>,
    /// Nobody else of the workspace has it.
    #[schema(value_type = Option<values::PhoneNumber>)]
    pub phone: Option<String>,
    /// The id in your own system.
    #[schema(value_type = Option<values::ExternalId>)]
    pub external_id: Option<String>,
    /// Labels, in place of those there were.
    #[schema(value_type = Option<Vec<values::Tag>>, max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// Merged with those there are.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Map<String, Value>>,
}

/// Why a customer is erased.
#[derive(ToSchema)]
pub struct Erasure {
    /// A word of your own that is kept for ever.
    #[schema(value_type = Option<values::ErasureReason>)]
    pub reason: Option<String>,
}

/// A channel, and either a customer or a number.
#[derive(ToSchema)]
pub struct ChatDraft {
    /// Through which channel.
    #[schema(value_type = values::ChannelRef)]
    pub channel_id: String,
    /// With whom, of those who are known. Not together with `to`.
    #[schema(value_type = Option<values::AnyCustomerId>)]
    pub customer_id: Option<String>,
    /// With which number; who is not known becomes a customer.
    #[schema(value_type = Option<values::PhoneNumber>)]
    pub to: Option<String>,
}

/// How long to put a chat aside.
#[derive(ToSchema)]
pub struct Snooze {
    /// Until when at the latest, in the future; else until the customer writes.
    #[schema(value_type = Option<values::Time>)]
    pub until: Option<String>,
}

/// Who is in charge.
#[derive(ToSchema)]
pub struct Assignment {
    /// A name, or `null` for nobody.
    #[schema(value_type = Option<values::DisplayName>, required = true)]
    pub assignee: Option<String>,
}

/// A message to be sent.
#[derive(ToSchema)]
pub struct MessageDraft {
    /// Through which channel.
    #[schema(value_type = values::ChannelRef)]
    pub channel_id: String,
    /// To which number.
    #[schema(value_type = values::PhoneNumber)]
    pub to: String,
    /// What it is.
    #[schema(rename = "type", value_type = values::SendableType)]
    pub kind: String,
    /// What it says.
    pub content: TextContent,
    /// A message of the same chat that it answers.
    #[schema(value_type = Option<values::AnyMessageId>)]
    pub reply_to: Option<String>,
}

/// The content of a text.
#[derive(ToSchema)]
pub struct TextContent {
    /// The text.
    #[schema(value_type = values::MessageText)]
    pub text: String,
}

/// Up to 1,000 messages through one channel.
#[derive(ToSchema)]
pub struct BulkDraft {
    /// Through which channel.
    #[schema(value_type = values::ChannelRef)]
    pub channel_id: String,
    /// Each is judged by itself; the call is refused when none is right.
    #[schema(min_items = 1, max_items = 1000)]
    pub messages: Vec<BulkMessageDraft>,
}

/// A message of many.
#[derive(ToSchema)]
pub struct BulkMessageDraft {
    /// To which number.
    #[schema(value_type = values::PhoneNumber)]
    pub to: String,
    /// What it is.
    #[schema(rename = "type", value_type = values::SendableType)]
    pub kind: String,
    /// What it says.
    pub content: TextContent,
}

/// A channel's name.
#[derive(ToSchema)]
pub struct ChannelDraft {
    /// Unique in its workspace.
    #[schema(value_type = values::ChannelName)]
    pub name: String,
}

/// How the account is to be linked.
#[derive(ToSchema)]
pub struct Linking {
    /// The number whose owner types a code instead of scanning.
    #[schema(value_type = Option<values::PhoneNumber>)]
    pub phone: Option<String>,
}

/// A key to be made.
#[derive(ToSchema)]
pub struct KeyDraft {
    /// What it is for.
    #[schema(value_type = values::DisplayName)]
    pub name: String,
    /// What it may do; never more than the key that asks.
    #[schema(value_type = Vec<values::Scope>, min_items = 1)]
    pub scopes: Vec<String>,
    /// When it stops working, in the future; else never.
    #[schema(value_type = Option<values::Time>)]
    pub expires_at: Option<String>,
}

/// How long the secret before goes on working.
#[derive(ToSchema)]
pub struct Overlap {
    /// In seconds; a day when absent, a week at most.
    #[schema(minimum = 0, maximum = 604_800, default = 86_400)]
    pub overlap_seconds: Option<u64>,
}

/// A workspace to be made.
#[derive(ToSchema)]
pub struct WorkspaceDraft {
    /// Its short name.
    #[schema(value_type = values::Slug)]
    pub slug: String,
    /// Its name for people.
    #[schema(value_type = Option<values::DisplayName>)]
    pub name: Option<String>,
    /// What it may do.
    #[schema(value_type = values::Plan)]
    pub plan: String,
}

/// What is to be different. What is absent stays; `null` empties the name.
#[derive(ToSchema)]
pub struct WorkspacePatch {
    /// Its name for people.
    #[schema(value_type = Option<values::DisplayName>)]
    pub name: Option<String>,
    /// What it may do.
    #[schema(value_type = values::Plan, required = false)]
    pub plan: String,
    /// After how many days contents of messages are destroyed; never when `null`.
    #[schema(minimum = 1, maximum = 36_500)]
    pub message_retention_days: Option<u16>,
}

/// Why a workspace is suspended.
#[derive(ToSchema)]
pub struct Suspension {
    /// For people.
    #[schema(value_type = Option<values::Reason>)]
    pub reason: Option<String>,
}

/// An instance by its name.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Instance {
    /// The name; by convention the user's id in your own system.
    #[schema(value_type = values::ChannelName)]
    pub instance_name: String,
}

/// A text to be sent.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct InstanceMessage {
    /// Through which instance.
    #[schema(value_type = values::ChannelName)]
    pub instance_name: String,
    /// To which number.
    #[schema(value_type = values::PhoneNumber)]
    pub number: String,
    /// The text.
    #[schema(value_type = values::MessageText)]
    pub message: String,
}
