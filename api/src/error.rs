//! Every error answer: the one place that decides status, code and message.
//!
//! Whatever goes wrong (a use case refuses, a body does not parse, a route does not exist, a handler panics) becomes
//! an [`ApiError`], and leaves as `{"success":false,"error":{"code","message","details"}}`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use interflow_application as app;
use interflow_application::{FieldError, Resource};
use serde::{Serialize, Serializer};

/// What went wrong, for programs. The catalogue is part of the contract (docs/api.md): codes are added, never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A field breaks a rule.
    ValidationError,
    /// The body is not JSON.
    InvalidJson,
    /// No key, or one that does not work.
    Unauthorized,
    /// The key lacks a scope.
    Forbidden,
    /// The key's workspace is suspended.
    WorkspaceSuspended,
    /// No such route, or no such resource in this workspace.
    NotFound,
    /// The route knows other methods.
    MethodNotAllowed,
    /// The caller took too long to send its request.
    RequestTimeout,
    /// The present state does not allow it.
    Conflict,
    /// The idempotency key came with another body before.
    IdempotencyKeyReused,
    /// The same idempotency key is being worked on.
    IdempotencyInFlight,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// The body is too large.
    PayloadTooLarge,
    /// The path and query are too long.
    UriTooLong,
    /// The body is of another media type.
    UnsupportedMediaType,
    /// The header fields are too many or too large.
    HeadersTooLarge,
    /// Too many requests.
    RateLimited,
    /// The channel is logged out or was never paired.
    ChannelNotConnected,
    /// No WhatsApp account has the number.
    NumberNotOnWhatsapp,
    /// A fault of ours.
    Internal,
    /// We cannot answer now.
    Unavailable,
}

impl Code {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 21] = [
        Self::InvalidJson,
        Self::Unauthorized,
        Self::Forbidden,
        Self::WorkspaceSuspended,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::ChannelNotConnected,
        Self::IdempotencyInFlight,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::ValidationError,
        Self::NumberNotOnWhatsapp,
        Self::IdempotencyKeyReused,
        Self::RateLimited,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Its name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ValidationError => "VALIDATION_ERROR",
            Self::InvalidJson => "INVALID_JSON",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::WorkspaceSuspended => "WORKSPACE_SUSPENDED",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::Conflict => "CONFLICT",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::IdempotencyInFlight => "IDEMPOTENCY_IN_FLIGHT",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UriTooLong => "URI_TOO_LONG",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::HeadersTooLarge => "HEADERS_TOO_LARGE",
            Self::RateLimited => "RATE_LIMITED",
            Self::ChannelNotConnected => "CHANNEL_NOT_CONNECTED",
            Self::NumberNotOnWhatsapp => "NUMBER_NOT_ON_WHATSAPP",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// What it says, in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ValidationError => "a field, header or parameter breaks a rule; `details` lists every one",
            Self::InvalidJson => "the body is not JSON",
            Self::Unauthorized => "no key, or one that is unknown, revoked or expired",
            Self::Forbidden => "the key lacks the scope",
            Self::WorkspaceSuspended => "the key's workspace is suspended",
            Self::NotFound => "no such route, or nothing of that id or name in this workspace",
            Self::MethodNotAllowed => "`Allow` lists what the route knows",
            Self::RequestTimeout => "the body stopped coming",
            Self::Conflict => {
                "the present state does not allow it, or others changed the same thing at the same time"
            }
            Self::IdempotencyKeyReused => "the idempotency key came with another body before",
            Self::IdempotencyInFlight => "the same request is being worked on",
            Self::PreconditionFailed => "`If-Match` names another version",
            Self::PayloadTooLarge => "the body is over the limit",
            Self::UriTooLong => "the path and query are over 8 KiB",
            Self::UnsupportedMediaType => "the body is not JSON in UTF-8, or is compressed",
            Self::HeadersTooLarge => "more than 100 header fields, or 32 KiB of them",
            Self::RateLimited => "the plan's requests of this minute are used up",
            Self::ChannelNotConnected => "the channel is logged out or was never paired",
            Self::NumberNotOnWhatsapp => "no WhatsApp account has the number",
            Self::Internal => "a fault of ours; the log has it under the `X-Request-Id`",
            Self::Unavailable => "the database, WhatsApp or the server's time is out of reach",
        }
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidJson => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::WorkspaceSuspended => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict | Self::IdempotencyInFlight | Self::ChannelNotConnected => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ValidationError | Self::IdempotencyKeyReused | Self::NumberNotOnWhatsapp => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    code: Code,
    message: String,
    details: Vec<FieldError>,
    cause: Option<String>,
}

