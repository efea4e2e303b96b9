//! `Idempotency-Key`: a repeated request gets the first answer and changes nothing.
//!
//! The edge's part of it (the rest is told in `interflow_application`'s module of the same name):
//! 1. the key, made unique for workspace, method and path, becomes the command's id, which rides in the append;
//! 2. a twin that is being worked on here is refused; one on another server loses the race for the append and finds
//!    there what the winner made;
//! 3. an answer that is kept is given again, byte for byte; a command that is recorded without one (a crash came
//!    between) is not run again: the handler renders what it made ([`crate::extract::Call::once`]);
//! 4. the answer of a success is kept. Of a refusal nothing is, so the caller may mend the request and come again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use interflow_application::{Answer, Command, RecordedCommand, ResourceRef};
use interflow_domain::WorkspaceId;
use sha2::{Digest, Sha256};

use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::extract::{BodyLimit, idempotency_key, read_body, reused};
use crate::state::App;

/// How long a repetition is recognised.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// Says that an answer is of a request that was carried out before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What the same command made before, when its answer is not known any more.
#[derive(Debug, Clone, Copy)]
pub struct Earlier(pub ResourceRef);

/// A command's id.
pub type CommandId = [u8; 32];

/// The commands that are being worked on in this process.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<CommandId>>>);

/// Holds a command's place among those in flight.
pub struct Place {
    in_flight: InFlight,
    id: CommandId,
}

impl InFlight {
    fn enter(&self, id: CommandId) -> Option<Place> {
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        entered.then(|| Place { in_flight: self.clone(), id })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Answers a repeated request, and keeps the answer of one that is not.
pub async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = match idempotency_key(request.headers()) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    keyed(&app, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn keyed(app: &App, key: &str, request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = request.extensions().get::<Caller>().copied();
    let workspace = caller.ok_or_else(|| ApiError::internal("a route asks for no key"))?.workspace;
    let id = command_id(workspace, request.method().as_str(), request.uri().path(), key);
    let _place = enter(app, id)?;

    let (mut parts, body) = request.into_parts();
    let head = Request::from_parts(parts.clone(), body);
    let body = read_body(head, BodyLimit::of(&parts.extensions, app)).await?;
    let request_hash: [u8; 32] = Sha256::digest(&body).into();
    let Begun { command, recorded } = begin(app, workspace, id, request_hash).await?;
    match recorded {
        Some(RecordedCommand { answer: Some(answer), .. }) => return Ok(replay(answer)),
        Some(recorded) => drop(parts.extensions.insert(Earlier(recorded.resource))),
        None => {}
    }
    parts.extensions.insert(command);

    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    keep(app, workspace, &id, response).await
}

/// The command's place, unless its twin is being worked on here.
pub fn enter(app: &App, id: CommandId) -> Result<Place, ApiError> {
    app.in_flight.enter(id).ok_or_else(|| {
        ApiError::new(Code::IdempotencyInFlight, "A request with this Idempotency-Key is being worked on")
    })
}

/// A command that is to be carried out, and what is recorded of it when it was before.
pub struct Begun {
    /// The command.
    pub command: Command,
    /// What is recorded of it.
    pub recorded: Option<RecordedCommand>,
}

/// Looks whether a command was carried out before, for the same request.
pub async fn begin(
    app: &App,
    workspace: WorkspaceId,
    id: CommandId,
    request_hash: [u8; 32],
) -> Result<Begun, ApiError> {
    let recorded = app.answers.find(workspace, &id).await?;
    if recorded.as_ref().is_some_and(|recorded| recorded.request_hash != request_hash) {
        return Err(reused());
    }
    let expires_at = app.core.clock.now() + KEPT_FOR;
    Ok(Begun { command: Command { id, request_hash, expires_at }, recorded })
}

/// SHA-256 of workspace, method, path and key; none of the first three can hold the separator.
#[must_use]
pub fn command_id(workspace: WorkspaceId, method: &str, path: &str, key: &str) -> CommandId {
    Sha256::digest(format!("{workspace}\n{method}\n{path}\n{key}")).into()
}

async fn keep(
    app: &App,
    workspace: WorkspaceId,
    id: &CommandId,
    response: Response,
) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| ApiError::internal(error.to_string()))?;
    let headers = [header::ETAG, header::LOCATION].into_iter().filter_map(|name| {
        let value = parts.headers.get(&name)?.to_str().ok()?.to_owned();
        Some((name.to_string(), value))
    });
    let answer = Answer { status: parts.status.as_u16(), headers: headers.collect(), body: body.to_vec() };
    // The change is durable, so the caller hears of it; without the kept answer a repetition is rendered anew.
    if let Err(error) = app.answers.keep(workspace, id, answer).await {
        tracing::warn!(%error, "an answer could not be kept for repetitions");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: Answer) -> Response {
    let mut response = HttpResponse::new(Body::from(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_s_id_depends_on_all_four() {
        let (one, two) =
            (WorkspaceId::new(uuid::Uuid::from_u128(1)), WorkspaceId::new(uuid::Uuid::from_u128(2)));
        let ids: HashSet<CommandId> = [
            command_id(one, "POST", "/v1/customers", "k"),
            command_id(two, "POST", "/v1/customers", "k"),
            command_id(one, "PUT", "/v1/customers", "k"),
            command_id(one, "POST", "/v1/chats", "k"),
            command_id(one, "POST", "/v1/customers", "l"),
        ]
        .into_iter()
        .collect();
        assert_eq!(ids.len(), 5);
    }

    #[test]
    fn a_place_is_taken_once_and_free_again_when_left() {
        let in_flight = InFlight::default();
        let place = in_flight.enter([1; 32]).unwrap();
        assert!(in_flight.enter([1; 32]).is_none());
        assert!(in_flight.enter([2; 32]).is_some());
        drop(place);
        assert!(in_flight.enter([1; 32]).is_some());
    }

    #[test]
    fn a_replay_is_the_first_answer_and_says_so() {
        let answer = Answer {
            status: 201,
            headers: vec![("location".to_owned(), "/v1/customers/cus_1".to_owned())],
            body: b"{}".to_vec(),
        };
        let response = replay(answer);
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["location"], "/v1/customers/cus_1");
        assert_eq!(response.headers()["idempotency-replayed"], "true");
    }
}
