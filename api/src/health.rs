//! Whether the process lives, and whether it can serve.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::envelope;
use crate::error::{ApiError, Code};
use crate::state::App;

const PATIENCE: Duration = Duration::from_millis(900);

/// `/health/live` and `/health/ready`. No key is asked for.
pub fn routes() -> Router<App> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(live, ready))]
pub struct Doc;

/// The process answers. Never touches the database: a restart would not mend it.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "Health",
    operation_id = "getLiveness",
    summary = "Whether the process answers",
    responses((status = 200, body = Health)),
)]
async fn live() -> Response {
    envelope::ok(Health { status: "live" })
}

/// The database answers in time and the server is not on its way down.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "Health",
    operation_id = "getReadiness",
    summary = "Whether the server can serve",
    responses((status = 200, body = Health)),
)]
async fn ready(State(app): State<App>) -> Result<Response, ApiError> {
    let unready = |why: &str| ApiError::new(Code::Unavailable, why);
    if app.is_stopping() {
        return Err(unready("the server is shutting down"));
    }
    match tokio::time::timeout(PATIENCE, app.core.reads.ping()).await {
        Ok(Ok(_)) => Ok(envelope::ok(Health { status: "ready" })),
        Ok(Err(_)) => Err(unready("the database cannot be reached")),
        Err(_) => Err(unready("the database does not answer in time")),
    }
}

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(value_type = String)]
    status: &'static str,
}
