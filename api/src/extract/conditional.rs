//! Conditions on the version of a resource: `If-Match` for writes, `If-None-Match` for reads.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use interflow_application::FieldError;

use crate::envelope::Versioned;
use crate::error::{ApiError, Code};
use crate::state::App;

/// The version a write demands: the part of the `ETag` before the first `-`. `*` demands none but that it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

impl FromRequestParts<App> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        if_match(&parts.headers).map(Self)
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let tags = tags(headers, &header::IF_MATCH);
    match tags.as_slice() {
        [] => Ok(None),
        [tag] if tag == "*" => Ok(None),
        // A weak tag never matches strongly, and what is no tag of ours never matches at all.
        [tag] => version(tag).map(Some).ok_or_else(|| {
            ApiError::new(Code::PreconditionFailed, "The If-Match header is no ETag of this resource")
        }),
        _ => Err(ApiError::invalid(
            "The 'If-Match' header must hold one ETag",
            vec![FieldError::new("If-Match", "must hold one ETag")],
        )),
    }
}

fn version(tag: &str) -> Option<u64> {
    let inside = tag.strip_prefix('"')?.strip_suffix('"')?;
    let digits = inside.split('-').next()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The versions a reader has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfNoneMatch(Vec<String>);

impl FromRequestParts<App> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(tags(&parts.headers, &header::IF_NONE_MATCH)))
    }
}

impl IfNoneMatch {
    /// Whether the reader has this version.
    #[must_use]
    pub fn has(&self, resource: &impl Versioned) -> bool {
        let current = format!("\"{}\"", resource.tag());
        self.0.iter().any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current)
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[derive(serde::Serialize)]
    struct Seventh;

    impl Versioned for Seventh {
        fn tag(&self) -> String {
            "7-12".to_owned()
        }
    }

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn a_write_demands_the_version_part_of_the_tag() {
        let of = |value| if_match(&headers(header::IF_MATCH, value));
        assert_eq!(if_match(&HeaderMap::new()), Ok(None));
        assert_eq!(of("\"7\""), Ok(Some(7)));
        assert_eq!(of("\"7-12\""), Ok(Some(7)));
        assert_eq!(of("*"), Ok(None));
        for tag in ["7", "W/\"7\"", "\"x\"", "\"\"", "\"+7\"", "\"99999999999999999999999\""] {
            assert_eq!(of(tag).unwrap_err().code(), Code::PreconditionFailed, "{tag}");
        }
        assert_eq!(of("\"7\", \"8\"").unwrap_err().code(), Code::ValidationError);
    }

    #[test]
    fn a_reader_has_what_any_of_its_tags_names() {
        let has = |value| {
            IfNoneMatch(tags(&headers(header::IF_NONE_MATCH, value), &header::IF_NONE_MATCH)).has(&Seventh)
        };
        assert!(has("\"7-12\""));
        assert!(has("\"1\", W/\"7-12\""));
        assert!(has("*"));
        assert!(!has("\"7\""));
        assert!(!has("7-12"));
        assert!(!IfNoneMatch(vec![]).has(&Seventh));
    }
}
