//! The way out: one POST, bounded in time and in bytes, to addresses that were judged.
//!
//! Connections are kept for a while, and there are two sets of them: one whose every address was judged
//! ([`connector`]), and one for the endpoint that the operator set, which is exempt. So nobody's delivery goes over a
//! connection that was not judged for it. Nothing follows redirects, asks a proxy, keeps cookies or unpacks answers.

mod connector;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use interflow_application::webhook::address::AllowList;
use interflow_application::webhook::ports::{Post, Resolver, Transport};
use interflow_application::webhook::{ErrorClass, Outcome};
use tokio::time::{Instant as Deadline, timeout_at};

use connector::{Connector, Refused};

/// How long a connection is kept that nothing is sent over.
const IDLE: Duration = Duration::from_secs(20);
/// How many of them to one receiver, which several endpoints may have.
const IDLE_CONNECTIONS: usize = 64;

/// How long parts of an attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Resolving and connecting, TLS included.
    pub connect: Duration,
    /// Everything, the answer's body included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Outcome::CONNECT_TIMEOUT, total: Outcome::TOTAL_TIMEOUT }
    }
}

/// [`Transport`] over HTTP/1.1 and TLS. It trusts the certificates that Mozilla does, and those that the system does.
#[derive(Clone)]
pub struct HttpTransport {
    judged: Client<Connector, Full<Bytes>>,
    exempt: Client<Connector, Full<Bytes>>,
    timeouts: Timeouts,
}

impl HttpTransport {
    /// Goes to public addresses, and to those that the operator allowed.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolver>, allowed: AllowList) -> Self {
        Self::with_timeouts(resolver, allowed, Timeouts::default())
    }

    /// The same with other time-outs.
    #[must_use]
    pub fn with_timeouts(resolver: Arc<dyn Resolver>, allowed: AllowList, timeouts: Timeouts) -> Self {
        let tls = connector::tls();
        let client = |allowed| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .build(Connector::new(Arc::clone(&resolver), allowed, tls.clone(), timeouts.connect))
        };
        Self { judged: client(allowed), exempt: client(AllowList::everything()), timeouts }
    }

    async fn answer(&self, post: Post, deadline: Deadline, outcome: &mut Outcome) -> Result<(), ErrorClass> {
        let client = if post.exempt { &self.exempt } else { &self.judged };
        let request = request(post).ok_or(ErrorClass::Protocol)?;
        let answered = timeout_at(deadline, client.request(request)).await;
        let mut response = answered.map_err(|_| ErrorClass::Timeout)?.map_err(|error| class(&error))?;
        outcome.status = Some(response.status().as_u16());
        outcome.headers = kept(response.headers());
        timeout_at(deadline, read(&mut response, &mut outcome.body)).await.map_err(|_| ErrorClass::Timeout)?
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn post(&self, post: Post) -> Outcome {
        let began = Instant::now();
        let deadline = Deadline::now() + self.timeouts.total;
        let mut outcome =
            Outcome { status: None, error: None, headers: vec![], body: vec![], took: Duration::ZERO };
        outcome.error = self.answer(post, deadline, &mut outcome).await.err();
        outcome.took = began.elapsed();
        outcome
    }
}

fn request(post: Post) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::post(&post.url).body(Full::from(post.body)).ok()?;
    for (name, value) in &post.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_str(value).ok()?);
    }
    Some(request)
}

/// What is kept of an answer's headers.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = Outcome::MAX_HEADERS_BYTES;
    let mut kept = vec![];
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match room.checked_sub(name.as_str().len() + value.len()) {
            Some(rest) => room = rest,
            None => break,
        }
        kept.push((name.as_str().to_owned(), value));
    }
    kept
}

/// Reads the beginning of an answer; what is longer is left, and its connection with it.
async fn read(response: &mut Response<Incoming>, body: &mut Vec<u8>) -> Result<(), ErrorClass> {
    while let Some(frame) = response.body_mut().frame().await {
        let frame = frame.map_err(|error| class(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = Outcome::MAX_BODY_BYTES - body.len();
        body.extend_from_slice(data.get(..room).unwrap_or(&data));
        if body.len() >= Outcome::MAX_BODY_BYTES {
            return Ok(());
        }
    }
    Ok(())
}

/// What an error means, by the first of its causes that says so.
fn class(error: &(dyn StdError + 'static)) -> ErrorClass {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Refused(class)) = error.downcast_ref() {
            return *class;
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && error.is_parse()
        {
            return ErrorClass::Protocol;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return if error.kind() == io::ErrorKind::TimedOut {
                ErrorClass::Timeout
            } else {
                ErrorClass::Reset
            };
        }
        cause = error.source();
    }
    ErrorClass::Reset
}
