//! Texts both ways, with their receipts.

use serde_json::json;
use whatsapp_rust::Jid;
use whatsapp_rust::types::presence::ReceiptType;

use crate::support::{ACCOUNT, CUSTOMER, Net, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_decrypted_by_the_customers_phone_and_the_receipts_come_back() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    client.send(CUSTOMER, "Guten Tag", "3EB0A1").await;
    client.receipt("3EB0A1", ReceiptType::Delivered).await;
    client.receipt("3EB0A1", ReceiptType::Read).await;
    let rows = net.received(CUSTOMER, 1).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"], "3EB0A1");
    assert_eq!(rows[0]["from"], ACCOUNT);
    assert_eq!(rows[0]["text"], "Guten Tag");
    assert_eq!(rows[0]["copies"], 1);
    assert!(rows[0]["received_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_arrive_in_the_order_in_which_they_were_sent() {
    let net = Net::start().await;
    let client = net.linked_client().await;
    for number in 0..20 {
        client.send(CUSTOMER, &number.to_string(), &format!("3EB0{number:04}")).await;
    }
    let rows = net.received(CUSTOMER, 20).await;
    let texts: Vec<_> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_twice_is_one_message_with_two_copies() {
    let net = Net::start().await;
    let client = net.linked_client().await;
    client.send(CUSTOMER, "once", "3EB0A1").await;
    client.send(CUSTOMER, "once", "3EB0A1").await;
    client.send(CUSTOMER, "other", "3EB0A2").await;
    let rows = net.received(CUSTOMER, 2).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["copies"], 2);
    assert_eq!(rows[1]["copies"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_text_arrives_with_both_addresses_and_the_push_name() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    let id = net.write("Are you open?").await;
    let message = client.message().await;
    assert_eq!(text(&message), "Are you open?");
    assert_eq!(message.info.id, id);
    assert_eq!(message.info.push_name, "Ada");
    assert_eq!(message.info.source.sender, Jid::pn(CUSTOMER));
    assert!(message.info.source.sender_alt.as_ref().unwrap().is_lid());
    assert!(!message.info.is_offline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_may_come_under_the_hidden_number() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    let body = json!({"from": CUSTOMER, "to": ACCOUNT, "text": "psst", "lid": true, "id": "3A01"});
    net.call("/messages", body).await;
    let message = client.message().await;
    assert!(message.info.source.sender.is_lid());
    assert_eq!(message.info.source.sender_alt, Some(Jid::pn(CUSTOMER)));
    assert_eq!(message.info.id, "3A01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_in_both_directions() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    for round in 0..5 {
        net.write(&format!("question {round}")).await;
        assert_eq!(text(&client.message().await), format!("question {round}"));
        let id = format!("3EB0{round:04}");
        client.send(CUSTOMER, &format!("answer {round}"), &id).await;
        client.receipt(&id, ReceiptType::Read).await;
    }
    assert_eq!(net.received(CUSTOMER, 5).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_write_to_each_other() {
    let net = Net::start().await;
    let mut bakery = net.linked_client().await;
    let mut mill = net.client_linked_to(CUSTOMER).await;
    bakery.send(CUSTOMER, "Flour, please", "3EB0A1").await;
    let order = mill.message().await;
    assert_eq!(text(&order), "Flour, please");
    mill.send(ACCOUNT, "Tomorrow", "3EB0B1").await;
    assert_eq!(text(&bakery.message().await), "Tomorrow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_on_whatsapp_is_told_apart() {
    let net = Net::start().await;
    let client = net.linked_client().await;
    let nobody = "4917000000000";
    net.call("/phones", json!({"phone": nobody, "registered": false})).await;
    let found = client
        .handle
        .client()
        .contacts()
        .is_on_whatsapp(&[Jid::pn(CUSTOMER), Jid::pn(nobody)])
        .await
        .unwrap();
    let registered: Vec<_> = found.iter().map(|user| user.is_registered).collect();
    assert_eq!(registered, [true, false]);
    assert!(found[0].lid.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_to_an_account_without_a_device() {
    let net = Net::start().await;
    let body = json!({"from": CUSTOMER, "to": ACCOUNT, "text": "Hello?"});
    let (status, answer) = net.post("/messages", body).await;
    assert_eq!(status, reqwest::StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "nothing_linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_sees_that_the_account_received_and_read() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    let id = net.write("Seen?").await;
    client.message().await;
    let chat = Jid::pn(CUSTOMER);
    client.handle.client().mark_as_read(&chat, None, &[&id]).await.unwrap();
    for _ in 0..100 {
        let rows = net.get(&format!("/phones/{CUSTOMER}/sent")).await;
        if rows[0]["read"] == json!(true) {
            assert_eq!(rows[0]["delivered"], json!(true));
            assert_eq!(rows[0]["to"], ACCOUNT);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the customer never learned that the message was read");
}
