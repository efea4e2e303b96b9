// axum, standardwebhooks and serde_json
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use standardwebhooks::Webhook;

#[derive(Clone)]
struct Receiver {
    webhook: Arc<Webhook>,
    seen: Arc<Mutex<HashSet<String>>>, // in earnest: a unique column of your database
}

pub fn receiver(secret: &str) -> Router {
    let webhook = Arc::new(Webhook::new(secret).expect("a secret: whsec_…"));
    Router::new().route("/", post(receive)).with_state(Receiver { webhook, seen: Arc::default() })
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if receiver.webhook.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let id = headers["webhook-id"].to_str().unwrap_or_default().to_owned();
    let is_new = receiver.seen.lock().expect("no panic").insert(id);
    if is_new && let Ok(event) = serde_json::from_slice::<serde_json::Value>(&body) {
        println!("{} {}", event["type"], event["data"]["id"]);
    }
    StatusCode::NO_CONTENT
}
