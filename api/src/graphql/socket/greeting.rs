//! How a client says who it is: in the headers of the request that opens the socket, as everywhere, or, where it cannot
//! set them (a browser), in the payload of `connection_init`, under the same names.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use interflow_application::{Actor, Context, Trace};
use serde_json::{Map, Value};

use crate::auth::Caller;
use crate::layers::Client;
use crate::state::App;

const APIKEY: HeaderName = HeaderName::from_static("apikey");

/// Whoever opened a socket.
#[derive(Clone)]
pub struct Visitor {
    /// What shows a key.
    pub shown: HeaderMap,
    client: Client,
    trace: Option<Trace>,
}

impl Visitor {
    /// Whose request this is.
    pub fn of(parts: &Parts) -> Self {
        let client = parts.extensions.get::<Client>().copied().unwrap_or(Client(None));
        let trace = parts.extensions.get::<Trace>().copied();
        Self { shown: of_request(&parts.headers), client, trace }
    }

    /// The circumstances of an operation: each is a request of its own, and part of the trace of the socket.
    pub fn circumstances(&self, app: &App, caller: Caller) -> Context {
        let id = app.core.ids.next().simple().to_string();
        let span = Trace::named(&id);
        Context {
            workspace: caller.workspace,
            actor: Actor::Key(caller.key),
            causation: None,
            trace: self.trace.map_or(span, |socket| span.within(socket)),
            client: self.client.0,
            request_id: format!("req_{id}"),
            command: None,
        }
    }
}

/// What of a request's headers shows a key.
fn of_request(headers: &HeaderMap) -> HeaderMap {
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
