//! Receipts that arrive at the moment the server dies.

use std::time::{Duration, Instant};

use interflow_infrastructure::event_log::Step;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::api::{Api, send_body};
use crate::support::lab::Lab;

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

/// Sends a text by a key that is its own; gives the id, unless the server died of it.
async fn accepted(api: &Api, text: &str) -> Option<String> {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", text)];
    let body = send_body("shop", ANA, text).to_string();
    let answer = api.try_call(Method::POST, "/v1/messages/send", &headers, Some(body)).await.ok()?;
    answer.status.is_success().then(|| answer.body["data"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_the_server_died_of_comes_again() {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.faults(json!({"receipt_delay_ms": 100, "read_delay_ms": 100})).await;
    lab.server.terminate();
    let mut texts = vec![];
    // The groups of a start, of a send, and of its two receipts: one of them is the last each time.
    for last in 3..=7 {
        let doom = format!("{:?}:{last}", Step::BeforeCommit);
        lab.restart_with(&[("INTERFLOW_LAB_KILL_AT", &doom)]);
        let begin = Instant::now();
        while !lab.server.has_ended() {
            texts.push(format!("message {}", texts.len()));
            accepted(&lab.api, &texts[texts.len() - 1]).await;
            // Time for its receipts.
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(begin.elapsed() < PATIENCE, "it has not come to its group {last}");
        }
    }
    lab.restart();
    lab.until_status("shop", "open").await;
    for text in texts {
        let id = accepted(&lab.api, &text).await.unwrap();
        let read = |body: &Value| body["data"]["status"] == "read";
        lab.api.until(&format!("/v1/messages/{id}"), read).await;
    }
}
