//! No request is worked on for ever.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, Code};
use crate::state::App;

/// Gives a request up when its time is over.
pub async fn timeout(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = app.settings.request_timeout;
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!(
            "The request was not answered within {} s. It may have been carried out all the same: \
             repeat it with the same Idempotency-Key",
            limit.as_secs()
        );
        ApiError::new(Code::Unavailable, message).into_response()
    })
}
