//! Answers in gzip, for whom takes it and where it is worth it.
//!
//! Not compressed are small answers; those with an `ETag`, which names their bytes; and those that are kept nowhere
//! (`no-store`), since they may hold a secret and repeat what the caller sent: the length of such an answer, compressed,
//! tells of the secret to whoever can choose the rest and watch (BREACH). The API has no cookies, so nobody but the
//! holder of a key can have an answer made in the first place.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::predicate::{And, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// Below that many bytes an answer fits one packet anyway.
const WORTH_IT: u16 = 1024;

/// The layer. It looks at the answer's head as it leaves, so it belongs around what writes the headers.
#[must_use]
pub fn compression() -> CompressionLayer<And<SizeAbove, Suitable>> {
    CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(WORTH_IT).and(suitable as Suitable))
}

type Suitable = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

fn suitable(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let says = |name, text: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(text))
    };
    let is_text = says(header::CONTENT_TYPE, "json")
        || says(header::CONTENT_TYPE, "svg")
        || (says(header::CONTENT_TYPE, "text/") && !says(header::CONTENT_TYPE, "event-stream"));
    is_text && !headers.contains_key(header::ETAG) && !says(header::CACHE_CONTROL, "no-store")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn is_suitable(pairs: &[(HeaderName, &'static str)]) -> bool {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        suitable(StatusCode::OK, Version::HTTP_11, &headers, &Extensions::new())
    }

    #[test]
    fn texts_are_compressed_but_for_those_with_a_tag_or_a_secret() {
        let json = (header::CONTENT_TYPE, "application/json");
        assert!(is_suitable(std::slice::from_ref(&json)));
        assert!(is_suitable(&[(header::CONTENT_TYPE, "text/html; charset=utf-8")]));
        assert!(!is_suitable(&[(header::CONTENT_TYPE, "text/event-stream")]));
        assert!(!is_suitable(&[(header::CONTENT_TYPE, "image/png")]));
        assert!(!is_suitable(&[json.clone(), (header::ETAG, "\"7\"")]));
        assert!(!is_suitable(&[json, (header::CACHE_CONTROL, "no-store")]));
    }
}
