//! The `Idempotency-Key` header: a quoted string as the IETF draft wants it, or bare.

use axum::http::HeaderMap;
use interflow_application::FieldError;

use super::query::Query;
use crate::error::ApiError;

const NAME: &str = "Idempotency-Key";
const MOST: usize = 255;

/// The key of a request, if it has one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).and_then(unquoted);
    match key {
        Some(key) if fits(&key) && values.next().is_none() => Ok(Some(key)),
        _ => Err(ApiError::invalid(format!("The '{NAME}' header {RULE}"), vec![FieldError::new(NAME, RULE)])),
    }
}

/// A key that was given as an argument.
pub fn checked_key(argument: &str, key: &str) -> Result<String, ApiError> {
    let visible = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if visible && fits(key) { Ok(key.to_owned()) } else { Err(Query::refused(argument, RULE)) }
}

const RULE: &str = "must be one value of 1 to 255 visible ASCII characters";
const _: () = assert!(MOST == 255, "as RULE says");

fn fits(key: &str) -> bool {
    (1..=MOST).contains(&key.len())
}

fn unquoted(text: &str) -> Option<String> {
    match text.strip_prefix('"') {
        Some(rest) => {
            let inside = rest.strip_suffix('"')?;
            let escaped = inside.replace("\\\\", "\0").replace("\\\"", "\u{1}");
            (!escaped.contains(['"', '\\'])).then(|| escaped.replace('\0', "\\").replace('\u{1}', "\""))
        }
        None => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn key(value: &str) -> Result<Option<String>, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, HeaderValue::from_str(value).unwrap());
        idempotency_key(&headers)
    }

    #[test]
    fn a_key_is_the_same_quoted_or_bare() {
        assert_eq!(key("abc-1"), Ok(Some("abc-1".to_owned())));
        assert_eq!(key("\"abc-1\""), Ok(Some("abc-1".to_owned())));
        assert_eq!(key(r#""a\"b\\c""#), Ok(Some(r#"a"b\c"#.to_owned())));
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn empty_unbalanced_overlong_and_doubled_keys_are_refused() {
        for value in ["", "\"\"", "\"abc", &"x".repeat(256)] {
            assert!(key(value).is_err(), "{value}");
        }
        assert!(key(&"x".repeat(255)).is_ok());
        let mut headers = HeaderMap::new();
        headers.append(NAME, HeaderValue::from_static("a"));
        headers.append(NAME, HeaderValue::from_static("b"));
        assert!(idempotency_key(&headers).is_err());
    }
}
