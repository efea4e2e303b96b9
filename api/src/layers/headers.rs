//! What every answer tells browsers and caches.
//!
//! - `X-Content-Type-Options: nosniff`: it is what its `Content-Type` says;
//! - `Content-Security-Policy`: it may not be framed, and what is no page loads nothing;
//! - `Referrer-Policy: no-referrer`: ids in its address are nobody else's business;
//! - `Cache-Control`: an answer is its caller's alone; a reader may keep it and ask again with its `ETag`, and what
//!   answers a write, which may hold a secret, is kept nowhere;
//! - `Strict-Transport-Security`, where the operator says that there is TLS in front.
//!
//! A handler that knows better (a page, a secret that is read) has said so in its answer; that stays.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::App;

const UNFRAMED: HeaderValue = HeaderValue::from_static("frame-ancestors 'none'");
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const REVALIDATED: HeaderValue = HeaderValue::from_static("private, no-cache");
const KEPT_NOWHERE: HeaderValue = HeaderValue::from_static("no-store");

/// Adds them to the answer.
pub async fn headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    let reads = reads && !response.status().is_server_error();
    add(response.headers_mut(), reads, app.settings.hsts_max_age);
    response
}

fn add(headers: &mut HeaderMap, reads: bool, hsts_max_age: Duration) {
    let kind = headers.get(header::CONTENT_TYPE);
    let page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let mut unless_said = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    unless_said(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    unless_said(header::CONTENT_SECURITY_POLICY, if page { UNFRAMED } else { NO_PAGE });
    unless_said(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    unless_said(header::CACHE_CONTROL, if reads { REVALIDATED } else { KEPT_NOWHERE });
    if !hsts_max_age.is_zero()
        && let Ok(value) = HeaderValue::try_from(format!("max-age={}", hsts_max_age.as_secs()))
    {
        unless_said(header::STRICT_TRANSPORT_SECURITY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(kind: &'static str, reads: bool, hsts: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        add(&mut headers, reads, Duration::from_secs(hsts));
        headers
    }

    #[test]
    fn an_answer_is_not_framed_not_sniffed_and_its_callers_alone() {
        let headers = added("application/json", true, 0);
        assert_eq!(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "private, no-cache");
        assert!(!headers.contains_key("strict-transport-security"));
        assert_eq!(added("application/json", false, 0)["cache-control"], "no-store");
    }

    #[test]
    fn a_page_loads_what_it_needs_and_is_not_framed_either() {
        assert_eq!(
            added("text/html; charset=utf-8", true, 0)["content-security-policy"],
            "frame-ancestors 'none'"
        );
    }

    #[test]
    fn browsers_are_held_to_tls_only_where_the_operator_says_so() {
        assert_eq!(added("application/json", true, 3600)["strict-transport-security"], "max-age=3600");
    }

    #[test]
    fn what_a_handler_said_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        add(&mut headers, true, Duration::ZERO);
        assert_eq!(headers["cache-control"], "no-store");
    }
}
