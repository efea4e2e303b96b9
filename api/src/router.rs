//! Every route, and what surrounds them all.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use interflow_domain::workspace::Scope;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::{ApiError, Code};
use crate::state::App;
use crate::{auth, health, idempotency, layers, rest};

/// The whole HTTP face.
pub fn router(app: App) -> Router {
    let guard = Guard(&app);
    Router::new()
        .merge(health::routes())
        .nest("/v1", rest::v1::routes(guard))
        .nest("/api/whatsapp", rest::whatsapp::routes(guard))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(layers::leftover))
        .layer(from_fn_with_state(app.clone(), layers::timeout))
        .layer(CatchPanicLayer::custom(layers::answer_panic))
        .layer(from_fn(layers::access_log))
        .layer(from_fn_with_state(app.clone(), layers::request_id))
        .with_state(app)
}

/// Puts the door in front of a route.
#[derive(Clone, Copy)]
pub struct Guard<'a>(&'a App);

impl Guard<'_> {
    /// A route that reads: asks for a key with the scope.
    pub fn reads(self, scope: Scope, route: MethodRouter<App>) -> MethodRouter<App> {
        route.route_layer(from_fn_with_state((self.0.clone(), scope), auth::require))
    }

    /// A route that writes: asks for a key with the scope, and repeats no command.
    pub fn writes(self, scope: Scope, route: MethodRouter<App>) -> MethodRouter<App> {
        self.reads(scope, route.route_layer(from_fn_with_state(self.0.clone(), idempotency::once)))
    }
}

async fn no_route() -> Response {
    ApiError::new(Code::NotFound, "There is no such route").into_response()
}

async fn no_method() -> Response {
    ApiError::new(
        Code::MethodNotAllowed,
        "This route does not know the method; the Allow header names those it knows",
    )
    .into_response()
}
