//! `Idempotency-Key`: the same request twice is carried out once.

use std::time::Duration;

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::json;

use super::server::{NOBODY, Server};

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_byte_for_byte() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"name": "Ana", "phone": "5511988887777"});
    let first = api.post_once("/v1/customers", draft.clone(), "one").await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, ""));
    api.patch(first.header("location"), json!({"name": "Bea"})).await.expect(200);
    let second = api.post_once("/v1/customers", draft.clone(), "\"one\"").await;
    assert_eq!((second.status.as_u16(), second.header("idempotency-replayed")), (201, "true"));
    assert_eq!(second.text, first.text);
    assert_eq!(
        (second.header("etag"), second.header("location")),
        (first.header("etag"), first.header("location"))
    );
    assert_ne!(second.header("x-request-id"), first.header("x-request-id"));
    api.post_once("/v1/customers", draft, "two").await.refused(409, "CONFLICT");
}

#[tokio::test]
async fn a_key_that_comes_with_another_body_is_refused() {
    let server = Server::start().await;
    let api = &server.api;
    api.post_once("/v1/customers", json!({"phone": "5511988887777"}), "one").await.expect(201);
    let other = json!({"phone": "5511988887778"});
    api.post_once("/v1/customers", other.clone(), "one").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let second = server.another("second", &[Scope::All], None).await;
    second.post_once("/v1/customers", other, "one").await.expect(201);
}

#[tokio::test]
async fn nothing_is_kept_of_a_refusal() {
    let server = Server::start().await;
    let api = &server.api;
    api.post_once("/v1/customers", json!({"phone": "x"}), "one").await.refused(422, "VALIDATION_ERROR");
    api.post_once("/v1/customers", json!({}), "one").await.refused(422, "VALIDATION_ERROR");
    let made = api.post_once("/v1/customers", json!({"phone": "5511988887777"}), "one").await;
    assert_eq!(made.header("idempotency-replayed"), "");
    made.expect(201);
}

#[tokio::test]
async fn a_key_out_of_bounds_is_refused() {
    let server = Server::start().await;
    for key in ["", "\"", &"x".repeat(256)] {
        let answer = server.api.post_once("/v1/customers", json!({"phone": "5511988887777"}), key).await;
        answer.refused(422, "VALIDATION_ERROR");
    }
    server
        .api
        .post_once("/v1/customers", json!({"phone": "5511988887777"}), &"x".repeat(255))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_twin_in_flight_is_refused_and_then_gets_the_answer() {
    let server =
        Server::with(|config| interflow::Config { send_wait: Duration::from_secs(20), ..config }).await;
    server.acknowledge_after(Duration::from_secs(2)).await;
    server.open_channel("shop").await;
    let letter =
        json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": "x"}});
    let first = tokio::spawn({
        let (api, letter) = (server.api.clone(), letter.clone());
        async move { api.post_once("/v1/messages/send", letter, "one").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let twin = server.api.post_once("/v1/messages/send", letter.clone(), "one").await;
    assert_eq!(twin.header("retry-after"), "1");
    twin.refused(409, "IDEMPOTENCY_IN_FLIGHT");
    let first = first.await.unwrap();
    let again = server.api.post_once("/v1/messages/send", letter, "one").await;
    assert_eq!(again.text, first.text);
    assert_eq!(first.expect(201)["data"]["status"], "sent");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(server.phones.until_received("5511999999999", 1).await.len(), 1, "the phone has it once");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_rendered_anew() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    // The caller gives up while the message waits for its acknowledgement, and the server with it.
    server.acknowledge_after(Duration::from_secs(1)).await;
    let letter =
        json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": "x"}});
    let mut impatient =
        api.http.post(format!("{}/v1/messages/send", api.url)).bearer_auth(api.key.clone().unwrap());
    impatient = impatient.header("Idempotency-Key", "one").json(&letter).timeout(Duration::from_millis(300));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    let found = loop {
        let found = api.post_once("/v1/messages/send", letter.clone(), "one").await;
        if found.status != 409 {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let location = found.header("location").to_owned();
    assert_eq!(found.expect(201)["data"]["channel_id"], "shop");
    let again = api.post_once("/v1/messages/send", letter.clone(), "one").await;
    assert_eq!((again.header("location"), again.header("idempotency-replayed")), (location.as_str(), "true"));
    api.post_once("/v1/messages/send", json!({}), "one").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let chats = api.get("/v1/chats").await.expect(200);
    let chat = chats["data"][0]["id"].as_str().unwrap();
    assert_eq!(api.get(&format!("/v1/chats/{chat}/messages")).await.expect(200)["meta"]["total"], 1);
    assert_eq!(server.phones.until_received("5511999999999", 1).await.len(), 1, "the phone has it once");
}

#[tokio::test]
async fn a_number_that_nobody_has_is_the_same_error_every_time() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    let letter = json!({"channel_id": "shop", "to": NOBODY, "type": "text", "content": {"text": "x"}});
    server.api.post("/v1/messages/send", letter.clone()).await.refused(422, "NUMBER_NOT_ON_WHATSAPP");
    for _ in 0..2 {
        let answer = server.api.post_once("/v1/messages/send", letter.clone(), "one").await;
        answer.refused(422, "NUMBER_NOT_ON_WHATSAPP");
    }
}

#[tokio::test]
async fn the_other_methods_and_the_other_face_repeat_nothing_either() {
    let server = Server::start().await;
    let api = &server.api;
    let location =
        api.post("/v1/customers", json!({"phone": "5511988887777"})).await.header("location").to_owned();
    let key = [("Idempotency-Key", "one")];
    let put = || api.json(Method::PUT, &location, json!({"phone": "5511988887777", "name": "A"}), &key);
    let (first, second) = (put().await, put().await);
    assert_eq!((first.text.as_str(), first.header("etag")), (second.text.as_str(), "\"2\""));
    let patch = || api.json(Method::PATCH, &location, json!({"name": "B"}), &key);
    let (first, second) = (patch().await, patch().await);
    assert_eq!((first.text.as_str(), first.header("etag")), (second.text.as_str(), "\"3\""));
    let delete = || api.call(Method::DELETE, &location, &key, None::<&str>);
    let (first, second) = (delete().await, delete().await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!(second.header("idempotency-replayed"), "true");

    let connect = || api.post_once("/api/whatsapp/connect", json!({"instanceName": "shop"}), "c");
    let (first, second) = (connect().await, connect().await);
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert!(first.body["qrcode"].as_str().unwrap().starts_with("2@"), "{}", first.text);
    assert_eq!(first.text, second.text);
    for path in ["/api/whatsapp/restart", "/api/whatsapp/logout"] {
        let call = || api.post_once(path, json!({"instanceName": "shop"}), "c");
        let (first, second) = (call().await, call().await);
        assert_eq!((first.status.as_u16(), first.text), (200, second.text), "{path}");
    }
    let delete = || api.call(Method::DELETE, "/api/whatsapp/delete/shop", &key, None::<&str>);
    let (first, second) = (delete().await, delete().await);
    assert_eq!((first.status.as_u16(), first.text), (200, second.text));
}
