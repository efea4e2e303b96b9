//! Calls of the public API over HTTP.
//!
//! The client blocks, so each call is made on a thread of its own: whoever waits for it hears Ctrl-C meanwhile.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderValue, Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

use super::failure::{Failure, Refusal};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a server takes to give a request up, unless it is configured to be very patient.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a call is made that may be repeated, and after which pause.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Largest answer that is read: a full page of the longest messages has some 26 MiB.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A caller of one server with one key.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    agent: Agent,
    base: Url,
    key: HeaderValue,
}

/// The segments of a path behind the server's URL.
pub type Path<'a> = &'a [&'a str];

/// The API's data: the text as it came, and what it says.
#[derive(Debug)]
pub struct Data {
    raw: Box<RawValue>,
    pub value: Value,
}

impl Data {
    fn read(raw: Box<RawValue>) -> serde_json::Result<Self> {
        let value = serde_json::from_str(raw.get())?;
        Ok(Self { raw, value })
    }

    /// As the API wrote it.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.raw.get()
    }
}

/// An answer without an error.
#[derive(Debug)]
pub struct Answer {
    /// Nothing, when it has not changed.
    pub data: Option<Data>,
    pub meta: Option<Meta>,
    pub tag: Option<HeaderValue>,
    /// What time it is on the server.
    pub now: Option<DateTime<Utc>>,
}

/// Which part of a list or a feed it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Meta {
    pub total: u64,
    pub next_cursor: Option<String>,
    pub next_after: Option<u64>,
}

#[derive(Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(default)]
    error: Option<Refusal>,
}

/// A request before it is sent.
#[derive(Default)]
pub struct Call<'a> {
    pub method: Method,
    pub path: Path<'a>,
    pub query: &'a [(&'a str, String)],
    pub body: Option<Value>,
    pub known: Option<HeaderValue>,
    pub idempotency_key: Option<&'a str>,
}

