//! GraphQL over a WebSocket at `/graphql`, by the protocol `graphql-transport-ws`: subscriptions, and whatever else can
//! be asked.
//!
//! Cast:
//! - [`greeting`] finds the key that a client shows;
//! - a [`session::Session`] is a socket from its first word to its last: it starts operations, passes on what they
//!   say, and looks after the client and its key;
//! - [`operation`] carries one request out;
//! - [`message`] has what is said, and every reason to close.

mod greeting;
mod message;
mod operation;
mod session;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::http::BODY_LIMIT;
use crate::auth::admit;
use crate::error::ApiError;
use crate::state::App;
use greeting::Visitor;
use message::{Close, PROTOCOL};
pub use operation::Progress;
use session::Session;

/// What a socket keeps to read into and to write from: thousands are open, and most are quiet.
const BUFFER_BYTES: usize = 4 * 1024;

/// Takes requests that want to become a socket; others go on.
pub async fn sockets(State(app): State<App>, request: Request, next: Next) -> Response {
    let upgrade = request.headers().get(header::UPGRADE);
    let is_socket = request.method() == Method::GET
        && upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if is_socket { open(app, request).await } else { next.run(request).await }
}

async fn open(app: App, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let visitor = Visitor::of(&parts);
    // A key that does not work is refused before there is a socket. One may also be shown later.
    if !visitor.shown.is_empty()
        && let Err(refused) = admit(&app, &visitor.shown).await
    {
        return refused;
    }
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &app).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return ApiError::invalid(format!("No WebSocket: {refused}"), vec![]).into_response(),
    };
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(BODY_LIMIT)
        .max_frame_size(BODY_LIMIT);
    let tracked = app.streams.sockets.token();
    let mut response = upgrade.on_upgrade(move |socket| async move {
        serve(app, socket, visitor).await;
        drop(tracked);
    });
    // How the client spells the names of headers is among them, and the answer is spelled alike: the Python package gql
    // looks for `Sec-WebSocket-Protocol` to the letter.
    response.extensions_mut().extend(parts.extensions);
    response
}

async fn serve(app: App, mut socket: WebSocket, visitor: Visitor) {
    if socket.protocol().map(HeaderValue::as_bytes) == Some(PROTOCOL.as_bytes()) {
        Session::new(app, socket, visitor).run().await;
    } else {
        drop(socket.send(axum::extract::ws::Message::Close(Some(Close::other_protocol().into()))).await);
    }
}

/// The error that a request was refused with.
fn refusal(refused: Response) -> ApiError {
    let known = refused.extensions().get::<ApiError>().cloned();
    known.unwrap_or_else(|| ApiError::internal("a request was refused without an error"))
}
