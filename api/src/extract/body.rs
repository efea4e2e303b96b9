//! JSON bodies: bounded, of the right media type, well formed, and read field by field.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{Extensions, HeaderMap, header};
use serde_json::Value;
use tokio::time::timeout;

use super::form::{Form, FromForm};
use crate::error::{ApiError, Code};
use crate::state::App;

/// How long the next part of a body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest body a route takes, in bytes. Set where the route is declared ([`crate::router::Guard::taking`]).
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// That of the route of a request.
    #[must_use]
    pub fn of(extensions: &Extensions, app: &App) -> usize {
        extensions.get::<Self>().map_or(app.settings.body_limit, |limit| limit.0)
    }
}

/// What a handler takes from the body.
pub struct Body<T>(pub T);

impl<T: FromForm> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let unsupported = |what: &str| Err(ApiError::new(Code::UnsupportedMediaType, what));
        if !is_json(request.headers()) {
            return unsupported("The body must be JSON in UTF-8: send 'Content-Type: application/json'");
        }
        if is_encoded(request.headers()) {
            return unsupported("The body must not be compressed: send no 'Content-Encoding'");
        }
        let limit = BodyLimit::of(request.extensions(), app);
        let body = read_body(request, limit).await?;
        Form::read(object(&body)?).map(Self)
    }
}

/// A missing `Content-Type` is taken for JSON: the Flowcore reference prints requests without one. JSON is UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    let value = value.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let foreign = |part: &str| {
        part.strip_prefix("charset=").is_some_and(|name| !matches!(name.trim_matches('"'), "utf-8" | "utf8"))
    };
    (essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")))
        && !parts.any(foreign)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn object(body: &[u8]) -> Result<serde_json::Map<String, Value>, ApiError> {
    let invalid = |what: String| ApiError::new(Code::InvalidJson, what);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(invalid("The body is empty: a JSON object is expected".to_owned()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::invalid("The body must be a JSON object", vec![])),
        Err(error) => Err(invalid(format!("The body is not valid JSON: {error}"))),
    }
}

/// The whole body, at most `limit` bytes of it.
pub async fn read_body(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    if request.body().size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let (mut body, mut read) = (pin!(request.into_body()), Vec::new());
    loop {
        let frame = timeout(PATIENCE, poll_fn(|context| body.as_mut().poll_frame(context))).await;
        let Some(frame) = frame.map_err(|_| stalled())? else { return Ok(read.into()) };
        let Ok(data) = frame.map_err(|_| incomplete())?.into_data() else { continue };
        if read.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        read.extend_from_slice(&data);
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!("The body is larger than the {limit} bytes that are allowed"),
    )
}

fn incomplete() -> ApiError {
    ApiError::new(Code::InvalidJson, "The body ended before it was complete")
}

fn stalled() -> ApiError {
    ApiError::new(Code::RequestTimeout, "The rest of the body did not come in time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body as HttpBody;

    fn typed(content_type: &'static str) -> HeaderMap {
        [(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type))].into_iter().collect()
    }

    #[test]
    fn json_is_taken_under_its_names_and_without_one() {
        assert!(is_json(&HeaderMap::new()));
        for name in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/vnd.api+json",
        ] {
            assert!(is_json(&typed(name)), "{name}");
        }
        for name in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "text/json",
            "",
            "application/jsonx",
            "application/json; charset=iso-8859-1",
        ] {
            assert!(!is_json(&typed(name)), "{name}");
        }
    }

    #[test]
    fn broken_json_is_told_with_its_line_and_column() {
        let error = object(b"{\n  \"a\": 1,\n  b").unwrap_err();
        assert_eq!(error.code(), Code::InvalidJson);
        assert!(format!("{error:?}").contains("line 3 column 3"), "{error:?}");
    }

    #[test]
    fn an_empty_body_is_no_json_and_a_list_no_object() {
        assert_eq!(object(b" \n").unwrap_err().code(), Code::InvalidJson);
        assert_eq!(object(b"[]").unwrap_err().code(), Code::ValidationError);
        assert_eq!(object(b"\"\xff\"").unwrap_err().code(), Code::InvalidJson);
        assert_eq!(object("[".repeat(10_000).as_bytes()).unwrap_err().code(), Code::InvalidJson);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_one_at_it_is_not() {
        let request = |size: usize| Request::new(HttpBody::from(vec![b' '; size]));
        assert_eq!(read_body(request(100), 100).await.unwrap().len(), 100);
        assert_eq!(read_body(request(101), 100).await.unwrap_err().code(), Code::PayloadTooLarge);
    }
}
