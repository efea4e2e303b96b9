//! What customers write while the server is killed: each message is in the log once, in order within its chat.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::api::Api;
use crate::support::lab::Lab;

const SHOP: &str = "5511888888888";
const CUSTOMERS: usize = 20;
const EACH: usize = 50;
const PATIENCE: Duration = Duration::from_secs(120);

fn customer(number: usize) -> String {
    format!("55119999000{number:02}")
}

/// What customers wrote in every chat, oldest first, by the customer's number.
pub async fn log(api: &Api) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for chat in pages(api, "/v1/chats").await {
        let path = format!("/v1/chats/{}/messages", chat["id"].as_str().unwrap());
        let messages = pages(api, &path).await;
        let messages: Vec<_> =
            messages.into_iter().filter(|message| message["direction"] == "inbound").collect();
        let Some(from) = messages.first().and_then(|message| message["from"].as_str()) else { continue };
        let texts =
            messages.iter().rev().map(|message| message["content"]["text"].as_str().unwrap().to_owned());
        all.insert(from.to_owned(), texts.collect());
    }
    all
}

async fn pages(api: &Api, path: &str) -> Vec<serde_json::Value> {
    let (mut all, mut query) = (Vec::new(), format!("{path}?per_page=100"));
    loop {
        let page = api.get(&query).await.expect(200);
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["meta"]["next_cursor"].as_str() {
            Some(cursor) => query = format!("{path}?per_page=100&cursor={cursor}"),
            None => return all,
        }
    }
}

async fn until_logged(api: &Api, count: usize) -> BTreeMap<String, Vec<String>> {
    let begin = Instant::now();
    loop {
        let log = log(api).await;
        let logged: usize = log.values().map(Vec::len).sum();
        if logged >= count {
            return log;
        }
        assert!(begin.elapsed() < PATIENCE, "{logged} of {count} messages are in the log");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_are_in_the_log_once_and_in_order_though_the_server_is_killed() {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.faults(json!({"duplicate_inbound": 50})).await;
    let written = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for number in 0..CUSTOMERS {
        let (phones, written) = (lab.phones.clone(), Arc::clone(&written));
        writers.spawn(async move {
            for text in 0..EACH {
                phones.write(&customer(number), "Ana", SHOP, &format!("{text}")).await;
                written.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
        });
    }
    for share in 1..=3 {
        while written.load(Ordering::Relaxed) < share * CUSTOMERS * EACH / 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lab.server.kill();
        lab.restart();
    }
    writers.join_all().await;
    let log = until_logged(&lab.api, CUSTOMERS * EACH).await;
    let expected: Vec<_> = (0..EACH).map(|text| text.to_string()).collect();
    assert_eq!(log.len(), CUSTOMERS);
    for (from, texts) in log {
        assert_eq!(texts, expected, "{from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_doubled_swapped_or_garbled_is_in_the_log_once() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let faults = json!({"duplicate_inbound": 20, "reorder_inbound": 20, "corrupt_inbound": 5});
    lab.phones.faults(faults).await;
    for text in 0..40 {
        lab.phones.write(&customer(text % 4), "Ana", SHOP, &format!("{text}")).await;
        if text % 15 == 10 {
            lab.phones.cut(SHOP).await;
        }
    }
    let log = until_logged(&lab.api, 40).await;
    for number in 0..4 {
        let mut texts: Vec<usize> = log[&customer(number)].iter().map(|text| text.parse().unwrap()).collect();
        texts.sort_unstable();
        assert_eq!(texts, (number..40).step_by(4).collect::<Vec<_>>());
    }
}
