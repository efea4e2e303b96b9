//! Texts both ways, with their receipts.

use std::time::{Duration, Instant};

use interflow_application::whatsapp::{InboundContent, ReceiptKind, SendError};
use serde_json::json;

use crate::support::leased;
use crate::support::net::{ACCOUNT, CUSTOMER, Lab};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_acknowledged_delivered_and_read() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    open.send("3EB0A1", "Bom dia").await.unwrap();
    open.sink.receipt("3EB0A1", ReceiptKind::Delivered).await;
    open.sink.receipt("3EB0A1", ReceiptKind::Read).await;
    let rows = lab.received(CUSTOMER).await;
    assert_eq!(
        (&rows[0]["id"], &rows[0]["text"], &rows[0]["from"]),
        (&json!("3EB0A1"), &json!("Bom dia"), &json!(ACCOUNT))
    );
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_text_arrives_with_both_names_of_the_customer() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    let id = lab.write("Is this seat taken?").await;
    let message = open.sink.inbound(1).await.remove(0);
    assert_eq!(message.whatsapp_id, id);
    assert_eq!(message.content, InboundContent::Text("Is this seat taken?".into()));
    assert_eq!(message.party.phone.as_ref().map(|phone| phone.as_str()), Some(CUSTOMER));
    assert_eq!(message.push_name.as_deref(), Some("Ada"));
    assert!(!message.from_me);
    assert!(
        message.party.lid.is_some(),
        "the LID is known from the message or a lookup: {:?}",
        message.party
    );
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_to_one_number_arrive_in_the_order_of_the_calls() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    let ids: Vec<_> = (0..12).map(|number| format!("3EB0{number:04}")).collect();
    let sends = ids.iter().enumerate().map(|(number, id)| open.send(id, ["a", "b"][number % 2]));
    for sent in futures::future::join_all(sends).await {
        sent.unwrap();
    }
    let rows = lab.received(CUSTOMER).await;
    let got: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(got, ids);
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_send_shows_one_message_at_the_phone() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.faults(json!({"drop_acks": 1})).await;
    let (first, second) = tokio::join!(open.send("3EB0B1", "once"), open.send("3EB0B1", "once"));
    assert!(matches!(first, Err(SendError::Retry(_))), "{first:?}");
    assert_eq!(first, second, "the second joins the first");
    open.send("3EB0B1", "once").await.unwrap();
    open.send("3EB0B1", "once").await.unwrap();
    open.session.stop().await;
    let again = lab.open().await;
    again.sink.connected().await;
    again.send("3EB0B1", "once").await.unwrap();
    let rows = lab.received(CUSTOMER).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    again.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_without_whatsapp_is_told_apart() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    let nobody = "5511900000000";
    lab.call("/phones", json!({"phone": nobody, "registered": false})).await;
    assert_eq!(open.send_to(nobody, "3EB0C1", "hello?").await, Err(SendError::NotOnWhatsApp));
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_while_not_connected_is_to_be_tried_again_at_once() {
    let lab = Lab::start().await;
    let open = lab.open().await;
    open.sink.qr().await;
    let began = Instant::now();
    assert!(matches!(open.send("3EB0D1", "too early").await, Err(SendError::Retry(_))));
    assert!(began.elapsed() < Duration::from_millis(200));
    open.session.stop().await;
    assert!(matches!(open.send("3EB0D1", "too late").await, Err(SendError::Retry(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_decrypted_comes_after_asking_again() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.faults(json!({"corrupt_inbound": 1})).await;
    lab.write("garbled").await;
    let message = open.sink.inbound(1).await.remove(0);
    assert_eq!(message.content, InboundContent::Text("garbled".into()));
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_across_restarts() {
    let lab = Lab::start().await;
    lab.linked().await.session.stop().await;
    for round in 0..4 {
        let waiting = format!("while away {round}");
        lab.write(&waiting).await;
        let open = lab.open().await;
        let messages = open.sink.inbound(1).await;
        assert_eq!(messages[0].content, InboundContent::Text(waiting));
        open.sink.connected().await;
        let id = format!("3EB0{round:04}");
        open.send(&id, "answer").await.unwrap();
        open.sink.receipt(&id, ReceiptKind::Read).await;
        open.session.stop().await;
    }
    assert_eq!(lab.received(CUSTOMER).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_hides_the_number_is_known_by_it_all_the_same() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.call("/messages", json!({"from": CUSTOMER, "to": ACCOUNT, "text": "guess who", "lid": true})).await;
    let message = open.sink.inbound(1).await.remove(0);
    assert!(message.party.lid.is_some());
    assert_eq!(message.party.phone.as_ref().map(|phone| phone.as_str()), Some(CUSTOMER));
    open.send("3EB0K1", "you").await.unwrap();
    open.sink.receipt("3EB0K1", ReceiptKind::Read).await;
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_device_of_the_account_sends_is_told_as_from_me() {
    let mut lab = Lab::start().await;
    let first = lab.linked().await;
    lab.spec = leased(&lab.pool).await;
    let second = lab.linked().await;
    second.send("3EB0L1", "from my other device").await.unwrap();
    let message = first.sink.inbound(1).await.remove(0);
    assert!(message.from_me);
    assert_eq!(message.whatsapp_id, "3EB0L1");
    assert_eq!(message.push_name, None);
    assert_eq!(message.content, InboundContent::Text("from my other device".into()));
    assert_eq!(message.party.phone.as_ref().map(|phone| phone.as_str()), Some(CUSTOMER));
    assert!(second.sink.messages().is_empty());
    first.session.stop().await;
    second.session.stop().await;
}
