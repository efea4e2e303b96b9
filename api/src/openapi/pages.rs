//! `/openapi.json`, and `/docs`: Swagger UI, from this very server. Neither needs a key.
//!
//! The page runs the scripts and styles that are in this binary and talks to this server alone; that is what its
//! `Content-Security-Policy` says, so no script of anybody else's sees a key that is typed into it.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::App;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document and the page.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/docs", get(page))
        .route("/docs/swagger-ui.css", get(styles))
        .route("/docs/swagger-ui-bundle.js", get(bundle))
        .route("/docs/start.js", get(start))
}

static PRINTED: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", super::document()));

async fn document() -> Response {
    served("application/json", PRINTED.as_str())
}

async fn page() -> Response {
    let page = served("text/html; charset=utf-8", include_str!("swagger/index.html"));
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
}

async fn styles() -> Response {
    served("text/css; charset=utf-8", include_str!("swagger/swagger-ui.css"))
}

async fn bundle() -> Response {
    served("text/javascript; charset=utf-8", include_str!("swagger/swagger-ui-bundle.js"))
}

async fn start() -> Response {
    served("text/javascript; charset=utf-8", include_str!("swagger/start.js"))
}

/// It changes with the server's version alone, and holds nothing of anybody's.
fn served(kind: &'static str, body: &'static str) -> Response {
    const KEPT: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");
    ([(header::CONTENT_TYPE, kind), KEPT], body).into_response()
}
