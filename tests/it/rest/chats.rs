//! `/v1/chats`, and the messages of a chat.

use reqwest::Method;
use serde_json::json;

use super::server::Server;
use crate::support::api::fields;

#[tokio::test]
async fn the_open_chat_of_two_is_found_rather_than_doubled() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = server.open_channel("shop").await;
    let made = api.post("/v1/chats", json!({"channel_id": "shop", "to": "5511988887777"})).await;
    let location = made.header("location").to_owned();
    let made = made.expect(201);
    assert_eq!(location, format!("/v1/chats/{}", made["data"]["id"].as_str().unwrap()));
    assert_eq!(made["data"]["channel_id"], channel);
    assert_eq!((&made["data"]["status"], &made["data"]["last_message"]), (&json!("open"), &json!(null)));

    let customer = made["data"]["customer_id"].as_str().unwrap();
    let found =
        api.post("/v1/chats", json!({"channel_id": channel, "customer_id": customer})).await.expect(200);
    assert_eq!(found["data"]["id"], made["data"]["id"]);
    assert_eq!(api.get(&location).await.expect(200)["data"]["id"], made["data"]["id"]);
    assert_eq!(api.get("/v1/chats").await.expect(200)["meta"]["total"], 1);
    assert_eq!(
        api.get(&format!("/v1/customers/{customer}")).await.expect(200)["data"]["phone"],
        "5511988887777"
    );
}

#[tokio::test]
async fn a_chat_needs_a_channel_and_one_partner() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    let api = &server.api;
    let nobody = "cus_01h455vb4pex5vsknk084sn02q";
    for (body, wrong) in [
        (json!({}), vec!["channel_id", "customer_id"]),
        (json!({"channel_id": "shop"}), vec!["customer_id"]),
        (json!({"channel_id": "shop", "to": "5511988887777", "customer_id": nobody}), vec!["to"]),
        (json!({"channel_id": "shop", "customer_id": nobody}), vec!["customer_id"]),
        (json!({"channel_id": "shop", "customer_id": "msg_1"}), vec!["customer_id"]),
        (json!({"channel_id": "elsewhere", "to": "5511988887777"}), vec!["channel_id"]),
    ] {
        let error = api.post("/v1/chats", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), wrong, "{body}");
    }
}

#[tokio::test]
async fn a_chat_s_tag_changes_with_its_messages() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let made = api.post("/v1/chats", json!({"channel_id": "shop", "to": "5511988887777"})).await;
    let (path, tag) = (made.header("location").to_owned(), made.header("etag").to_owned());
    assert!(tag.starts_with("\"1-"), "{tag}");
    let unchanged = api.call(Method::GET, &path, &[("If-None-Match", &tag)], None::<&str>).await;
    assert_eq!(unchanged.status, 304);
    let letter =
        json!({"channel_id": "shop", "to": "5511988887777", "type": "text", "content": {"text": "Hello"}});
    let sent = api.post("/v1/messages/send", letter).await.expect(201);
    let changed = api.call(Method::GET, &path, &[("If-None-Match", &tag)], None::<&str>).await;
    assert!(changed.header("etag").starts_with("\"1-"), "the version is the chat's own");
    let changed = changed.expect(200);
    let last = &changed["data"]["last_message"];
    assert_eq!((&last["id"], &last["preview"]), (&sent["data"]["id"], &json!("Hello")));
    assert_eq!((&last["direction"], &last["type"]), (&json!("outbound"), &json!("text")));

    let messages = api.get(&format!("{path}/messages")).await.expect(200);
    assert_eq!(messages["meta"]["total"], 1);
    assert_eq!(messages["data"][0]["id"], sent["data"]["id"]);
    api.get("/v1/chats/cht_01h455vb4pex5vsknk084sn02q/messages").await.refused(404, "NOT_FOUND");
}
