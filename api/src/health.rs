//! Whether the process lives, and whether it can serve.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use crate::envelope;
use crate::error::{ApiError, Code};
use crate::state::App;

const PATIENCE: Duration = Duration::from_millis(900);

/// `/health/live` and `/health/ready`. No key is asked for.
pub fn routes() -> Router<App> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

/// The process answers. Never touches the database: a restart would not mend it.
async fn live() -> Response {
    envelope::ok(json!({ "status": "live" }))
}

/// The database answers in time and the server is not on its way down.
async fn ready(State(app): State<App>) -> Result<Response, ApiError> {
    let unready = |why: &str| ApiError::new(Code::Unavailable, why);
    if app.is_stopping() {
        return Err(unready("the server is shutting down"));
    }
    match tokio::time::timeout(PATIENCE, app.core.reads.ping()).await {
        Ok(Ok(_)) => Ok(envelope::ok(json!({ "status": "ready" }))),
        Ok(Err(_)) => Err(unready("the database cannot be reached")),
        Err(_) => Err(unready("the database does not answer in time")),
    }
}
