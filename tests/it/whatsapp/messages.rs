use interflow_application::Clock;
use interflow_infrastructure::clock::SystemClock;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::lab::Lab;

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

#[tokio::test(flavor = "multi_thread")]
async fn a_send_reaches_the_phone_decrypted_and_goes_sent_delivered_read() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let sent = lab.api.send("shop", ANA, "Hello! This is a message via API.").await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let data = &sent.body["data"];
    assert_eq!(
        (&data["channel_id"], &data["to"], &data["type"]),
        (&json!("shop"), &json!(ANA), &json!("text"))
    );
    assert_eq!(data["status"], "sent");

    let path = format!("/v1/messages/{}", data["id"].as_str().unwrap());
    assert_eq!(sent.headers["location"], path.as_str());
    let read = lab.api.until(&path, |body| body["data"]["status"] == "read").await;
    let data = &read["data"];
    for time in ["created_at", "sent_at", "delivered_at", "read_at"] {
        assert!(data[time].is_string(), "{time} of {data}");
    }
    let received = lab.phones.until_received(ANA, 1).await;
    assert_eq!(received[0]["text"], "Hello! This is a message via API.");
    assert_eq!((&received[0]["from"], &received[0]["copies"]), (&json!(SHOP), &json!(1)));
    assert_eq!(received[0]["id"], data["whatsapp_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_message_opens_customer_and_chat_and_counts_as_unread() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.write(ANA, "Ana", SHOP, "Hey! How can I buy?").await;
    let chats = lab.api.until("/v1/chats", |body| body["meta"]["total"] == 1).await;
    let chat = &chats["data"][0];
    assert_eq!((&chat["status"], &chat["unread_count"]), (&json!("open"), &json!(1)));
    assert_eq!(chat["last_message"]["preview"], "Hey! How can I buy?");

    let messages = lab.api.get(&format!("/v1/chats/{}/messages", chat["id"].as_str().unwrap())).await.body;
    let message = &messages["data"][0];
    assert_eq!((&message["direction"], &message["from"]), (&json!("inbound"), &json!(ANA)));
    assert_eq!(message["content"]["text"], "Hey! How can I buy?");
    let customer =
        lab.api.get(&format!("/v1/customers/{}", chat["customer_id"].as_str().unwrap())).await.body;
    assert_eq!((&customer["data"]["name"], &customer["data"]["phone"]), (&json!("Ana"), &json!(ANA)));

    // The answer goes into the same chat, to the same customer.
    let sent = lab.api.send("shop", ANA, "Like this!").await;
    assert_eq!(sent.body["data"]["chat_id"], chat["id"]);
    assert_eq!(lab.api.get("/v1/customers").await.body["meta"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_messages_at_once_end_in_one_customer_and_one_chat() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let sends = (0..8).map(|number| {
        let api = lab.api.clone();
        async move { api.send("shop", ANA, &format!("message {number}")).await }
    });
    let inbound = lab.phones.write(ANA, "Ana", SHOP, "me too");
    let (answers, ()) = futures::join!(futures::future::join_all(sends), inbound);
    assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED), "{answers:?}");
    let chats = lab.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 1).await;
    assert_eq!(chats["meta"]["total"], 1);
    assert_eq!(lab.api.get("/v1/customers").await.body["meta"]["total"], 1);
    let received = lab.phones.until_received(ANA, 8).await;
    assert!(received.iter().all(|message| message["copies"] == 1), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_of_one_chat_arrive_in_order_also_over_a_cut_connection() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    for number in 0..20 {
        if number == 10 {
            let (status, body) = lab.phones.post("/cut", json!({"phone": SHOP})).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
        let answer = lab.api.send("shop", ANA, &format!("message {number}")).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    lab.phones.until_received(ANA, 20).await;
    let expected: Vec<_> = (0..20).map(|number| format!("message {number}")).collect();
    assert_eq!(lab.phones.texts(ANA).await, expected);
    lab.until_status("shop", "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_on_whatsapp_is_a_clear_error() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.leave("5511777777777").await;
    let answer = lab.api.send("shop", "5511777777777", "Anybody?").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert_eq!(answer.body["error"]["code"], "NUMBER_NOT_ON_WHATSAPP");
    let chat = lab.api.get("/v1/chats").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    let message = &lab.api.get(&format!("/v1/chats/{chat}/messages")).await.body["data"][0];
    assert_eq!(
        (&message["status"], &message["status_reason"]),
        (&json!("failed"), &json!("not_on_whatsapp"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_is_acknowledged_late_is_answered_as_queued_and_sent_later() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.faults(json!({"ack_delay_ms": 3500, "receipts": "none"})).await;
    let sent = lab.api.send("shop", ANA, "slowly").await;
    assert_eq!((sent.status, &sent.body["data"]["status"]), (StatusCode::CREATED, &json!("queued")));
    let path = format!("/v1/messages/{}", sent.body["data"]["id"].as_str().unwrap());
    lab.api.until(&path, |body| body["data"]["status"] == "sent").await;
    assert_eq!(lab.phones.received(ANA).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snoozed_chat_comes_back_in_time_though_the_server_died_meanwhile() {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.write(ANA, "Ana", SHOP, "Call me later").await;
    let chats = lab.api.until("/v1/chats", |body| body["meta"]["total"] == 1).await;
    let path = format!("/v1/chats/{}", chats["data"][0]["id"].as_str().unwrap());
    let until = SystemClock.now() + chrono::TimeDelta::seconds(2);
    let snooze = json!({"until": until.to_rfc3339()});
    let snoozed = lab.api.post(&format!("{path}/snooze"), snooze).await;
    assert_eq!(snoozed.status, StatusCode::OK, "{}", snoozed.body);
    lab.server.kill();
    lab.restart();
    lab.api.until(&path, |body| body["data"]["status"] == "open").await;
    assert!(SystemClock.now() >= until);
}
