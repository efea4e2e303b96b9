//! Sends while the server is killed, the connection cut, and messages, acknowledgements and receipts are delayed,
//! dropped, doubled and swapped. Callers repeat unanswered calls with the same idempotency key, as they should.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::api::{Api, send_body};
use crate::support::lab::Lab;
use crate::support::say;

const SHOP: &str = "5511888888888";
const SENDS: usize = 100;
const CUSTOMERS: usize = 10;

fn customer(number: usize) -> String {
    format!("55119999000{:02}", number % CUSTOMERS)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_message_at_the_phone_whatever_breaks_on_the_way() {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let api = Arc::new(RwLock::new(lab.api.clone()));
    let mut callers = JoinSet::new();
    for caller in 0..CUSTOMERS {
        let api = Arc::clone(&api);
        callers.spawn(async move {
            let mut accepted = Vec::new();
            for number in (caller..SENDS).step_by(CUSTOMERS) {
                accepted.push(send_until_accepted(&api, number).await);
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            accepted
        });
    }
    let rounds = [
        json!({"drop_acks": 4, "ack_delay_ms": 40, "duplicate_receipts": 10}),
        json!({"drop_messages": 4, "reorder_receipts": 10, "receipt_delay_ms": 0, "read_delay_ms": 0}),
        json!({"ack_delay_ms": 300, "drop_acks": 4, "drop_messages": 2, "receipts": "none"}),
        json!({"drop_acks": 6, "receipts": "none"}),
    ];
    for (round, faults) in rounds.into_iter().enumerate() {
        lab.phones.faults(faults).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        lab.phones.cut(SHOP).await;
        if round % 2 == 1 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            lab.server.kill();
            lab.restart();
            *api.write().unwrap() = lab.api.clone();
        }
    }
    lab.phones.faults(json!({})).await;
    // Whoever still waits for an acknowledgement that was dropped waits no longer.
    lab.phones.cut(SHOP).await;
    let accepted: BTreeSet<String> = callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(accepted.len(), SENDS, "one id a key");

    lab.until_status("shop", "open").await;
    let there =
        |body: &Value| ["sent", "delivered", "read"].map(Value::from).contains(&body["data"]["status"]);
    for id in &accepted {
        lab.api.until(&format!("/v1/messages/{id}"), there).await;
    }
    let mut copies = BTreeMap::<u64, usize>::new();
    for number in 0..CUSTOMERS {
        let received = lab.phones.until_received(&customer(number), SENDS / CUSTOMERS).await;
        let texts: Vec<_> =
            received.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
        let written: Vec<_> = (number..SENDS).step_by(CUSTOMERS).map(text).collect();
        assert_eq!(texts, written, "each once, in the order in which they were written");
        for message in received {
            *copies.entry(message["copies"].as_u64().unwrap()).or_default() += 1;
        }
    }
    say(&format!("copies at the phones: {copies:?}; statuses: {:?}", statuses(&lab.api, &accepted).await));
}

/// How far the messages got, once they get no further.
async fn statuses(api: &Api, ids: &BTreeSet<String>) -> BTreeMap<String, usize> {
    let mut before = BTreeMap::new();
    loop {
        let mut statuses = BTreeMap::<String, usize>::new();
        for id in ids {
            let message = api.get(&format!("/v1/messages/{id}")).await.expect(200);
            *statuses.entry(message["data"]["status"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        if statuses == before {
            return statuses;
        }
        before = statuses;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn text(number: usize) -> String {
    format!("message {number}")
}

/// Repeats the call until it is answered as accepted; gives the message's id.
async fn send_until_accepted(api: &RwLock<Api>, number: usize) -> String {
    let body = send_body("shop", &customer(number), &text(number)).to_string();
    let key = format!("key-{number}");
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
    for _ in 0..600 {
        let api = api.read().unwrap().clone();
        let answer = api.try_call(Method::POST, "/v1/messages/send", &headers, Some(body.clone())).await;
        if let Ok(answer) = answer
            && answer.status.is_success()
        {
            return answer.body["data"]["id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("key {number} was never accepted")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_reaches_its_end_over_cuts_and_twisted_receipts() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let faults = json!({"duplicate_receipts": 20, "reorder_receipts": 15, "receipt_delay_ms": 20, "read_delay_ms": 60});
    lab.phones.faults(faults).await;
    let mut ids = Vec::new();
    for number in 0..30 {
        if number % 10 == 5 {
            lab.phones.cut(SHOP).await;
        }
        let sent = lab.api.send("shop", &customer(number), &text(number)).await.expect(201);
        ids.push(sent["data"]["id"].as_str().unwrap().to_owned());
    }
    for id in ids {
        lab.api.until(&format!("/v1/messages/{id}"), |body| body["data"]["status"] == "read").await;
    }
}
