//! The Interflow API: one file a resource, each with its routes, its handlers and its shape. What a request becomes on its
//! way to a use case, its form and what is more than one use case, is GraphQL's as well.

mod audit;
mod audit_log;
pub(crate) mod bulk;
pub(crate) mod channels;
pub(crate) mod chat_actions;
pub(crate) mod chats;
pub(crate) mod customers;
pub(crate) mod erasure;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod messages;
mod stream;
pub(crate) mod webhooks;
pub(crate) mod workspaces;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

pub(super) use messages::{message_of, sent};

use crate::router::Guard;
use crate::state::App;

/// Everything under `/v1`.
pub fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new()
        .merge(customers::routes(guard))
        .merge(erasure::routes(guard))
        .merge(chats::routes(guard))
        .merge(chat_actions::routes(guard))
        .merge(messages::routes(guard))
        .merge(bulk::routes(guard))
        .merge(jobs::routes(guard))
        .merge(channels::routes(guard))
        .merge(keys::routes(guard))
        .merge(workspaces::routes(guard))
        .merge(webhooks::routes(guard))
        .merge(events::routes(guard))
        .merge(stream::routes(guard))
        .merge(audit::routes(guard))
        .merge(audit_log::routes(guard))
}

/// What the files here say of their routes.
pub fn documents() -> impl Iterator<Item = OpenApi> {
    [
        customers::Doc::openapi,
        erasure::Doc::openapi,
        chats::Doc::openapi,
        chat_actions::Doc::openapi,
        messages::Doc::openapi,
        bulk::Doc::openapi,
        jobs::Doc::openapi,
        channels::Doc::openapi,
        channels::connection::Doc::openapi,
        channels::qr::Doc::openapi,
        channels::timeline::Doc::openapi,
        webhooks::Doc::openapi,
        webhooks::deliveries::Doc::openapi,
        webhooks::replay::Doc::openapi,
        events::Doc::openapi,
        stream::Doc::openapi,
        audit_log::Doc::openapi,
        keys::Doc::openapi,
        workspaces::Doc::openapi,
    ]
    .into_iter()
    .chain(audit::documents())
    .map(|document: fn() -> OpenApi| document())
}
