//! The endpoint that the operator sets: what a customer writes arrives at it, as Evolution would tell it.

use serde_json::json;

use crate::support::api::Api;
use crate::support::lab::{KEY, NetworkProcess};
use crate::support::receiver::Receiver;

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_writes_arrives_at_the_address_in_the_environment() {
    let (network, receiver) = (NetworkProcess::start(), Receiver::accepting().await);
    let data = tempfile::tempdir().unwrap();
    let hook = format!("{}/webhook/evolution", receiver.url);
    let environment =
        [("INTERFLOW_WEBHOOK_URL", hook.as_str()), ("INTERFLOW_PUBLIC_URL", "https://me.example")];
    let (mut server, url) = network.serve(data.path(), &environment);
    let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
    network.phones.pair(&api, "user_id_001", SHOP).await;
    network.phones.write(ANA, "Ana", SHOP, "Hey! How can I buy?").await;
    let is_message = |event: &serde_json::Value| event["event"] == "messages.upsert";
    let received = receiver.until(|received| received.iter().any(|one| is_message(&one.json()))).await;

    assert!(received.iter().all(|one| one.path == "/webhook/evolution"));
    let message = received.iter().find(|one| is_message(&one.json())).unwrap();
    assert!(message.headers["webhook-signature"].starts_with("v1,"));
    assert!(message.headers.contains_key("webhook-sequence"));
    let body = message.json();
    // The reference's own example is a part of what arrives.
    let example = json!({
        "event": "messages.upsert",
        "instance": "user_id_001",
        "data": { "message": { "conversation": "Hey! How can I buy?" } }
    });
    assert_part(&example, &body);
    assert_eq!(
        (&body["instance"], &body["server_url"]),
        (&json!("user_id_001"), &json!("https://me.example"))
    );
    let data_of = &body["data"];
    assert_eq!(data_of["key"]["remoteJid"], format!("{ANA}@s.whatsapp.net"));
    assert_eq!((&data_of["key"]["fromMe"], &data_of["pushName"]), (&json!(false), &json!("Ana")));
    assert_eq!(data_of["message"]["conversation"], "Hey! How can I buy?");
    assert_eq!(data_of["messageType"], "conversation");

    // Taken out of the environment it waits; put back, it goes on where it stopped.
    assert!(server.terminate().success());
    let (mut server, url) = network.serve(data.path(), &[]);
    let api = Api { url, ..api };
    api.until_status("user_id_001", "open").await;
    network.phones.write(ANA, "Ana", SHOP, "Anybody there?").await;
    api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 2).await;
    assert!(server.terminate().success());
    let (_server, _) = network.serve(data.path(), &environment);
    let second = |event: &serde_json::Value| event["data"]["message"]["conversation"] == "Anybody there?";
    let received = receiver.until(|received| received.iter().any(|one| second(&one.json()))).await;
    let messages = received.iter().filter(|one| is_message(&one.json()) && one.accepted).count();
    assert_eq!(messages, 2, "each once");
}

/// Whether all of an example is in a body.
fn assert_part(example: &serde_json::Value, body: &serde_json::Value) {
    match example.as_object() {
        Some(fields) => fields.iter().for_each(|(name, value)| assert_part(value, &body[name])),
        None => assert_eq!(example, body),
    }
}
