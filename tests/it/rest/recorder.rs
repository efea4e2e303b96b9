//! A receiver of webhooks that keeps what it is told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::PATIENCE;

/// A receiver on a port of its own.
pub struct Recorder {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    status: Arc<Mutex<StatusCode>>,
    serving: JoinHandle<()>,
}

/// One POST.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

type Shared = (Arc<Mutex<Vec<Request>>>, Arc<Mutex<StatusCode>>);

impl Recorder {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (seen, status) = (Arc::default(), Arc::new(Mutex::new(StatusCode::NO_CONTENT)));
        let shared: Shared = (Arc::clone(&seen), Arc::clone(&status));
        let router = Router::new().fallback(record).with_state(shared);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen, status, serving }
    }

    /// From now on it answers so.
    pub fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    /// What it was told so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The first thing it was told that is as wanted, as soon as there is one.
    pub async fn until(&self, wanted: impl Fn(&Request) -> bool) -> Request {
        let begin = Instant::now();
        loop {
            if let Some(found) = self.seen().into_iter().find(&wanted) {
                return found;
            }
            assert!(begin.elapsed() < PATIENCE, "nothing of the kind came: {:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn record(
    State((seen, status)): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    seen.lock().unwrap().push(Request { path: uri.path().to_owned(), headers, body });
    (*status.lock().unwrap(), "heard")
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it tells of this type and this resource.
    pub fn is(&self, kind: &str, id: &Value) -> bool {
        let body = self.json();
        body["type"] == kind && body["data"]["id"] == *id
    }
}