impl ApiError {
    /// An error in general.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: sentence(message.into()), details: vec![], cause: None }
    }

    /// Fields, headers or query parameters that break rules, with the summary for people.
    pub fn invalid(message: impl Into<String>, details: Vec<FieldError>) -> Self {
        Self { details, ..Self::new(Code::ValidationError, message) }
    }

    /// A fault of ours. The caller is not told the cause; the log is, once.
    pub fn internal(cause: impl Into<String>) -> Self {
        let message =
            "Something went wrong on the server: its log tells more under the X-Request-Id of this answer";
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal, message) }
    }

    /// The time for a request is over.
    #[must_use]
    pub fn late(limit: Duration) -> Self {
        let message = format!(
            "The request was not answered within {} s. It may have been carried out all the same: \
             repeat it with the same Idempotency-Key",
            limit.as_secs()
        );
        Self::new(Code::Unavailable, message)
    }

    /// There is none, or none in this workspace.
    #[must_use]
    pub fn no_such(resource: Resource) -> Self {
        app::Error::NotFound(resource).into()
    }

    /// The fields, headers or query parameters that break rules.
    #[must_use]
    pub fn details(&self) -> &[FieldError] {
        &self.details
    }

    /// What it says to people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl From<app::Error> for ApiError {
    fn from(error: app::Error) -> Self {
        use app::Error as E;
        let text = error.to_string();
        match error {
            E::Invalid { message, fields } => Self::invalid(message, fields),
            E::NotFound(_) => Self::new(Code::NotFound, text),
            E::Forbidden(_) => Self::new(Code::Forbidden, text),
            E::Conflict(_) => Self::new(Code::Conflict, text),
            E::PreconditionFailed { .. } => Self::new(Code::PreconditionFailed, text),
            E::ChannelNotConnected => Self::new(Code::ChannelNotConnected, text),
            E::NumberNotOnWhatsApp => Self::new(Code::NumberNotOnWhatsapp, text),
            // Answered from what was recorded, where there was a key; without one nothing can be a repetition.
            E::Repeated(_) => Self::internal("a repeated command reached the edge"),
            E::Unavailable(_) | E::Fenced => Self::new(Code::Unavailable, text),
            E::Internal(_) => Self::internal(text),
        }
    }
}

impl From<app::log::LogError> for ApiError {
    fn from(error: app::log::LogError) -> Self {
        app::Error::from(error).into()
    }
}

/// What the access log says of an answer that is an error.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The code.
    pub code: Code,
    /// What the caller is not told.
    pub cause: Option<String>,
}

impl From<&ApiError> for Failure {
    fn from(error: &ApiError) -> Self {
        Self { code: error.code, cause: error.cause.clone() }
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    error: &'a ApiError,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'static str,
    message: &'a str,
    details: Vec<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    field: &'a str,
    message: &'a str,
}

/// As callers are told of it: in an answer that is an error, or in one that holds errors of its parts.
impl Serialize for ApiError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let details =
            self.details.iter().map(|detail| Detail { field: &detail.field, message: &detail.message });
        Body { code: self.code.name(), message: &self.message, details: details.collect() }
            .serialize(serializer)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let envelope = Envelope { success: false, error: &self };
        let mut response = (self.code.status(), Json(envelope)).into_response();
        let headers = response.headers_mut();
        match self.code {
            Code::Unauthorized => {
                headers
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"interflow\""));
            }
            Code::Unavailable | Code::IdempotencyInFlight => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        let extensions = response.extensions_mut();
        extensions.insert(Failure::from(&self));
        extensions.insert(self);
        response
    }
}

/// With a capital letter, as the reference prints messages.
fn sentence(text: String) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if first.is_lowercase() => first.to_uppercase().chain(characters).collect(),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
