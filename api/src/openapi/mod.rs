//! The API as OpenAPI 3.1 describes it, at `/openapi.json`, and for people at `/docs`.
//!
//! Cast:
//! - each handler says what is its own, in an attribute over it: path, scope, query, body, answer; the `Doc` of its
//!   file lists the handlers;
//! - [`values`] describes what fields hold, [`bodies`] and [`queries`] what requests carry;
//! - [`conventions`] adds, once, what holds for all: envelope, errors, headers, both ways to show a key, links;
//!   [`components`] and [`refusals`] are what they refer to;
//! - [`deliveries`] describes what webhooks are told, by the schemas that are served for it;
//! - [`pages`] serves it, with Swagger UI.
//!
//! The document is locked by a snapshot, its routes and scopes are compared with the router, and real answers are
//! checked against it (`tests/it/rest/openapi.rs`); `make api-fuzz` takes it at its word.

pub mod audit;
pub mod bodies;
mod components;
mod conventions;
mod deliveries;
mod pages;
pub mod queries;
mod refusals;
pub mod values;
pub mod webhooks;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::OpenApi;

pub use pages::routes;

use crate::{health, rest};

/// What is said of the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Interflow",
        description = "A self-hosted WhatsApp gateway and the customer conversations on top of it.\n\nThe **Interflow \
                       API** (`/v1`) has customers, chats, messages and channels; the **Flowcore API** \
                       (`/api/whatsapp`) connects WhatsApp accounts and sends. An instance of the one is a channel \
                       of the other. Every success of `/v1` is `{\"success\":true,\"data\":…}`, every error of \
                       either is `{\"success\":false,\"error\":{\"code\",\"message\",\"details\"}}`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "Messages", description = "Sending, and what became of it"),
        (name = "Customers", description = "Whom messages are exchanged with"),
        (name = "Chats", description = "A customer's conversation through a channel"),
        (name = "Jobs", description = "Work that goes on after the call"),
        (name = "Channels", description = "WhatsApp accounts"),
        (name = "Flowcore", description = "The Flowcore API: an instance is a channel"),
        (name = "Webhooks", description = "Being told what happens"),
        (name = "Events", description = "What happens, for whoever asks"),
        (name = "Audit", description = "Who did what, because of what, who has seen it, and the proof of it"),
        (name = "Keys", description = "API keys"),
        (name = "Workspaces", description = "Tenants"),
        (name = "Health", description = "Whether the server lives and serves"),
    ),
    components(schemas(values::Problem, values::AnyChatId, values::ContentType, values::AsOf))
)]
struct Whole;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut whole = Whole::openapi();
    for part in rest::v1::documents() {
        whole.merge(part);
    }
    whole.merge(rest::whatsapp::Doc::openapi());
    whole.merge(health::Doc::openapi());
    // What serde makes of it is a map with its keys in order: the same bytes at every start.
    let mut document = serde_json::to_value(whole).unwrap_or_default();
    conventions::apply(&mut document);
    deliveries::describe(&mut document);
    document
});

/// The document.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}
