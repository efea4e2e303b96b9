//! A handler that panics answers like any other fault of ours, and the server goes on.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// The answer of a handler that panicked.
#[must_use]
pub fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    ApiError::internal("the handler panicked; the log line before tells where").into_response()
}

/// Logs panics by their place alone: their text may hold what a customer wrote.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(place, thread = thread.name().unwrap_or("unnamed"), "panic");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    #[tokio::test]
    async fn a_handler_that_panics_answers_in_the_envelope_and_tells_nothing() {
        async fn panics() {
            panic!("Ana's number is 5511988887777");
        }
        let app = Router::new().route("/", get(panics)).layer(CatchPanicLayer::custom(answer_panic));
        let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), 500);
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            body.starts_with(r#"{"success":false,"error":{"code":"INTERNAL""#) && !body.contains("Ana"),
            "{body}"
        );
    }
}
