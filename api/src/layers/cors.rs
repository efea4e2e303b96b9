//! Pages of other origins that call from a browser: those that the operator names, none by default.
//!
//! A preflight is answered here, without a key: a browser sends none with it. Cookies are never used, so there are no
//! credentials to allow; a page that has a key puts it into a header.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use crate::config::Origin;

/// How long a browser may remember a preflight's answer; browsers cap it at two hours or less.
const REMEMBERED_FOR: Duration = Duration::from_secs(7200);

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
const ASKED: [HeaderName; 8] = [
    header::AUTHORIZATION,
    HeaderName::from_static("apikey"),
    header::CONTENT_TYPE,
    header::ACCEPT,
    HeaderName::from_static("idempotency-key"),
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("x-request-id"),
];
const ANSWERED: [HeaderName; 7] = [
    HeaderName::from_static("x-request-id"),
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    HeaderName::from_static("idempotency-replayed"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// The layer for these origins; none when there are none.
#[must_use]
pub fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    let named = origins.iter().filter_map(|origin| HeaderValue::try_from(origin.as_str()).ok());
    let allowed = match origins {
        [] => return None,
        any if any.iter().any(Origin::is_any) => AllowOrigin::any(),
        _ => AllowOrigin::list(named),
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::list(ASKED))
        .expose_headers(ExposeHeaders::list(ANSWERED))
        .max_age(REMEMBERED_FOR);
    Some(layer)
}
