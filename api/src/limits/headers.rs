//! `RateLimit-Policy`, `RateLimit` (draft-ietf-httpapi-ratelimit-headers) and `Retry-After`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use interflow_application::limits::{Standing, WINDOW};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Whether an answer says already where its key stands.
pub fn are_written(headers: &HeaderMap) -> bool {
    headers.contains_key(LIMIT)
}

/// Writes where a key stands; for one that was refused, when to come again.
pub fn write(headers: &mut HeaderMap, quota: u32, standing: Standing) {
    let wait = seconds(standing.resets_in);
    let lines = [
        (POLICY, format!("\"default\";q={quota};w={}", WINDOW.as_secs())),
        (LIMIT, format!("\"default\";r={};t={wait}", standing.remaining)),
    ];
    for (name, line) in lines {
        if let Ok(value) = HeaderValue::try_from(line) {
            headers.insert(name, value);
        }
    }
    if !standing.admitted {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
}

/// Whole seconds, at least one, so that whoever waits that long does not come too early.
#[must_use]
pub fn seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(standing: Standing) -> HeaderMap {
        let mut headers = HeaderMap::new();
        write(&mut headers, 300, standing);
        headers
    }

    #[test]
    fn an_admitted_request_is_told_what_is_left_and_a_refused_one_when_to_come_again() {
        let resets_in = Duration::from_millis(17_100);
        let headers = written(Standing { admitted: true, remaining: 42, resets_in });
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=300;w=60");
        assert_eq!(headers["ratelimit"], "\"default\";r=42;t=18");
        assert!(!headers.contains_key("retry-after"));
        let headers = written(Standing { admitted: false, remaining: 0, resets_in });
        assert_eq!(
            (&headers["ratelimit"], &headers["retry-after"]),
            (&"\"default\";r=0;t=18".parse().unwrap(), &18.into())
        );
    }

    #[test]
    fn nobody_is_told_to_come_again_at_once() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_secs(60)), 60);
    }
}
