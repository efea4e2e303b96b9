//! What the routes of the audit take.

use utoipa::{IntoParams, ToSchema};

use super::values;

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// That happened to this type of aggregate; `channel` is `instance`.
    #[param(inline)]
    pub aggregate: Option<AggregateName>,
    /// That happened to this one. Its prefix says of which type it is; a bare UUID needs `aggregate`.
    #[param(example = "msg_01jh9qzq3te5v9d4xk6w2y8rbn")]
    pub aggregate_id: Option<String>,
    /// Types, as they are stored, with `*` for any run of characters, separated by commas, or repeated.
    pub types: Option<Vec<String>>,
    /// By whom: `key:key_…` or its id, `whatsapp:ins_…` or its id, `system:…`, `operator`.
    #[param(example = "system:sender")]
    pub actor: Option<String>,
    /// That go back to the request of this `X-Request-Id`.
    #[param(pattern = "^[A-Za-z0-9_.:/+=-]{1,128}$")]
    pub correlation_id: Option<String>,
    /// Recorded later than.
    #[param(value_type = Option<values::Time>)]
    pub recorded_after: Option<String>,
    /// Recorded earlier than; later than `recorded_after`.
    #[param(value_type = Option<values::Time>)]
    pub recorded_before: Option<String>,
    /// Behind this position.
    #[param(minimum = 0, maximum = 999_999_999_999_999_999_i64)]
    pub position_after: Option<u64>,
    /// Before this one; at least two behind `position_after`.
    #[param(minimum = 0, maximum = 999_999_999_999_999_999_i64)]
    pub position_before: Option<u64>,
    /// In which order.
    #[param(inline)]
    pub sort: Option<EventOrder>,
}

/// What events happen to.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AggregateName {
    /// A workspace, its keys too.
    Workspace,
    /// A channel, as it is stored.
    Instance,
    /// The same.
    Channel,
    /// A customer.
    Customer,
    /// A chat.
    Chat,
    /// A message.
    Message,
    /// A job.
    Job,
    /// A webhook.
    Webhook,
    /// A checkpoint of the log that was anchored.
    Checkpoint,
}

/// What events are sorted by.
#[derive(ToSchema)]
pub enum EventOrder {
    /// The latest first.
    #[schema(rename = "-position")]
    Latest,
    /// The earliest first.
    #[schema(rename = "position")]
    Earliest,
}

/// Which page of what grows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many entries a page has, at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub per_page: Option<u32>,
    /// The `next_cursor` or `previous_cursor` of a page, with the same filters and the same order.
    pub cursor: Option<String>,
}

/// In which order a history is told.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// In which order.
    #[param(inline)]
    pub sort: Option<EventOrder>,
}

/// Between which moments.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// From when on.
    #[param(required, value_type = values::AsOf)]
    pub from: Option<String>,
    /// Until when; now, when left out. Not before `from`.
    #[param(value_type = Option<values::AsOf>)]
    pub to: Option<String>,
}

/// Which part of what followed from a request.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrailPaging {
    /// How many events a page has, at most.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    pub per_page: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which entries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadQuery {
    /// Who: `key:key_…` or its id.
    #[param(example = "key_01jh9qzq3te5v9d4xk6w2y8rbn")]
    pub actor: Option<String>,
    /// A kind of resource or a list, after its route.
    #[param(min_length = 1, max_length = 200, example = "customers")]
    pub resource: Option<String>,
    /// Which of it, or whose list.
    #[param(min_length = 1, max_length = 200, example = "cus_01jh9qzq3te5v9d4xk6w2y8rbn")]
    pub resource_id: Option<String>,
    /// In this minute or later.
    #[param(value_type = Option<values::Time>)]
    pub seen_after: Option<String>,
    /// Not in a minute that begins then or later; later than `seen_after`.
    #[param(value_type = Option<values::Time>)]
    pub seen_before: Option<String>,
    /// In which order.
    #[param(inline)]
    pub sort: Option<ReadOrder>,
}

/// What reads are sorted by.
#[derive(ToSchema)]
pub enum ReadOrder {
    /// The latest minutes first.
    #[schema(rename = "-minute")]
    Latest,
    /// The earliest minutes first.
    #[schema(rename = "minute")]
    Earliest,
}
