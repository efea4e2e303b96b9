//! `/graphiql`: GraphiQL, from this very server, where the operator leaves it on. It needs no key; what it asks does.
//!
//! The page runs the scripts and styles that are in this binary and talks to this server alone; that is what its
//! `Content-Security-Policy` says, so no script of anybody else's sees a key that is typed into it.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::App;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The page and what it runs.
pub fn routes() -> Router<App> {
    let script = |text: &'static str| get(move || async move { served(JAVASCRIPT, text) });
    let styles = || async { served("text/css; charset=utf-8", include_str!("graphiql/graphiql.min.css")) };
    Router::new()
        .route("/graphiql", get(page))
        .route("/graphiql/start.js", script(include_str!("graphiql/start.js")))
        .route("/graphiql/graphiql.min.js", script(include_str!("graphiql/graphiql.min.js")))
        .route("/graphiql/graphql-ws.min.js", script(include_str!("graphiql/graphql-ws.min.js")))
        .route("/graphiql/react.production.min.js", script(include_str!("graphiql/react.production.min.js")))
        .route(
            "/graphiql/react-dom.production.min.js",
            script(include_str!("graphiql/react-dom.production.min.js")),
        )
        .route("/graphiql/graphiql.min.css", get(styles))
}

async fn page() -> Response {
    let page = served("text/html; charset=utf-8", include_str!("graphiql/index.html"));
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
}

/// It changes with the server's version alone, and holds nothing of anybody's.
fn served(kind: &'static str, body: &'static str) -> Response {
    const KEPT: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");
    ([(header::CONTENT_TYPE, kind), KEPT], body).into_response()
}
