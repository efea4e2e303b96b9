//! Errors as GraphQL has them: `{"message","locations","path","extensions":{"code","details"}}`, with the codes of the
//! catalogue. Arguments are spelled as the schema spells them.

use std::convert::Infallible;
use std::sync::Arc;

use async_graphql::{Error, ErrorExtensionValues, Response as Answer, ServerError, SimpleObject, Value};
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use interflow_application::FieldError;
use serde::Serialize;

use crate::error::{ApiError, Code, Failure};
use crate::state::App;

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let (message, extensions) = (spelled(error.message()), extensions(&error));
        Self { message, source: Some(Arc::new(error)), extensions: Some(extensions) }
    }
}

fn extensions(error: &ApiError) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", error.code().name());
    let details: Vec<Value> = error
        .details()
        .iter()
        .map(|detail| {
            let parts = [("field", argument(&detail.field)), ("message", spelled(&detail.message))];
            Value::Object(
                parts.into_iter().map(|(name, text)| (async_graphql::Name::new(name), text.into())).collect(),
            )
        })
        .collect();
    if !details.is_empty() {
        extensions.set("details", Value::List(details));
    }
    extensions
}

/// How many errors an answer has that has nothing else: whoever wrote the query needs no more to see what is wrong.
const MOST: usize = 50;

/// How long a message of the schema's own may be, in characters: some repeat the document.
const BRIEF: usize = 500;

/// A message that repeats no more than a little of a document.
pub fn brief(message: &str) -> String {
    match message.char_indices().nth(BRIEF) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// An error of one of many, told beside the others.
#[derive(SimpleObject)]
pub struct Refusal {
    /// One of the codes of the catalogue.
    code: String,
    /// What is wrong, for people.
    message: String,
    /// Every field that is wrong.
    details: Vec<RefusalDetail>,
}

/// A field that is wrong.
#[derive(SimpleObject)]
pub struct RefusalDetail {
    /// Which.
    field: String,
    /// What is wrong with it.
    message: String,
}

impl From<&ApiError> for Refusal {
    fn from(error: &ApiError) -> Self {
        let detail = |detail: &FieldError| RefusalDetail {
            field: argument(&detail.field),
            message: spelled(&detail.message),
        };
        Self {
            code: error.code().name().to_owned(),
            message: spelled(error.message()),
            details: error.details().iter().map(detail).collect(),
        }
    }
}

/// Gives a code to what the schema itself refused, and says what the access log is to tell of the answer.
pub fn complete(answer: &mut Answer) -> Option<Failure> {
    if answer.data == Value::Null {
        answer.errors.truncate(MOST);
    }
    let mut worst = None;
    for error in &mut answer.errors {
        let failure = match error.source::<ApiError>() {
            Some(known) => Failure::from(known),
            // A stream that ends says why itself.
            None if error.extensions.as_ref().is_some_and(|known| known.get("code").is_some()) => continue,
            None => {
                error.message = brief(&error.message);
                let code = Code::ValidationError;
                error.extensions.get_or_insert_default().set("code", code.name());
                Failure { code, cause: None }
            }
        };
        if worst.as_ref().is_none_or(|worst: &Failure| gravity(failure.code) > gravity(worst.code)) {
            worst = Some(failure);
        }
    }
    worst
}

/// An error of everything around the schema, as GraphQL tells errors.
pub fn server_error(error: ApiError) -> ServerError {
    let Error { message, source, extensions } = error.into();
    ServerError { source, extensions, ..ServerError::new(message, None) }
}

/// An error with a code of the protocol's own.
pub fn coded(code: &str, message: &str) -> ServerError {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    ServerError { extensions: Some(extensions), ..ServerError::new(message, None) }
}

/// A fault of ours must not hide behind a caller's.
const fn gravity(code: Code) -> u8 {
    match code {
        Code::Internal => 2,
        Code::Unavailable => 1,
        _ => 0,
    }
}

/// The media types of answers.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const GRAPHQL_JSON: HeaderValue = HeaderValue::from_static("application/graphql-response+json");

/// In which of them a caller wants the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// As GraphQL over HTTP has it: the status tells of a request that was not carried out.
    GraphqlJson,
    /// As it was before: what the schema says is a 200.
    Json,
}

impl Accepts {
    pub fn of(headers: &HeaderMap) -> Self {
        let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut names = ranges
            .flat_map(|ranges| ranges.split(','))
            .map(|range| range.split(';').next().unwrap_or_default());
        if names.any(|name| name.trim().eq_ignore_ascii_case("application/graphql-response+json")) {
            Self::GraphqlJson
        } else {
            Self::Json
        }
    }

    pub const fn content_type(self) -> HeaderValue {
        match self {
            Self::GraphqlJson => GRAPHQL_JSON,
            Self::Json => JSON,
        }
    }
}

impl FromRequestParts<App> for Accepts {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[derive(Serialize)]
struct Refused {
    errors: [ServerError; 1],
}

/// Errors of everything around the schema (no key, a broken body, a time-out) are told as GraphQL tells errors.
pub async fn speak(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/graphql" && !path.starts_with("/graphql/") {
        return next.run(request).await;
    }
    let accepts = Accepts::of(request.headers());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let body = serde_json::to_vec(&Refused { errors: [server_error(error)] }).unwrap_or_default();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, accepts.content_type());
    *response.body_mut() = Body::from(body);
    response
}

/// The name of an argument, of the field it has in REST: `channel_id` is `channelId`. What a caller chose itself, the
/// names of headers, stays.
fn argument(field: &str) -> String {
    if field.starts_with("headers.") {
        return field.to_owned();
    }
    let mut spelled = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        match character {
            '_' => spelled.extend(characters.next().map(|next| next.to_ascii_uppercase())),
            _ => spelled.push(character),
        }
    }
    spelled
}

/// A message, with the fields that it quotes spelled as arguments.
fn spelled(message: &str) -> String {
    let is_field = |text: &str| {
        text.contains('_')
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_[]".contains(c))
    };
    let pieces = message.split('\'').enumerate();
    let pieces =
        pieces.map(
            |(index, piece)| {
                if index % 2 == 1 && is_field(piece) { argument(piece) } else { piece.to_owned() }
            },
        );
    pieces.collect::<Vec<_>>().join("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_spelled_as_arguments_and_what_else_is_quoted_stays() {
        let of = |field: &str| argument(field);
        assert_eq!(
            (of("channel_id"), of("email"), of("messages[0].reply_to")),
            ("channelId".to_owned(), "email".to_owned(), "messages[0].replyTo".to_owned())
        );
        assert_eq!(of("headers.x_y"), "headers.x_y");
        assert_eq!(
            spelled("The 'channel_id' field must not be 'message.read_up' or \"a_b\""),
            "The 'channelId' field must not be 'message.read_up' or \"a_b\""
        );
    }

    #[test]
    fn the_newer_media_type_is_answered_to_those_who_name_it() {
        let accepts = |value: &'static str| {
            Accepts::of(&[(header::ACCEPT, HeaderValue::from_static(value))].into_iter().collect())
        };
        assert_eq!(Accepts::of(&HeaderMap::new()), Accepts::Json);
        assert_eq!(accepts("*/*"), Accepts::Json);
        assert_eq!(
            accepts("application/json, application/graphql-response+json;q=0.9"),
            Accepts::GraphqlJson
        );
    }
}
