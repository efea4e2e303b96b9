//! Each fault does what it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::wacore::store::in_memory::InMemoryBackend;

use crate::support::{ACCOUNT, CUSTOMER, Client, Net, text};

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_replaced_as_a_whole_and_shown() {
    let net = Net::start().await;
    net.call("/faults", json!({"drop_acks": 3, "receipts": "none"})).await;
    let shown = net.get("/faults").await;
    assert_eq!(shown["drop_acks"], 3);
    assert_eq!(shown["receipts"], "none");
    net.call("/faults", json!({})).await;
    let healed = net.get("/faults").await;
    assert_eq!(healed["drop_acks"], 0);
    assert_eq!(healed["receipts"], "all");
    let (status, _) = net.post("/faults", json!({"no_such_fault": 1})).await;
    assert!(status.is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_acknowledgement_leaves_the_message_delivered() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"drop_acks": 1, "receipts": "none"})).await;
    client.send(CUSTOMER, "unheard", "3EB0A1").await;
    client.send(CUSTOMER, "heard", "3EB0A2").await;
    let first = client
        .event("an acknowledgement", |event| match event {
            Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => Some(ack.id.clone()),
            _ => None,
        })
        .await;
    assert_eq!(first, "3EB0A2");
    assert_eq!(net.received(CUSTOMER, 2).await.len(), 2);
    assert_eq!(net.get("/faults").await["drop_acks"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_acknowledgement_comes_late() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"ack_delay_ms": 600})).await;
    let begin = Instant::now();
    client.send(CUSTOMER, "slow", "3EB0A1").await;
    client.acknowledged("3EB0A1").await;
    assert!(begin.elapsed() >= Duration::from_millis(600));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_message_is_neither_delivered_nor_acknowledged() {
    let net = Net::start().await;
    let client = net.linked_client().await;
    net.call("/faults", json!({"drop_messages": 1})).await;
    client.send(CUSTOMER, "lost", "3EB0A1").await;
    client.send(CUSTOMER, "found", "3EB0A2").await;
    let rows = net.received(CUSTOMER, 1).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["text"], "found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_lost_is_sent_again_under_its_id() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"drop_messages": 1})).await;
    client.send(CUSTOMER, "again", "3EB0A1").await;
    client.send(CUSTOMER, "again", "3EB0A1").await;
    client.receipt("3EB0A1", ReceiptType::Read).await;
    let rows = net.received(CUSTOMER, 1).await;
    assert_eq!((&rows[0]["text"], &rows[0]["copies"]), (&json!("again"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_message_reaches_the_client_twice_under_one_id() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"duplicate_inbound": 1})).await;
    let id = net.write("twice").await;
    let messages = client.messages(2).await;
    assert!(messages.iter().all(|message| message.info.id == id));
    net.write("once").await;
    assert_eq!(text(&client.message().await), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_cannot_decrypt_is_encrypted_again_when_it_asks() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.write("first").await;
    client.message().await;
    net.call("/faults", json!({"corrupt_inbound": 1})).await;
    let id = net.write("garbled").await;
    let message = client.message().await;
    assert_eq!(text(&message), "garbled");
    assert_eq!(message.info.id, id);
    net.write("after").await;
    assert_eq!(text(&client.message().await), "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_may_receive_without_reading() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"receipts": "delivered", "receipt_delay_ms": 0})).await;
    client.send(CUSTOMER, "one", "3EB0A1").await;
    client.receipt("3EB0A1", ReceiptType::Delivered).await;
    net.call("/faults", json!({"receipt_delay_ms": 400})).await;
    client.send(CUSTOMER, "two", "3EB0A2").await;
    let first = client
        .event("a receipt", |event| match event {
            Event::Receipt(receipt) => Some(receipt.message_ids[0].clone()),
            _ => None,
        })
        .await;
    assert_eq!(first, "3EB0A2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_refuses_connections_can_be_healed() {
    let net = Net::start().await;
    net.call("/faults", json!({"refuse_connections": true})).await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    let early = tokio::time::timeout(Duration::from_millis(700), client.qr()).await;
    assert!(early.is_err());
    net.call("/faults", json!({})).await;
    client.qr().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_code_may_take_its_time() {
    let net = Net::start().await;
    net.call("/faults", json!({"first_qr_delay_ms": 800})).await;
    let begin = Instant::now();
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    client.qr().await;
    assert!(begin.elapsed() >= Duration::from_millis(800));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_overtaken_by_the_next_one_and_is_decrypted_all_the_same() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.write("first").await;
    client.message().await;
    net.call("/faults", json!({"reorder_inbound": 1})).await;
    net.write("late").await;
    net.write("early").await;
    let messages = client.messages(2).await;
    assert_eq!(messages.iter().map(text).collect::<Vec<_>>(), ["early", "late"]);

    net.call("/faults", json!({"reorder_inbound": 1})).await;
    net.write("alone").await;
    assert_eq!(text(&client.message().await), "alone", "it comes although nothing overtakes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_come_twice_and_in_the_wrong_order() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"duplicate_receipts": 1, "reorder_receipts": 1})).await;
    client.send(CUSTOMER, "hello", "3EB0A1").await;
    let mut kinds = Vec::new();
    while kinds.len() < 4 {
        let kind = client.event("a receipt", |event| match event {
            Event::Receipt(receipt) => Some(receipt.r#type.clone()),
            _ => None,
        });
        kinds.push(kind.await);
    }
    use ReceiptType::{Delivered, Read};
    assert_eq!(kinds, [Read, Read, Delivered, Delivered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_refused_as_a_ban_or_as_outdated() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.call("/faults", json!({"refuse_logins": {"reason": 402, "code": 101, "expire": 600}})).await;
    net.call("/cut", json!({"phone": ACCOUNT})).await;
    let seconds = client
        .event("the ban", |event| match event {
            Event::TemporaryBan(ban) => Some(ban.expire.num_seconds()),
            _ => None,
        })
        .await;
    assert_eq!(seconds, 600);
    let backend = client.stop().await;
    net.call("/faults", json!({"refuse_logins": {"reason": 405}})).await;
    let mut client = Client::start(&net.network, backend).await;
    client.event("the refusal", |event| matches!(event, Event::ClientOutdated(_)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_told_that_it_connected_elsewhere() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    assert_eq!(net.call("/replace", json!({"phone": ACCOUNT})).await, json!({"devices": 1}));
    client.event("the replacement", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_logins_are_counted() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    let counted = net.get("/connections").await;
    assert_eq!(counted, json!({"accepted": 2, "logins": {ACCOUNT: 1}, "online": {ACCOUNT: 1}}));
    net.call("/cut", json!({"phone": ACCOUNT})).await;
    client.connected().await;
    assert_eq!(net.get("/connections").await["logins"][ACCOUNT], 2);
    client.stop().await;
    while net.get("/connections").await["online"] != json!({}) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
