//! No request is worked on for ever.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::state::App;

/// Gives a request up when its time is over.
pub async fn timeout(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = app.settings.request_timeout;
    tokio::time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| ApiError::late(limit).into_response())
}
