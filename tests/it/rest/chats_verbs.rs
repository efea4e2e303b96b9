//! The verbs of a chat: close, reopen, snooze, assign, read.

use std::time::Duration;

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{ACCOUNT, Server};
use crate::support::api::{Answer, Api, fields};

const ANA: &str = "5511988887777";

/// An open chat with Ana, by its path.
async fn chat(server: &Server) -> String {
    server.open_channel("shop").await;
    let made = server.api.post("/v1/chats", json!({"channel_id": "shop", "to": ANA})).await;
    made.header("location").to_owned()
}

async fn ask(api: &Api, path: &str, verb: &str, body: Value) -> Answer {
    api.post(&format!("{path}/{verb}"), body).await
}

/// The number of the chat's own events, as its tag has it.
fn version(answer: &Answer) -> u64 {
    answer.header("etag").trim_matches('"').split('-').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_verb_answers_with_the_chat_and_twice_changes_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    let until = "2100-01-31T10:30:00.000+01:00";
    let mut expected = 1;
    for (verb, body, field, shown) in [
        ("assign", json!({"assignee": "Bia"}), "assignee", json!("Bia")),
        ("snooze", json!({}), "status", json!("snoozed")),
        ("snooze", json!({"until": until}), "snoozed_until", json!("2100-01-31T09:30:00.000Z")),
        ("reopen", json!({}), "snoozed_until", json!(null)),
        ("assign", json!({"assignee": null}), "assignee", json!(null)),
        ("close", json!({}), "status", json!("closed")),
        ("reopen", json!({}), "status", json!("open")),
    ] {
        expected += 1;
        let changed = ask(api, &path, verb, body.clone()).await;
        assert_eq!(version(&changed), expected, "{verb}: {}", changed.text);
        let changed = changed.expect(200);
        assert_eq!(changed["data"][field], shown, "{verb}");
        assert_eq!(changed["data"]["version"], expected);
        let again = ask(api, &path, verb, body).await;
        assert_eq!(again.expect(200), changed, "{verb} twice");
        assert_eq!(api.get(&path).await.expect(200), changed, "{verb} is seen");
    }
    let bodiless = api.call(Method::POST, &format!("{path}/snooze"), &[], None::<&str>).await.expect(200);
    assert_eq!(
        (&bodiless["data"]["status"], &bodiless["data"]["snoozed_until"]),
        (&json!("snoozed"), &json!(null))
    );
    let once = || api.post_once(&path, json!({}), "k");
    assert_eq!(once().await.status, 405);
    let close_path = format!("{path}/close");
    let close = || api.post_once(&close_path, json!({}), "k2");
    let closed = close().await.expect(200);
    ask(api, &path, "reopen", json!({})).await.expect(200);
    assert_eq!(close().await.expect(200), closed, "a repeated command is answered, not carried out");
    assert_eq!(api.get(&path).await.expect(200)["data"]["status"], "open");
}

#[tokio::test]
async fn a_verb_is_for_the_version_the_caller_saw_and_for_chats_of_its_own() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    let verbs = [
        ("close", json!({})),
        ("reopen", json!({})),
        ("snooze", json!({})),
        ("assign", json!({"assignee": "Bia"})),
        ("read", json!({})),
    ];
    let stranger = server.another("second", &[Scope::All], None).await;
    let nobody = "/v1/chats/cht_01h455vb4pex5vsknk084sn02q";
    for (verb, body) in verbs.clone() {
        let verb_path = format!("{path}/{verb}");
        let stale = api.json(Method::POST, &verb_path, body.clone(), &[("If-Match", "\"7\"")]).await;
        stale.refused(412, "PRECONDITION_FAILED");
        ask(&stranger, &path, verb, body.clone()).await.refused(404, "NOT_FOUND");
        let named = [("If-Match", "\"1-9\"")];
        stranger.json(Method::POST, &verb_path, body.clone(), &named).await.refused(404, "NOT_FOUND");
        ask(api, nobody, verb, body).await.refused(404, "NOT_FOUND");
    }
    let tag = api.get(&path).await.header("etag").to_owned();
    let closed = api.json(Method::POST, &format!("{path}/close"), json!({}), &[("If-Match", &tag)]).await;
    assert_eq!(version(&closed), 2);
    let stale = api.json(Method::POST, &format!("{path}/close"), json!({}), &[("If-Match", &tag)]).await;
    stale.refused(412, "PRECONDITION_FAILED");
}

#[tokio::test]
async fn what_makes_no_sense_to_a_chat_is_refused_by_field() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    for (verb, body, wrong) in [
        ("snooze", json!({"until": "2020-01-01T00:00:00Z"}), "until"),
        ("snooze", json!({"until": "tomorrow"}), "until"),
        ("snooze", json!({"until": 1_700_000_000}), "until"),
        ("snooze", json!({"for": "1h"}), "for"),
        ("assign", json!({}), "assignee"),
        ("assign", json!({"assignee": ""}), "assignee"),
        ("assign", json!({"assignee": "x".repeat(201)}), "assignee"),
        ("assign", json!({"assignee": 7}), "assignee"),
    ] {
        let error = ask(api, &path, verb, body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), [wrong], "{verb} {body}");
    }
    let broken = api.call(Method::POST, &format!("{path}/snooze"), &[], Some("{")).await;
    broken.refused(400, "INVALID_JSON");
    let empty = api.call(Method::POST, &format!("{path}/assign"), &[], None::<&str>).await;
    empty.refused(400, "INVALID_JSON");
    assert_eq!(version(&api.get(&path).await), 1);
}

