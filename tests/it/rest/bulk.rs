//! Many messages in one call, and the job they become.

use std::collections::BTreeSet;
use std::time::Duration;

use interflow::Config;
use interflow_application::{Actor, BulkItem, ChannelRef, Context, OpenBulk, QueueBulk, workspace_id};
use interflow_domain::message::Content;
use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::fields;

const ANA: &str = "5511999999999";

/// A server whose bulk messages leave as fast as they can, or hardly at all.
async fn server(rate: u32) -> Server {
    Server::with(|config| Config { bulk_rate_per_minute: rate, ..config }).await
}

const FAST: u32 = 60_000;
const SLOW: u32 = 1;

fn number(index: usize) -> String {
    format!("5511970{index:06}")
}

fn letter(to: &str, text: &str) -> Value {
    json!({"to": to, "type": "text", "content": {"text": text}})
}

fn bulk(channel: &str, letters: &[Value]) -> Value {
    json!({"channel_id": channel, "messages": letters})
}

fn letters(count: usize) -> Vec<Value> {
    (0..count).map(|index| letter(&number(index), &format!("message {index}"))).collect()
}

/// The field of every entry.
fn column(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_message_of_a_bulk_is_judged_by_itself_and_those_that_are_right_are_sent() {
    let server = server(FAST).await;
    let api = &server.api;
    let channel = server.open_channel("shop").await;
    let letters = [
        letter(ANA, "one"),
        letter("nobody", "?"),
        json!({"to": ANA, "type": "dance", "content": {}}),
        letter(ANA, "two"),
        json!("hello"),
        json!({"to": ANA, "type": "text", "content": {"text": "x"}, "subject": "y"}),
        letter("5511988888888", "three"),
    ];
    let answer = api.post("/v1/messages/bulk", bulk("shop", &letters)).await;
    let location = answer.header("location").to_owned();
    let data = answer.expect(202)["data"].clone();
    assert_eq!((&data["total"], &data["accepted"]), (&json!(7), &json!(3)));
    assert_eq!(location, format!("/v1/jobs/{}", data["id"].as_str().unwrap()));
    let items = data["items"].as_array().unwrap();
    for (index, item) in items.iter().enumerate() {
        assert_eq!((&item["index"], item.as_object().unwrap().len()), (&json!(index), 2));
        let accepted = [0, 3, 6].contains(&index);
        assert_eq!(item["id"].as_str().is_some_and(|id| id.starts_with("msg_")), accepted, "{item}");
        assert_eq!(item["error"]["code"] == "VALIDATION_ERROR", !accepted, "{item}");
    }
    assert_eq!(fields(&items[1]), ["to"]);
    assert_eq!(fields(&items[2]), ["type"]);
    assert_eq!(fields(&items[5]), ["subject"]);
    assert_eq!(items[4]["error"]["message"], "It must be an object");

    let job = api.until(&location, |body| body["data"]["status"] == "completed").await["data"].clone();
    let sent = json!({"queued": 0, "sent": 3, "delivered": 0, "read": 0, "failed": 0, "cancelled": 0});
    assert_eq!(
        (&job["kind"], &job["channel_id"], &job["progress"]),
        (&json!("bulk_send"), &json!(channel), &sent)
    );
    assert_eq!((&job["total"], &job["accepted"], &job["rejected"]), (&json!(7), &json!(3), &json!(4)));
    assert!(job["finished_at"].is_string() && job["expires_at"].is_string());
    assert_eq!(job["version"], 3, "created, filled, completed");

    server.phones.until_received(ANA, 2).await;
    assert_eq!(server.phones.texts(ANA).await, ["one", "two"], "in the order of the call");
    let messages = api.get(&format!("{location}/messages")).await.expect(200);
    assert_eq!(messages["meta"]["total"], 3);
    let listed: BTreeSet<_> = column(&messages["data"], "id").into_iter().collect();
    let accepted = [0, 3, 6].map(|index: usize| items[index]["id"].as_str().unwrap().to_owned());
    assert_eq!(listed, BTreeSet::from(accepted));
    let jobs = api.get("/v1/jobs").await.expect(200);
    assert_eq!((&jobs["meta"]["total"], &jobs["data"][0]), (&json!(1), &job));
}

#[tokio::test]
async fn a_call_that_is_wrong_as_a_whole_leaves_no_job() {
    let server = server(FAST).await;
    let api = &server.api;
    api.post("/api/whatsapp/connect", json!({"instanceName": "unpaired"})).await.expect(200);
    let post = async |body: Value| api.post("/v1/messages/bulk", body).await;
    let invalid = async |body: Value| post(body).await.refused(422, "VALIDATION_ERROR");
    for messages in [json!([]), json!(letters(1_001)), json!("x"), json!({}), json!(null)] {
        assert_eq!(
            fields(&invalid(json!({"channel_id": "unpaired", "messages": messages})).await),
            ["messages"]
        );
    }
    let unknown = json!({"channel_id": "unpaired", "messages": letters(1), "when": "now"});
    assert_eq!(fields(&invalid(unknown).await), ["when"]);
    let wrong = [letter("x", "y"), json!(7), json!({"to": ANA, "type": "text", "content": {}})];
    let error = invalid(bulk("unpaired", &wrong)).await;
    assert_eq!(fields(&error), ["messages[0].to", "messages[1]", "messages[2].content.text"]);
    assert_eq!(fields(&invalid(json!({"messages": letters(1)})).await), ["channel_id"]);
    post(bulk("nowhere", &letters(2))).await.refused(404, "NOT_FOUND");
    post(bulk("unpaired", &letters(2))).await.refused(409, "CHANNEL_NOT_CONNECTED");
    assert_eq!(api.get("/v1/jobs").await.expect(200)["meta"]["total"], 0);
    for path in ["/v1/jobs/job_x", "/v1/jobs/job_01h455vb4pex5vsknk084sn02q"] {
        api.get(path).await.refused(404, "NOT_FOUND");
        api.get(&format!("{path}/messages")).await.refused(404, "NOT_FOUND");
        api.post(&format!("{path}/cancel"), json!({})).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_full_call_waits_its_turns_while_single_sends_go_ahead_and_is_cancelled_at_once() {
    let server = server(SLOW).await;
    let api = &server.api;
    server.open_channel("shop").await;
    let long = "x".repeat(1_300);
    let full: Vec<_> = (0..1_000).map(|index| letter(&number(index), &long)).collect();
    let answer = api.post("/v1/messages/bulk", bulk("shop", &full)).await;
    let location = answer.header("location").to_owned();
    assert_eq!(answer.expect(202)["data"]["accepted"], 1_000, "a body of more than 1 MiB");

    // Also to somebody who is in the bulk.
    let single = api.send("shop", &number(999), "urgent").await.expect(201);
    assert_eq!(single["data"]["status"], "sent");
    let first = |body: &Value| body["data"]["progress"]["sent"] == 1;
    let job = api.until(&location, first).await["data"].clone();
    assert_eq!((&job["status"], &job["progress"]["queued"]), (&json!("running"), &json!(999)));

    let cancelled = api.post(&format!("{location}/cancel"), json!({})).await.expect(200)["data"].clone();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["finished_at"].is_string());
    let progress = json!({"queued": 0, "sent": 1, "delivered": 0, "read": 0, "failed": 0, "cancelled": 999});
    assert_eq!(cancelled["progress"], progress);
    let again = api.post(&format!("{location}/cancel"), json!({})).await.expect(200);
    assert_eq!(again["data"], cancelled, "nothing more happens");
    let messages = api.get(&format!("{location}/messages?per_page=1")).await.expect(200);
    assert_eq!(messages["meta"]["total"], 1_000);
    let last = &messages["data"][0];
    assert_eq!((&last["status"], &last["status_reason"]), (&json!("failed"), &json!("cancelled")));
    let chat = last["chat_id"].as_str().unwrap();
    let chat = api.get(&format!("/v1/chats/{chat}/messages")).await.expect(200);
    assert!(chat["meta"]["total"].as_u64().unwrap() <= 2);
    assert_eq!(server.phones.texts(&number(999)).await, ["urgent"]);
}

#[tokio::test]
async fn a_body_beyond_two_mebibytes_is_too_large() {
    let server = server(FAST).await;
    let body = bulk("shop", &[letter(ANA, &"x".repeat(2 * 1024 * 1024))]);
    server.api.post("/v1/messages/bulk", body).await.refused(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_repeated_call_gets_the_first_answer_and_sends_nothing_twice() {
    let server = server(FAST).await;
    let api = &server.api;
    server.open_channel("shop").await;
    let body = bulk("shop", &[letter(ANA, "one"), letter("x", "y"), letter(ANA, "two")]);
    let first = api.post_once("/v1/messages/bulk", body.clone(), "once").await;
    let second = api.post_once("/v1/messages/bulk", body, "once").await;
    assert_eq!((second.text.as_str(), second.header("idempotency-replayed")), (first.text.as_str(), "true"));
    let location = first.header("location").to_owned();
    first.expect(202);
    let other = bulk("shop", &[letter(ANA, "other")]);
    api.post_once("/v1/messages/bulk", other, "once").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    api.until(&location, |body| body["data"]["status"] == "completed").await;
    assert_eq!(server.phones.texts(ANA).await, ["one", "two"]);
    assert_eq!(api.get("/v1/jobs").await.expect(200)["meta"]["total"], 1);

    let cancel = format!("{location}/cancel");
    api.post_once(&cancel, json!({}), "cancel").await.refused(409, "CONFLICT");
    let known = api.get(&location).await.header("etag").to_owned();
    let unchanged =
        api.json(reqwest::Method::GET, &location, Value::Null, &[("If-None-Match", &known)]).await;
    assert_eq!(unchanged.status, 304);
}

#[tokio::test]
async fn a_second_workspace_neither_sees_nor_touches_a_job() {
    let server = server(SLOW).await;
    let channel = server.open_channel("shop").await;
    let answer = server.api.post("/v1/messages/bulk", bulk("shop", &letters(3))).await;
    let location = answer.header("location").to_owned();
    answer.expect(202);
    let stranger = server.another("second", &[Scope::All], None).await;
    stranger.get(&location).await.refused(404, "NOT_FOUND");
    stranger.get(&format!("{location}/messages")).await.refused(404, "NOT_FOUND");
    stranger.post(&format!("{location}/cancel"), json!({})).await.refused(404, "NOT_FOUND");
    stranger.post("/v1/messages/bulk", bulk(&channel, &letters(1))).await.refused(404, "NOT_FOUND");
    assert_eq!(stranger.get("/v1/jobs").await.expect(200)["meta"]["total"], 0);
    assert_eq!(server.api.get(&location).await.expect(200)["data"]["status"], "running");
}

#[tokio::test]
async fn a_number_that_nobody_has_fails_and_the_job_goes_on() {
    let server = server(FAST).await;
    server.open_channel("shop").await;
    let letters = [letter(super::server::NOBODY, "?"), letter(ANA, "!")];
    let answer = server.api.post("/v1/messages/bulk", bulk("shop", &letters)).await;
    let location = answer.header("location").to_owned();
    let job = server.api.until(&location, |body| body["data"]["status"] == "completed").await;
    let progress = &job["data"]["progress"];
    assert_eq!((&progress["failed"], &progress["sent"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn the_end_of_a_channel_is_the_end_of_its_bulk_messages() {
    let server = server(SLOW).await;
    let api = &server.api;
    server.open_channel("shop").await;
    let answer = api.post("/v1/messages/bulk", bulk("shop", &letters(20))).await;
    let location = answer.header("location").to_owned();
    api.post("/api/whatsapp/logout", json!({"instanceName": "shop"})).await.expect(200);
    let job = api.until(&location, |body| body["data"]["status"] == "completed").await;
    assert!(job["data"]["progress"]["failed"].as_u64().unwrap() >= 19, "{job}");
}

/// What a crash in the middle of a call leaves, when the caller has no key to repeat it with: a job that takes items.
#[tokio::test]
async fn a_job_whose_caller_is_gone_sends_what_it_has_and_ends_as_incomplete() {
    let server = server(FAST).await;
    server.open_channel("shop").await;
    let core = server.running.core();
    let workspace = workspace_id(&"default".parse().unwrap());
    let context = Context::internal(workspace, Actor::Operator, "req_test".to_owned());
    let channel: ChannelRef = "shop".parse().unwrap();
    let expires_at = core.clock.now() + chrono::TimeDelta::days(1);
    let open = OpenBulk { channel, total: 3, expires_at };
    let job = core.run(&context, &open).await.unwrap().output;
    let content = Content::Text { text: "made it".parse().unwrap() };
    let items = vec![BulkItem { index: 0, to: ANA.parse().unwrap(), content }];
    let queue = QueueBulk { job, items, again: false, patience: Duration::from_secs(60) };
    let first = core.run(&context, &queue).await.unwrap().output;
    let second = core.run(&context, &queue).await.unwrap().output;
    assert_eq!(first[0].1.as_ref().unwrap(), second[0].1.as_ref().unwrap(), "queued once");

    let location = format!("/v1/jobs/{job}");
    server.phones.until_received(ANA, 1).await;
    server.api.until(&location, |body| body["data"]["progress"]["sent"] == 1).await;
    server.execute("UPDATE jobs SET created_at = created_at - interval '9 minutes'").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        server.api.get(&location).await.expect(200)["data"]["status"],
        "running",
        "it may be repeated"
    );
    server.execute("UPDATE jobs SET created_at = created_at - interval '9 minutes'").await;
    let ended = server.api.until(&location, |body| body["data"]["finished_at"].is_string()).await;
    let ended = &ended["data"];
    assert_eq!((&ended["status"], &ended["accepted"]), (&json!("incomplete"), &json!(1)));
    let queue = QueueBulk { items: vec![BulkItem { index: 1, ..queue.items[0].clone() }], ..queue };
    let late = core.run(&context, &queue).await.unwrap().output;
    assert!(late[0].1.is_err(), "it takes nothing more");
}
