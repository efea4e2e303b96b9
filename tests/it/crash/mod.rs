//! `kill -9` of the server, of its Postgres, and of both, while messages flow.
//!
//! Callers repeat unanswered calls with the same idempotency key, as they should. Then: sessions are open without a
//! new QR, what was acknowledged is there, what customers wrote meanwhile has come, and the phone shows one message a
//! key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::support::api::{Api, send_body};
use crate::support::lab::{Lab, signal};
use crate::support::phones::Phones;

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";
const SENDS: usize = 40;

#[derive(Clone, Copy)]
enum Victim {
    Server,
    Postgres,
    Both,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_the_server_is_killed() {
    survive(Victim::Server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_postgres_is_killed() {
    survive(Victim::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_server_and_postgres_are_killed() {
    survive(Victim::Both).await;
}

async fn survive(victim: Victim) {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;

    let dead = Arc::new(AtomicBool::new(false));
    let acknowledged = tokio::spawn(send_until_dead(lab.api.clone(), Arc::clone(&dead)));
    let written = tokio::spawn(write_until_dead(lab.phones.clone(), Arc::clone(&dead)));
    lab.phones.until_received(ANA, SENDS / 4).await;
    match victim {
        Victim::Server => lab.server.kill(),
        Victim::Postgres => {
            signal("KILL", lab.postmaster());
            // What the server does without its Postgres is its business; then it goes too.
            tokio::time::sleep(Duration::from_millis(300)).await;
            lab.server.kill();
        }
        Victim::Both => {
            let postmaster = lab.postmaster();
            lab.server.kill();
            // The kernel may have ended it with its parent already.
            drop(std::process::Command::new("kill").args(["-9", &postmaster.to_string()]).output());
        }
    }
    dead.store(true, Ordering::SeqCst);
    let acknowledged = acknowledged.await.unwrap();
    let written = written.await.unwrap();
    lab.phones.write(ANA, "Ana", SHOP, "written while it was dead").await;

    lab.restart();
    lab.until_status("shop", "open").await;
    for id in &acknowledged {
        let kept = lab.api.get(&format!("/v1/messages/{id}")).await;
        assert!(kept.status.is_success(), "{id} was acknowledged and is lost");
    }
    for number in 0..SENDS {
        let answer = send(&lab.api, number).await.unwrap();
        assert!(answer.is_some(), "key {number} was refused after the restart");
    }
    lab.phones.until_received(ANA, SENDS).await;
    let texts = lab.phones.texts(ANA).await;
    let distinct: BTreeSet<_> = texts.iter().cloned().collect();
    assert_eq!((texts.len(), distinct.len()), (SENDS, SENDS), "one message a key: {texts:?}");

    let chat = lab.api.get("/v1/chats").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    let inbound = u64::try_from(written + 1).unwrap();
    let total = inbound + SENDS as u64;
    let path = format!("/v1/chats/{chat}/messages?per_page=1");
    lab.api.until(&path, |body| body["meta"]["total"] == total).await;
    let chat = lab.api.get(&format!("/v1/chats/{chat}")).await.body;
    assert_eq!(chat["data"]["unread_count"], inbound);
}

/// Sends once with the key of this number; gives the message's id when it was acknowledged.
async fn send(api: &Api, number: usize) -> reqwest::Result<Option<String>> {
    let body = send_body("shop", ANA, &format!("message {number}"));
    let key = format!("key-{number}");
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
    let answer = api.try_call(Method::POST, "/v1/messages/send", &headers, Some(body.to_string())).await?;
    Ok(answer.status.is_success().then(|| id(&answer.body)))
}

fn id(body: &Value) -> String {
    body["data"]["id"].as_str().unwrap().to_owned()
}

/// Sends, two at a time, until the server is dead; gives the ids that were acknowledged.
async fn send_until_dead(api: Api, dead: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for pair in (0..SENDS).collect::<Vec<_>>().chunks(2) {
        if dead.load(Ordering::SeqCst) {
            break;
        }
        let answers = futures::future::join_all(pair.iter().map(|number| send(&api, *number))).await;
        acknowledged.extend(answers.into_iter().flatten().flatten());
    }
    acknowledged
}

/// A customer writes every now and then until the server is dead; says how often.
async fn write_until_dead(phones: Phones, dead: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    while !dead.load(Ordering::SeqCst) {
        phones.write(ANA, "Ana", SHOP, &format!("question {count}")).await;
        count += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    count
}
