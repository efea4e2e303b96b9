//! `/v1/audit`: who did what, when, because of what; and who has seen it.

mod correlations;
mod events;
mod paging;
mod query;
mod reads;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::router::Guard;
use crate::state::App;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().merge(events::routes(guard)).merge(correlations::routes(guard)).merge(reads::routes(guard))
}

/// What the files here say of their routes.
pub(super) fn documents() -> [fn() -> OpenApi; 3] {
    [events::Doc::openapi, correlations::Doc::openapi, reads::Doc::openapi]
}
