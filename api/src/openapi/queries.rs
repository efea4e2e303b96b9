//! What lists take: filters, an order, a page. As with bodies, `tests/it/rest/openapi.rs` proves that the parameters
//! are those that are read.

use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::values;
use crate::extract::{IfMatch, IfNoneMatch};

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The page's number. Further pages are reached by `cursor`.
    #[param(minimum = 1, maximum = 500, default = 1)]
    pub page: Option<u32>,
    /// How many entries a page has.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub per_page: Option<u32>,
    /// The `next_cursor` of the page before, with the same filters and the same order. Not together with `page`.
    pub cursor: Option<String>,
}

/// As of when.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// A position of the log, or a time of RFC 3339: what was shown then, with all that was recorded until it. What was
    /// erased since is missing, and named in `meta`.
    #[param(value_type = Option<values::AsOf>)]
    pub as_of: Option<String>,
}

/// Which part of a list that has a cursor alone.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CursorPaging {
    /// The first page alone has a number.
    #[param(minimum = 1, maximum = 1, default = 1)]
    pub page: Option<u32>,
    /// How many entries a page has.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub per_page: Option<u32>,
    /// The `next_cursor` of the page before. Not together with `page`.
    pub cursor: Option<String>,
}

/// Which customers.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CustomerQuery {
    /// Who has the number.
    #[param(value_type = Option<values::PhoneNumber>)]
    pub phone: Option<String>,
    /// Who has the address, in whatever case.
    #[param(value_type = Option<values::Email>)]
    pub email: Option<String>,
    /// Who has the id in your own system.
    #[param(value_type = Option<values::ExternalId>)]
    pub external_id: Option<String>,
    /// Who has the label; repeated: all of them.
    #[param(value_type = Option<Vec<values::Tag>>)]
    pub tag: Option<Vec<String>>,
    /// Who has all of these words, 10 at most, in name, e-mail, phone or external id.
    #[param(value_type = Option<values::DisplayName>)]
    pub q: Option<String>,
    /// Created later than.
    #[param(value_type = Option<values::Time>)]
    pub created_after: Option<String>,
    /// Created earlier than; later than `created_after`.
    #[param(value_type = Option<values::Time>)]
    pub created_before: Option<String>,
    /// Changed later than.
    #[param(value_type = Option<values::Time>)]
    pub updated_after: Option<String>,
    /// Changed earlier than; later than `updated_after`.
    #[param(value_type = Option<values::Time>)]
    pub updated_before: Option<String>,
    /// In which order.
    #[param(inline)]
    pub sort: Option<CustomerOrder>,
}

/// What customers are sorted by.
#[derive(ToSchema)]
pub enum CustomerOrder {
    /// The newest first.
    #[schema(rename = "-created_at")]
    Newest,
    /// The oldest first.
    #[schema(rename = "created_at")]
    Oldest,
    /// The last changed first.
    #[schema(rename = "-updated_at")]
    LastChanged,
    /// The first changed first.
    #[schema(rename = "updated_at")]
    FirstChanged,
    /// By name.
    #[schema(rename = "name")]
    Name,
    /// By name, from the end.
    #[schema(rename = "-name")]
    NameFromTheEnd,
}

/// Which chats.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatQuery {
    /// Where they stand.
    #[param(value_type = Option<values::ChatStatus>)]
    pub status: Option<String>,
    /// Through which channel: its id or name.
    #[param(value_type = Option<values::ChannelRef>)]
    pub channel_id: Option<String>,
    /// With whom.
    #[param(value_type = Option<values::AnyCustomerId>)]
    pub customer_id: Option<String>,
    /// Who is in charge; `none` for nobody.
    #[param(value_type = Option<values::DisplayName>)]
    pub assignee: Option<String>,
    /// Whether something in them is unread.
    pub unread: Option<bool>,
    /// Active later than.
    #[param(value_type = Option<values::Time>)]
    pub active_after: Option<String>,
    /// Active earlier than; later than `active_after`.
    #[param(value_type = Option<values::Time>)]
    pub active_before: Option<String>,
    /// In which order.
    #[param(inline)]
    pub sort: Option<ChatOrder>,
}

/// What chats are sorted by.
#[derive(ToSchema)]
pub enum ChatOrder {
    /// The latest activity first.
    #[schema(rename = "-last_activity")]
    LastActivity,
    /// The latest activity last.
    #[schema(rename = "last_activity")]
    FirstActivity,
    /// The newest first.
    #[schema(rename = "-created_at")]
    Newest,
    /// The oldest first.
    #[schema(rename = "created_at")]
    Oldest,
}

/// Which messages.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Of which chat.
    #[param(value_type = Option<values::AnyChatId>)]
    pub chat_id: Option<String>,
    /// Through which channel: its id or name.
    #[param(value_type = Option<values::ChannelRef>)]
    pub channel_id: Option<String>,
    /// With whom.
    #[param(value_type = Option<values::AnyCustomerId>)]
    pub customer_id: Option<String>,
    /// Which way they go.
    #[param(value_type = Option<values::Direction>)]
    pub direction: Option<String>,
    /// How far they got.
    #[param(value_type = Option<values::MessageStatus>)]
    pub status: Option<String>,
    /// What they hold.
    #[param(rename = "type", value_type = Option<values::ContentType>)]
    pub kind: Option<String>,
    /// Created later than.
    #[param(value_type = Option<values::Time>)]
    pub created_after: Option<String>,
    /// Created earlier than; later than `created_after`.
    #[param(value_type = Option<values::Time>)]
    pub created_before: Option<String>,
    /// In which order.
    #[param(inline)]
    pub sort: Option<MessageOrder>,
}

/// What messages are sorted by.
#[derive(ToSchema)]
pub enum MessageOrder {
    /// The newest first.
    #[schema(rename = "-created_at")]
    Newest,
    /// The oldest first.
    #[schema(rename = "created_at")]
    Oldest,
}

/// How a QR is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QrQuery {
    /// Else as `Accept` says, else JSON.
    #[param(inline)]
    pub format: Option<QrFormat>,
}

/// How a QR can be had.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum QrFormat {
    /// The string.
    Json,
    /// A drawing of pixels.
    Png,
    /// A drawing of shapes.
    Svg,
    /// Half blocks, for a dark terminal.
    Text,
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![header("If-Match")]
    }
}

impl IntoParams for IfNoneMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![header("If-None-Match")]
    }
}

/// What they say is said once, in [`super::conventions`].
fn header(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
