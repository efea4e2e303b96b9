//! How a client says who it is: in the headers of the request that opens the socket, as everywhere, or, where it cannot
//! set them (a browser), in the payload of `connection_init`, under the same names.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

const APIKEY: HeaderName = HeaderName::from_static("apikey");

/// What of a request's headers shows a key.
pub fn of_request(headers: &HeaderMap) -> HeaderMap {
    let shown = [header::AUTHORIZATION, APIKEY].into_iter();
    shown.filter_map(|name| Some((name.clone(), headers.get(&name)?.clone()))).collect()
}

/// What of a payload does, in whatever case; also under `headers`, as some clients have it.
pub fn of_payload(payload: &Map<String, Value>) -> HeaderMap {
    let nested = payload.get("headers").and_then(Value::as_object);
    let mut shown = HeaderMap::new();
    for (name, value) in payload.iter().chain(nested.into_iter().flatten()) {
        for known in [header::AUTHORIZATION, APIKEY] {
            if name.eq_ignore_ascii_case(known.as_str())
                && let Some(value) = value.as_str()
                && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
            {
                shown.insert(known, value);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_found_under_either_name_and_in_either_place() {
        let found = |payload: Value| of_payload(payload.as_object().unwrap());
        assert_eq!(found(json!({"Authorization": "Bearer a"}))["authorization"], "Bearer a");
        assert_eq!(found(json!({"apiKey": "a"}))["apikey"], "a");
        assert_eq!(found(json!({"headers": {"authorization": "Bearer a"}}))["authorization"], "Bearer a");
        for nothing in
            [json!({}), json!({"apikey": 7}), json!({"authorization": "a\nb"}), json!({"headers": []})]
        {
            assert!(found(nothing).is_empty());
        }
    }

    #[test]
    fn of_a_request_nothing_else_is_kept() {
        let headers: HeaderMap = [(APIKEY, "a"), (header::COOKIE, "b")]
            .into_iter()
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect();
        let kept = of_request(&headers);
        assert_eq!((kept.len(), &kept["apikey"]), (1, &HeaderValue::from_static("a")));
    }
}
