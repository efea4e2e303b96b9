//! One line a request. It holds the route as we wrote it, never as the caller filled it in: names and ids in paths,
//! bodies and headers stay out of the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::RequestId;
use crate::auth::Caller;
use crate::error::{Code, Failure};

/// Logs the request once it is answered; a fault of ours as an error, with its cause.
pub async fn access_log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = id);
    let response = next.run(request).instrument(span).await;

    let status = response.status().as_u16();
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let caller = response.extensions().get::<Caller>();
    let workspace = caller.map(|caller| tracing::field::display(caller.workspace));
    let key = caller.map(|caller| tracing::field::display(caller.key));
    let failure = response.extensions().get::<Failure>();
    let code = failure.map(|failure| failure.code.name());
    match failure {
        Some(Failure { code: Code::Internal, cause }) => {
            let cause = cause.as_deref().unwrap_or("unknown");
            tracing::error!(%method, route, status, elapsed_ms, request_id = id, workspace, key, code, cause, "request failed");
        }
        Some(Failure { code: Code::Unavailable, .. }) => {
            tracing::warn!(%method, route, status, elapsed_ms, request_id = id, workspace, key, code, "request not served");
        }
        _ if route.starts_with("/health/") => {
            tracing::debug!(%method, route, status, elapsed_ms, request_id = id, "health asked");
        }
        _ => {
            tracing::info!(%method, route, status, elapsed_ms, request_id = id, workspace, key, code, "request")
        }
    }
    response
}
