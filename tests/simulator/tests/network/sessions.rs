//! Connections that come and go.

use std::sync::Arc;

use serde_json::json;
use whatsapp_rust::types::events::Event;

use crate::support::{ACCOUNT, CUSTOMER, Client, Net, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_cut_off_comes_back_and_goes_on() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    assert_eq!(net.call("/cut", json!({"phone": ACCOUNT})).await, json!({"devices": 1}));
    client.event("the break", |event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    client.connected().await;
    client.send(CUSTOMER, "still here", "3EB0A1").await;
    assert_eq!(net.received(CUSTOMER, 1).await[0]["text"], "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_the_client_was_away_is_delivered_in_order_at_its_next_login() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.write("zero").await;
    client.message().await;
    let backend = client.stop().await;
    for written in ["one", "two", "three"] {
        net.write(written).await;
    }
    let mut client = Client::start(&net.network, backend).await;
    let messages = client.messages(3).await;
    let texts: Vec<_> = messages.iter().map(text).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(messages.iter().all(|message| message.info.is_offline));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_does_not_come_again() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    net.write("old").await;
    client.message().await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut client = Client::start(&net.network, client.stop().await).await;
    client.connected().await;
    net.write("new").await;
    assert_eq!(text(&client.message().await), "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_of_a_device_replaces_the_first() {
    let net = Net::start().await;
    let mut first = net.linked_client().await;
    let mut second = Client::start(&net.network, Arc::clone(&first.backend)).await;
    first.event("the replacement", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
    second.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_was_started_anew_does_not_know_the_client() {
    let old = Net::start().await;
    let backend = old.linked_client().await.stop().await;
    old.network.shutdown().await;
    // The client knows the old server's key: it resumes, and must fall back.
    let new = Net::start().await;
    let mut client = Client::start(&new.network, backend).await;
    client.logged_out().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accounts_write_to_one_customer_at_once() {
    let net = Net::start().await;
    let accounts = (0..10).map(|n| format!("49151000000{n:02}"));
    let clients = futures::future::join_all(accounts.map(async |number| {
        let mut client = net.client_linked_to(&number).await;
        for message in 0..10 {
            client.send(CUSTOMER, &number, &format!("3EB0{message:04}")).await;
        }
        let body = json!({"from": CUSTOMER, "to": number, "text": "thanks"});
        net.call("/messages", body).await;
        assert_eq!(text(&client.message().await), "thanks");
        client
    }))
    .await;
    // Every account counts from the same ids: a row is a sender and an id.
    let rows = net.received(CUSTOMER, 100).await;
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row["text"] == row["from"] && row["copies"] == 1));
    drop(clients);
}