impl Client {
    /// A client of the server at a URL.
    #[must_use]
    pub fn new(base: Url, key: HeaderValue) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // Nobody is told the key but the server that was named.
            .max_redirects(0)
            .user_agent(concat!("interflow/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots(&base)).build());
        Self(Arc::new(Inner { agent: config.build().into(), base, key }))
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.base.as_str()
    }

    /// Reads something.
    pub async fn get(&self, path: Path<'_>) -> Result<(Data, Option<DateTime<Utc>>), Failure> {
        self.one(Call { path, ..Call::default() }).await
    }

    /// Does something to which no repetition matters.
    pub async fn post(&self, path: Path<'_>, body: Option<Value>) -> Result<Data, Failure> {
        Ok(self.one(Call { method: Method::POST, path, body, ..Call::default() }).await?.0)
    }

    /// What time it is on the server.
    pub async fn now(&self) -> Result<DateTime<Utc>, Failure> {
        let answer = self.call(Call { path: &["workspace"], ..Call::default() }).await?;
        answer.now.ok_or_else(|| self.foreign("an answer without a date"))
    }

    /// Makes a call that answers with data.
    pub async fn one(&self, call: Call<'_>) -> Result<(Data, Option<DateTime<Utc>>), Failure> {
        let answer = self.call(call).await?;
        let now = answer.now;
        answer.data.map(|data| (data, now)).ok_or_else(|| self.foreign("an answer without data"))
    }

    /// Makes a call. One that may have been carried out without an answer is repeated, if it has an idempotency key.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let request = self.request(&call)?;
        let (mut attempts, mut unsure) = (1..=ATTEMPTS, false);
        loop {
            let (client, request) = (self.clone(), request.clone());
            let sent = tokio::task::spawn_blocking(move || client.send(request)).await;
            let sent = sent.map_err(|_| Failure::Failed("the call could not be made".to_owned()))?;
            let source = match sent {
                Ok((headers, status, text)) => return self.understood(&headers, status, &text),
                Err(source) => source,
            };
            unsure |= !never_left(&source);
            let last = attempts.next().is_none_or(|attempt| attempt == ATTEMPTS);
            if last || !unsure || call.idempotency_key.is_none() {
                let idempotency_key = call.idempotency_key.filter(|_| unsure).map(str::to_owned);
                let (url, source) = (self.url().to_owned(), Box::new(source));
                return Err(Failure::Unreachable { url, source, idempotency_key });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Vec<u8>>, Failure> {
        let url = self.url_of(call.path, call.query)?;
        let mut request = Request::builder().method(&call.method).uri(url.as_str());
        request = request.header(AUTHORIZATION, self.0.key.clone());
        if let Some(known) = &call.known {
            request = request.header(IF_NONE_MATCH, known.clone());
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let body = call.body.as_ref().map(Value::to_string);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.unwrap_or_default().into_bytes();
        request.body(body).map_err(|error| Failure::Usage(format!("the request cannot be made: {error}")))
    }

    fn url_of(&self, path: Path<'_>, query: &[(&str, String)]) -> Result<Url, Failure> {
        let mut url = self.0.base.clone();
        // These would name another path than the one that is meant.
        if let Some(wrong) = path.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(Failure::Usage(format!("'{wrong}' is neither an id nor a name")));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn send(&self, request: Request<Vec<u8>>) -> Result<(HeaderMap, u16, String), ureq::Error> {
        let agent = &self.0.agent;
        let answer: Response<Body> = if request.body().is_empty() && request.method() != Method::POST {
            agent.run(request.map(|_| ()))?
        } else {
            agent.run(request)?
        };
        let (parts, mut body) = answer.into_parts();
        let text = body.with_config().limit(LARGEST).lossy_utf8(true).read_to_string()?;
        Ok((parts.headers, parts.status.as_u16(), text))
    }

    fn understood(&self, headers: &HeaderMap, status: u16, text: &str) -> Result<Answer, Failure> {
        let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let now = header(DATE).and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let now = now.map(|now| now.with_timezone(&Utc));
        let tag = headers.get(ETAG).cloned();
        if status == 304 {
            return Ok(Answer { data: None, meta: None, tag, now });
        }
        let not_ours = || self.foreign(&format!("status {status} without its envelope"));
        let Envelope { success, data, meta, error } = serde_json::from_str(text).map_err(|_| not_ours())?;
        if let Some(error) = error.filter(|_| !success) {
            let seconds = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
            let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
            let retry_after = seconds.map(Duration::from_secs);
            return Err(Failure::Refused(Refusal { status, request_id, retry_after, ..error }));
        }
        if !success || !(200..300).contains(&status) {
            return Err(not_ours());
        }
        let data = data.map(Data::read).transpose().map_err(|_| not_ours())?;
        Ok(Answer { data, meta, tag, now })
    }

    /// What answers is none of ours.
    #[must_use]
    pub fn foreign(&self, what: &str) -> Failure {
        Failure::Foreign { url: self.url().to_owned(), what: what.to_owned() }
    }
}

impl Answer {
    /// The entries of a list.
    pub fn entries(self, client: &Client) -> Result<(Vec<Data>, Meta), Failure> {
        let not_ours = || client.foreign("an answer without a list");
        let data = self.data.ok_or_else(not_ours)?;
        let raw: Vec<Box<RawValue>> = serde_json::from_str(data.raw()).map_err(|_| not_ours())?;
        let entries: serde_json::Result<Vec<_>> = raw.into_iter().map(Data::read).collect();
        Ok((entries.map_err(|_| not_ours())?, self.meta.unwrap_or_default()))
    }
}

/// Whether nothing of the request can have reached the server.
fn never_left(error: &ureq::Error) -> bool {
    use std::io::ErrorKind as Kind;
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            Kind::ConnectionRefused
                | Kind::HostUnreachable
                | Kind::NetworkUnreachable
                | Kind::AddrNotAvailable
        ),
        ureq::Error::Timeout(phase) => matches!(phase, ureq::Timeout::Connect | ureq::Timeout::Resolve),
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::BadUri(_) => true,
        _ => false,
    }
}

/// Whom this machine trusts, its own authorities included; Mozilla's where it names none.
fn roots(base: &Url) -> RootCerts {
    if base.scheme() != "https" {
        return RootCerts::WebPki;
    }
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> = found.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    if certificates.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Client {
        Client::new(Url::parse(base).unwrap(), HeaderValue::from_static("Bearer x"))
    }

    #[test]
    fn a_path_holds_what_was_typed_as_one_segment_each() {
        let url = |base, path: Path<'_>| client(base).url_of(path, &[]).map(|url| url.to_string());
        assert_eq!(url("http://x", &["channels"]).unwrap(), "http://x/v1/channels");
        let url_below = url("http://x/below/", &["channels", "a/b?c d@e"]).unwrap();
        assert_eq!(url_below, "http://x/below/v1/channels/a%2Fb%3Fc%20d@e");
        for segment in ["", ".", ".."] {
            assert!(matches!(url("http://x", &["channels", segment]), Err(Failure::Usage(_))));
        }
        let query = [("cursor", "a&b".to_owned())];
        let url = client("http://x").url_of(&["keys"], &query).unwrap();
        assert_eq!(url.as_str(), "http://x/v1/keys?cursor=a%26b");
    }

    #[test]
    fn an_answer_is_data_an_error_or_somebody_elses() {
        let client = client("http://x");
        let understood = |status, text| client.understood(&HeaderMap::new(), status, text);
        let data = understood(200, r#"{"success":true,"data":{"b":1, "a":2}}"#).unwrap().data.unwrap();
        assert_eq!(data.raw(), r#"{"b":1, "a":2}"#);
        let refused = r#"{"success":false,"error":{"code":"NOT_FOUND","message":"No","details":[]}}"#;
        assert!(understood(404, refused).unwrap_err().has_status(404));
        for (status, text) in [(200, "<html>"), (302, ""), (502, "Bad gateway"), (404, "{}")] {
            assert!(matches!(understood(status, text), Err(Failure::Foreign { .. })), "{text}");
        }
        assert!(understood(304, "").unwrap().data.is_none());
    }
}
