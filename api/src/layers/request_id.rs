//! `X-Request-Id`: a sane one that was given is kept, else one is made; every answer carries it, and every event that
//! follows from the request. So does its span: a part of the trace that `traceparent` names, or of a new one.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use interflow_application::Trace;
use interflow_application::metadata::TRACEPARENT;

use crate::state::App;

const NAME: &str = "x-request-id";
const MOST: usize = 128;

/// The id of the request.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Gives the request its id, and the answer.
pub async fn request_id(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(|| format!("req_{}", app.core.ids.next().simple()));
    // The caller may use an id again: the span's name is our own.
    let span = Trace::named(&app.core.ids.next().to_string());
    let trace = parent(request.headers()).map_or(span, |parent| span.within(parent));
    request.extensions_mut().insert(trace);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::try_from(&id) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

/// The span the request comes from. Several are none, as the standard has it.
fn parent(headers: &HeaderMap) -> Option<Trace> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let (first, second) = (given.next()?, given.next());
    first.to_str().ok().filter(|_| second.is_none())?.trim().parse().ok()
}

/// Letters, digits and a few signs: nothing that could forge a line in a log.
fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(NAME)?.to_str().ok()?;
    let sane = (1..=MOST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte));
    sane.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_joins_the_one_trace_that_it_names() {
        const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let named = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRACEPARENT, value.parse().unwrap());
            }
            parent(&headers).map(|trace| trace.to_string())
        };
        assert_eq!(named(&[GOOD]).as_deref(), Some(GOOD));
        for values in [&[][..], &[""], &["00-00"], &[GOOD, GOOD], &[&GOOD.to_uppercase()]] {
            assert_eq!(named(values), None, "{values:?}");
        }
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let id =
            |value: &str| given(&[(NAME.parse().unwrap(), value.parse().unwrap())].into_iter().collect());
        assert_eq!(id("7f9c-A.1:2"), Some("7f9c-A.1:2".to_owned()));
        for value in ["", "a b", "a\"b", "{}", &"x".repeat(129)] {
            assert_eq!(id(value), None, "{value}");
        }
    }
}
