//! How large a request's head may be. Whoever comes with more than the socket takes ([`crate::server`]) is cut off
//! there, with a bare 431; up to that it is answered like every other mistake.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, Code};

/// The longest path and query, in bytes.
const URI_BYTES: usize = 8 * 1024;
/// The most header fields.
const FIELDS: usize = 100;
/// The most that their names and values come to, in bytes.
const FIELD_BYTES: usize = 32 * 1024;

/// Refuses heads that are too large.
pub async fn heads(request: Request, next: Next) -> Response {
    let uri = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if uri > URI_BYTES {
        let message = format!("The path and query are longer than the {URI_BYTES} bytes that are allowed");
        return ApiError::new(Code::UriTooLong, message).into_response();
    }
    if is_too_large(request.headers()) {
        let message = format!(
            "The header fields are more than the {FIELDS}, or larger than the {FIELD_BYTES} bytes, that are allowed"
        );
        return ApiError::new(Code::HeadersTooLarge, message).into_response();
    }
    next.run(request).await
}

fn is_too_large(headers: &HeaderMap) -> bool {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    headers.len() > FIELDS || bytes > FIELD_BYTES
}
