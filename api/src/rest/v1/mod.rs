//! The Interflow API: one file a resource, each with its routes, its handlers and its shape.

mod channels;
mod chats;
mod customers;
mod messages;

use axum::Router;

pub(super) use messages::{message_of, sent};

use crate::router::Guard;
use crate::state::App;

/// Everything under `/v1`.
pub fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new()
        .merge(customers::routes(guard))
        .merge(chats::routes(guard))
        .merge(messages::routes(guard))
        .merge(channels::routes(guard))
}
