//! What a request that reads has seen: every route that is declared to read is noted here, so none is forgotten.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use interflow_application::Actor;
use interflow_application::audit::Seen;
use interflow_application::workspace_id;
use interflow_domain::{
    ChatId, CustomerId, DeliveryId, InstanceId, JobId, KeyId, MessageId, WebhookId, WorkspaceId,
    WorkspaceSlug,
};

use super::Caller;
use crate::layers::Client;
use crate::state::App;

/// Longer names of resources there are not; what is longer is cut.
const MOST: usize = 200;

/// How many entries of a list an answer shows; an extension of it.
#[derive(Debug, Clone, Copy)]
pub struct Shown(pub usize);

/// Which resource an answer shows, where the path calls it otherwise; an extension of it.
#[derive(Debug, Clone)]
struct Called(String);

/// Says which resource an answer shows, where the path may call it otherwise.
#[must_use]
pub fn called(id: impl ToString, mut response: Response) -> Response {
    response.extensions_mut().insert(Called(id.to_string()));
    response
}

/// A request that reads, as far as its answer does not matter.
pub struct Reading {
    resource: String,
    id: Option<String>,
    client: Client,
}

impl Reading {
    /// What a request is about to read; nothing for one that writes.
    pub async fn of(parts: &mut Parts) -> Option<Self> {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return None;
        }
        // What is seen there is noted field by field.
        if parts.extensions.get::<MatchedPath>()?.as_str() == "/graphql" {
            return None;
        }
        let named = RawPathParams::from_request_parts(parts, &()).await.ok();
        let named = named.as_ref().and_then(|named| named.iter().last());
        let id = named.map(|(parameter, given)| canonical(parameter, given));
        let resource = resource(parts.extensions.get::<MatchedPath>()?.as_str());
        let client = parts.extensions.get::<Client>().copied().unwrap_or(Client(None));
        Some(Self { resource, id, client })
    }

    /// Notes what was seen by it. What was refused, or not there, was not.
    pub fn note(self, app: &App, caller: Caller, response: &Response) {
        if !response.status().is_success() && response.status() != StatusCode::NOT_MODIFIED {
            return;
        }
        let items = response.extensions().get::<Shown>().map_or(0, |shown| shown.0);
        let Self { resource, id, client } = self;
        let called = response.extensions().get::<Called>().map(|called| called.0.clone());
        app.saw(caller, client, resource, called.or(id), items);
    }
}

impl App {
    /// Notes that a caller saw something, from wherever: a kind of resource or a list, which of it, and how many entries
    /// were shown.
    pub fn saw(&self, caller: Caller, client: Client, resource: String, id: Option<String>, items: usize) {
        self.reads.saw(Seen {
            workspace: caller.workspace,
            actor: Actor::Key(caller.key).to_string(),
            resource,
            id,
            items: items as u64,
            client: client.0,
            at: self.core.clock.now(),
        });
    }
}

/// What a route reads: `/v1/chats/{chat}/messages` is `chats.messages`.
fn resource(pattern: &str) -> String {
    let words = pattern.split('/').filter(|word| !word.is_empty() && !word.starts_with('{'));
    words.filter(|word| !matches!(*word, "v1" | "api")).collect::<Vec<_>>().join(".")
}

/// The name of a resource as answers have it, however it was given.
fn canonical(parameter: &str, given: &str) -> String {
    macro_rules! id {
        ($kind:ty) => {
            given.parse::<$kind>().ok().map(|id| id.to_string())
        };
    }
    let id = match parameter {
        "customer" => id!(CustomerId),
        "chat" => id!(ChatId),
        "message" => id!(MessageId),
        "job" => id!(JobId),
        "key" => id!(KeyId),
        "webhook" => id!(WebhookId),
        "delivery" => id!(DeliveryId),
        "channel" => id!(InstanceId),
        "workspace" => id!(WorkspaceId)
            .or_else(|| given.parse::<WorkspaceSlug>().ok().map(|slug| workspace_id(&slug).to_string())),
        _ => None,
    };
    id.unwrap_or_else(|| given.chars().take(MOST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_names_what_it_reads() {
        for (pattern, read) in [
            ("/v1/customers", "customers"),
            ("/v1/customers/{customer}", "customers"),
            ("/v1/chats/{chat}/messages", "chats.messages"),
            ("/v1/webhooks/{webhook}/deliveries/{delivery}", "webhooks.deliveries"),
            ("/api/whatsapp/status/{name}", "whatsapp.status"),
            ("/v1/workspace", "workspace"),
        ] {
            assert_eq!(resource(pattern), read);
        }
    }

    #[test]
    fn a_resource_has_one_name_however_it_is_given() {
        let bare = "0188bac7-25f6-7abf-b9e5-8080000c8057";
        let id = CustomerId::new(bare.parse().unwrap()).to_string();
        assert_eq!((canonical("customer", bare), canonical("customer", &id)), (id.clone(), id));
        let home = workspace_id(&"default".parse().unwrap()).to_string();
        assert_eq!((canonical("workspace", "default"), canonical("workspace", &home)), (home.clone(), home));
        assert_eq!(canonical("channel", "shop"), "shop");
        assert_eq!(canonical("correlation", &"x".repeat(300)).len(), MOST);
    }
}