#[tokio::test]
async fn what_passes_after_a_chat_was_closed_opens_another_and_only_one_can_be_open() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    ask(api, &path, "close", json!({})).await.expect(200);
    for (verb, body) in [("assign", json!({"assignee": "Bia"})), ("snooze", json!({}))] {
        ask(api, &path, verb, body).await.refused(409, "CONFLICT");
    }
    server.phones.write(ANA, "Ana", ACCOUNT, "hello again").await;
    let chats = api.until("/v1/chats", |body| body["meta"]["total"] == 2).await;
    let newer = chats["data"][0]["id"].as_str().unwrap();
    assert_eq!((&chats["data"][0]["status"], &chats["data"][0]["unread_count"]), (&json!("open"), &json!(1)));

    let refused = ask(api, &path, "reopen", json!({})).await.refused(409, "CONFLICT");
    assert!(refused["error"]["message"].as_str().unwrap().contains(newer), "{refused}");
    let newer = format!("/v1/chats/{newer}");
    ask(api, &newer, "close", json!({})).await.expect(200);
    let (one, two) =
        futures::join!(ask(api, &path, "reopen", json!({})), ask(api, &newer, "reopen", json!({})));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "of two at once one is open: {} {}", one.text, two.text);

    let customer = api.get(&path).await.expect(200)["data"]["customer_id"].clone();
    api.delete(&format!("/v1/customers/{}", customer.as_str().unwrap())).await.expect(200);
    ask(api, &path, "reopen", json!({})).await.refused(409, "CONFLICT");
}

#[tokio::test]
async fn the_same_verb_at_once_changes_the_chat_once() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    let close = || ask(api, &path, "close", json!({}));
    let answers = futures::future::join_all((0..8).map(|_| close())).await;
    for answer in answers {
        assert_eq!(answer.expect(200)["data"]["status"], "closed");
    }
    assert_eq!(version(&api.get(&path).await), 2);
}

#[tokio::test]
async fn a_snoozed_chat_comes_back_when_the_customer_writes_or_when_it_is_time() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    ask(api, &path, "snooze", json!({"until": "2100-01-31T10:30:00Z"})).await.expect(200);
    server.phones.write(ANA, "Ana", ACCOUNT, "are you there?").await;
    let woken = api.until(&path, |body| body["data"]["status"] == "open").await;
    assert_eq!((&woken["data"]["snoozed_until"], &woken["data"]["unread_count"]), (&json!(null), &json!(1)));

    let soon = server.running.core().clock.now() + Duration::from_secs(2);
    let snoozed = ask(api, &path, "snooze", json!({"until": soon.to_rfc3339()})).await.expect(200);
    assert_eq!(snoozed["data"]["status"], "snoozed");
    let woken = api.until(&path, |body| body["data"]["status"] == "open").await;
    assert!(server.running.core().clock.now() >= soon);
    assert_eq!(woken["data"]["snoozed_until"], json!(null));
}

#[tokio::test]
async fn reading_a_chat_empties_its_count_and_the_phone_that_wrote_sees_it() {
    let server = Server::start().await;
    let api = &server.api;
    let path = chat(&server).await;
    assert_eq!(version(&ask(api, &path, "read", json!({})).await), 1, "there is nothing to read");
    for text in ["one", "two", "three"] {
        server.phones.write(ANA, "Ana", ACCOUNT, text).await;
    }
    api.until(&path, |body| body["data"]["unread_count"] == 3).await;
    let read = ask(api, &path, "read", json!({})).await;
    let seen = version(&read);
    assert_eq!(read.expect(200)["data"]["unread_count"], 0);
    assert_eq!(version(&ask(api, &path, "read", json!({})).await), seen, "twice changes nothing");
    server.phones.until_read(ANA, 3).await;

    server.phones.write(ANA, "Ana", ACCOUNT, "four").await;
    api.until(&path, |body| body["data"]["unread_count"] == 1).await;
    ask(api, &path, "close", json!({})).await.expect(200);
    assert_eq!(ask(api, &path, "read", json!({})).await.expect(200)["data"]["unread_count"], 0);
    server.phones.until_read(ANA, 4).await;
}

#[tokio::test]
async fn where_it_is_set_so_nobody_is_told_that_a_chat_was_read() {
    let server = Server::with(|config| interflow::Config { send_read_receipts: false, ..config }).await;
    let api = &server.api;
    let path = chat(&server).await;
    server.phones.write(ANA, "Ana", ACCOUNT, "one").await;
    api.until(&path, |body| body["data"]["unread_count"] == 1).await;
    assert_eq!(ask(api, &path, "read", json!({})).await.expect(200)["data"]["unread_count"], 0);
    // What is written after it is delivered after it: had a receipt been sent, it would be here by then.
    server.phones.write(ANA, "Ana", ACCOUNT, "two").await;
    api.until(&path, |body| body["data"]["unread_count"] == 1).await;
    assert!(server.phones.written(ANA).await.iter().all(|message| message["read"] == false));
}
