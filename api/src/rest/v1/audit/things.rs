//! What has a history, as a path names it, and what was shown of it.

use chrono::{DateTime, Utc};
use interflow_application::ChannelRef;
use interflow_application::past::{Past, Shown, Thing};
use interflow_application::webhook::views::WebhookView;
use interflow_domain::WorkspaceId;
use serde_json::Value;

use crate::error::{ApiError, Code};
use crate::extract::Call;
use crate::rest::v1::{channels, chats, customers, keys, messages, webhooks, workspaces};
use crate::state::App;

/// The names of what has a history.
const NAMES: &str = "customers, chats, messages, channels, webhooks, keys or workspaces";

/// The thing that is named. A channel that is there goes by its name too, and the workspace of the key is the only one.
pub(super) async fn thing(app: &App, call: &Call, aggregate: &str, id: &str) -> Result<Thing, ApiError> {
    let thing = match aggregate {
        "customers" => id.parse().ok().map(Thing::Customer),
        "chats" => id.parse().ok().map(Thing::Chat),
        "messages" => id.parse().ok().map(Thing::Message),
        "webhooks" => id.parse().ok().map(Thing::Webhook),
        "keys" => id.parse().ok().map(Thing::Key),
        "channels" => match id.parse::<ChannelRef>() {
            Ok(channel) => channel.named(&*app.core.reads, call.workspace()).await?.map(Thing::Channel),
            Err(_) => None,
        },
        "workspaces" => {
            id.parse::<WorkspaceId>().ok().filter(|id| *id == call.workspace()).map(|_| Thing::Workspace)
        }
        _ => {
            let shown: String = aggregate.chars().filter(|c| !c.is_control()).take(100).collect();
            return Err(ApiError::new(Code::NotFound, format!("'{shown}' have no history: {NAMES} do")));
        }
    };
    thing.ok_or_else(none)
}

/// Its id.
pub(super) fn id_of(thing: Thing, workspace: WorkspaceId) -> String {
    match thing {
        Thing::Key(id) => id.to_string(),
        thing => thing.stream(workspace).aggregate_id(),
    }
}

/// Nothing of that id was ever in this workspace.
pub(super) fn none() -> ApiError {
    ApiError::new(Code::NotFound, "Nothing of that id was ever there")
}

/// What was shown, as answers have it; null where it was not there. `at` is when that was.
pub(super) fn shape(past: Option<Past<Shown>>, at: DateTime<Utc>) -> Result<Value, ApiError> {
    let Some(Past { item, .. }) = past else { return Ok(Value::Null) };
    let shape = match item {
        Shown::Customer(customer) => serde_json::to_value(customers::Shape::from(customer)),
        Shown::Chat(chat) => serde_json::to_value(chats::Shape::from(chat)),
        Shown::Message(message) => serde_json::to_value(messages::Shape::from(message)),
        Shown::Channel(channel) => serde_json::to_value(channels::Shape::from(channel)),
        Shown::Workspace(workspace) => serde_json::to_value(workspaces::Shape::from(workspace)),
        Shown::Key(key) => serde_json::to_value(keys::Shape::from(key)),
        Shown::Webhook(endpoint) => {
            let (row, webhook) = *endpoint;
            let view = WebhookView { row, progress: None };
            serde_json::to_value(webhooks::Shape::new(view, &webhook, at)?)
        }
    };
    shape.map_err(|error| ApiError::internal(format!("what was shown cannot be written: {error}")))
}
