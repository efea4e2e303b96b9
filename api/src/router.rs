//! Every route, and what surrounds them all.

use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use interflow_domain::workspace::Scope;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::{ApiError, Code};
use crate::extract::BodyLimit;
use crate::state::App;
use crate::{auth, graphql, health, idempotency, layers, openapi, rest};

/// The whole HTTP face.
pub fn router(app: App) -> Router {
    let guard = Guard { app: &app, body_limit: app.settings.body_limit };
    let router = Router::new()
        .merge(health::routes())
        .merge(openapi::routes())
        .nest("/v1", rest::v1::routes(guard))
        .nest("/api/whatsapp", rest::whatsapp::routes(guard))
        .merge(graphql::routes(guard))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(layers::leftover))
        .layer(from_fn_with_state(app.clone(), layers::timeout))
        .layer(from_fn(layers::heads))
        .layer(CatchPanicLayer::custom(layers::answer_panic))
        .layer(from_fn(graphql::speak))
        .layer(from_fn_with_state(app.clone(), layers::headers));
    let router = match layers::cors(&app.settings.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .layer(layers::compression())
        .layer(from_fn(layers::access_log))
        .layer(from_fn_with_state(app.clone(), layers::client))
        .layer(from_fn_with_state(app.clone(), layers::request_id))
        .with_state(app)
}

/// Puts the door in front of a route: what a caller needs to get in, and how much it may bring.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    app: &'a App,
    body_limit: usize,
}

impl Guard<'_> {
    /// The same guard for routes that take bodies of up to so many bytes.
    #[must_use]
    pub const fn taking(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// A route that reads: asks for a key with the scope.
    pub fn reads(self, scope: Scope, route: MethodRouter<App>) -> MethodRouter<App> {
        self.asks_for(Some(scope), route)
    }

    /// A route that reads what every key may: asks for a key.
    pub fn reads_for_any_key(self, route: MethodRouter<App>) -> MethodRouter<App> {
        self.asks_for(None, route)
    }

    /// A route that writes: asks for a key with the scope, and repeats no command.
    pub fn writes(self, scope: Scope, route: MethodRouter<App>) -> MethodRouter<App> {
        let once = from_fn_with_state(self.app.clone(), idempotency::once);
        self.reads(scope, route.route_layer(once).route_layer(Extension(BodyLimit(self.body_limit))))
    }

    /// Whether the operator wants GraphiQL.
    pub fn serves_graphiql(self) -> bool {
        self.app.settings.graphiql
    }

    /// What takes the requests of a route that want to become a socket, before anybody asks them for a key.
    pub fn takes_sockets(self, route: MethodRouter<App>) -> MethodRouter<App> {
        route.route_layer(from_fn_with_state(self.app.clone(), graphql::sockets))
    }

    fn asks_for(self, scope: Option<Scope>, route: MethodRouter<App>) -> MethodRouter<App> {
        route.route_layer(from_fn_with_state((self.app.clone(), scope), auth::require))
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
