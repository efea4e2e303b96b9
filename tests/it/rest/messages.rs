//! Sending, on both faces, and reading back.

use std::time::Duration;

use serde_json::json;

use super::server::Server;

#[tokio::test]
async fn a_send_answers_as_the_reference_prints_it_and_with_the_rest() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = server.open_channel("channel-uuid").await;
    let letter = json!({
        "channel_id": "channel-uuid", "to": "5511999999999", "type": "text",
        "content": {"text": "Hello! This is a message via API."}
    });
    let sent = api.post("/v1/messages/send", letter.clone()).await;
    let location = sent.header("location").to_owned();
    let sent = sent.expect(201);
    for field in ["channel_id", "to", "type", "content"] {
        assert_eq!(sent["data"][field], letter[field], "{field}");
    }
    assert_eq!((&sent["success"], &sent["data"]["status"]), (&json!(true), &json!("sent")));
    let id = sent["data"]["id"].as_str().unwrap();
    assert!(id.starts_with("msg_"));
    assert_eq!(location, format!("/v1/messages/{id}"));
    let all = [
        "id",
        "chat_id",
        "channel_id",
        "customer_id",
        "direction",
        "to",
        "from",
        "type",
        "content",
        "status",
        "status_reason",
        "whatsapp_id",
        "reply_to",
        "created_at",
        "sent_at",
        "delivered_at",
        "read_at",
        "failed_at",
        "version",
    ];
    for field in all {
        assert!(sent["data"].get(field).is_some(), "{field} is missing");
    }
    assert_eq!(sent["data"].as_object().unwrap().len(), all.len());

    let read = api.get(&location).await;
    assert_eq!(read.header("etag"), "\"2\"");
    let read = read.expect(200);
    assert_eq!(read["data"]["channel_id"], channel, "a read gives the id, whatever the send named");
    assert_eq!((&read["data"]["direction"], &read["data"]["from"]), (&json!("outbound"), &json!(null)));
    assert!(read["data"]["sent_at"].is_string() && read["data"]["failed_at"].is_null());
}

#[tokio::test]
async fn a_send_that_is_not_acknowledged_in_time_is_queued_and_then_sent() {
    let server =
        Server::with(|config| interflow::Config { send_wait: Duration::from_millis(200), ..config }).await;
    let api = &server.api;
    server.acknowledge_after(Duration::from_secs(1)).await;
    server.open_channel("shop").await;
    let letter =
        json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": "x"}});
    let queued = api.post("/v1/messages/send", letter).await;
    let location = queued.header("location").to_owned();
    assert_eq!(queued.expect(201)["data"]["status"], "queued");
    for _ in 0..200 {
        if api.get(&location).await.expect(200)["data"]["status"] == "sent" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was never sent");
}

#[tokio::test]
async fn flowcore_sends_in_its_own_words() {
    let server = Server::start().await;
    server.open_channel("user_id_001").await;
    let letter =
        json!({"instanceName": "user_id_001", "number": "1234567890", "message": "Hello from Flowcore AI!"});
    let sent = server.api.post("/api/whatsapp/send", letter).await.expect(200);
    let id = sent["id"].as_str().unwrap();
    let read = server.api.get(&format!("/v1/messages/{id}")).await.expect(200);
    assert_eq!(
        sent,
        json!({
            "id": id, "whatsappId": read["data"]["whatsapp_id"], "status": "sent",
            "instanceName": "user_id_001", "number": "1234567890"
        })
    );
    assert_eq!(read["data"]["content"], json!({"text": "Hello from Flowcore AI!"}));
}

#[tokio::test]
async fn a_reply_names_a_message_of_the_same_chat() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let letter = |to: &str, reply_to: Option<&str>| json!({"channel_id": "shop", "to": to, "type": "text", "content": {"text": "x"}, "reply_to": reply_to});
    let first = api.post("/v1/messages/send", letter("5511999999999", None)).await.expect(201);
    let id = first["data"]["id"].as_str().unwrap();
    let reply = api.post("/v1/messages/send", letter("5511999999999", Some(id))).await.expect(201);
    assert_eq!(reply["data"]["reply_to"], id);
    api.post("/v1/messages/send", letter("5511888888888", Some(id))).await.refused(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn many_first_messages_at_once_end_in_one_customer_and_one_chat() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let letter = |number: u32| json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": number.to_string()}});
    let sends = (0..20).map(|number| api.post("/v1/messages/send", letter(number)));
    for answer in futures::future::join_all(sends).await {
        answer.expect(201);
    }
    let chats = api.get("/v1/chats").await.expect(200);
    assert_eq!(chats["meta"]["total"], 1);
    let path = format!("/v1/chats/{}/messages", chats["data"][0]["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["meta"]["total"], 20);
    assert_eq!(api.get("/v1/customers").await.expect(200)["meta"]["total"], 1);
}
