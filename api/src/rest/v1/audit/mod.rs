//! `/v1/audit`: who did what, when, because of what; what it changed; and who has seen it.

mod correlations;
mod diff;
mod events;
mod history;
mod paging;
mod query;
mod reads;
mod things;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::router::Guard;
use crate::state::App;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new()
        .merge(events::routes(guard))
        .merge(correlations::routes(guard))
        .merge(reads::routes(guard))
        .merge(history::routes(guard))
        .merge(diff::routes(guard))
}

/// What the files here say of their routes.
pub(super) fn documents() -> [fn() -> OpenApi; 5] {
    [
        events::Doc::openapi,
        correlations::Doc::openapi,
        reads::Doc::openapi,
        history::Doc::openapi,
        diff::Doc::openapi,
    ]
}
