//! From the QR code to the first login, and the ways out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::wacore::store::in_memory::InMemoryBackend;

use crate::support::{ACCOUNT, CUSTOMER, Client, Net};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_connects_well_within_two_seconds_of_the_scan() {
    let net = Net::start().await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    let qr = client.qr().await;
    let begin = Instant::now();
    let scanned = net.scan(&qr, ACCOUNT).await;
    client.connected().await;
    let took = begin.elapsed();
    assert_eq!(scanned["jid"], format!("{ACCOUNT}:1@s.whatsapp.net"));
    assert!(scanned["lid"].as_str().unwrap().ends_with(":1@lid"));
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_with_the_camera_link_is_accepted_too() {
    let net = Net::start().await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    let qr = client.qr().await;
    let qr = format!("https://wa.me/settings/linked_devices#{qr}");
    net.scan(&qr, ACCOUNT).await;
    client.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_refused_with_its_reason() {
    let net = Net::start().await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    let qr = client.qr().await;
    let mut fields: Vec<&str> = qr.split(',').collect();
    fields.swap(1, 2);
    let swapped = fields.join(",");
    let unknown = qr.replacen("2@", "2@0000", 1);
    for (qr, status, code) in [
        ("hello", StatusCode::BAD_REQUEST, "qr_malformed"),
        (unknown.as_str(), StatusCode::NOT_FOUND, "qr_unknown"),
        (swapped.as_str(), StatusCode::CONFLICT, "qr_keys_differ"),
    ] {
        let (got, answer) = net.post("/scan", json!({"qr": qr, "phone": ACCOUNT})).await;
        assert_eq!((got, &answer["error"]["code"]), (status, &json!(code)));
    }
    let (got, answer) = net.post("/scan", json!({"qr": qr, "phone": "12"})).await;
    assert_eq!(got, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["code"], "not_a_number");
    let (got, _) = net.post("/scan", json!({"code": qr})).await;
    assert_eq!(got, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_with_another_secret_is_refused_by_the_client() {
    let net = Net::start().await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    let qr = client.qr().await;
    let mut fields: Vec<&str> = qr.split(',').collect();
    fields[3] = fields[1];
    let body = json!({"qr": fields.join(","), "phone": ACCOUNT});
    let (status, answer) = net.post("/scan", body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["error"]["code"], "refused_by_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_cannot_be_scanned_twice() {
    let net = Net::start().await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    let qr = client.qr().await;
    net.scan(&qr, ACCOUNT).await;
    let (status, _) = net.post("/scan", json!({"qr": qr, "phone": CUSTOMER})).await;
    assert!(status.is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn unlinking_from_the_phone_logs_the_client_out_for_good() {
    let net = Net::start().await;
    let mut client = net.linked_client().await;
    assert_eq!(net.call("/unlink", json!({"phone": ACCOUNT})).await, json!({"devices": 1}));
    client.logged_out().await;
    let backend = client.stop().await;
    let mut again = Client::start(&net.network, backend).await;
    again.logged_out().await;
    let (status, answer) = net.post("/unlink", json!({"phone": ACCOUNT})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "nothing_linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn unlinking_while_the_client_is_away_shows_at_the_next_login() {
    let net = Net::start().await;
    let backend = net.linked_client().await.stop().await;
    net.call("/unlink", json!({"phone": ACCOUNT})).await;
    let mut client = Client::start(&net.network, backend).await;
    client.logged_out().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_logs_out_is_no_longer_linked() {
    let net = Net::start().await;
    let client = net.linked_client().await;
    client.handle.client().logout().await;
    let body = json!({"from": CUSTOMER, "name": "Ada", "to": ACCOUNT, "text": "Hello?"});
    let (status, answer) = net.post("/messages", body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "nothing_linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_key_is_shown_in_hex() {
    let net = Net::start().await;
    let root: String = net.network.root_key().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(net.root().await, root);
    assert_eq!(root.len(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_linked_by_typing_its_code() {
    let net = Net::start().await;
    let mut client = Client::start(&net.network, Arc::new(InMemoryBackend::new())).await;
    client.qr().await;
    let options = PairCodeOptions { phone_number: ACCOUNT.into(), ..Default::default() };
    let code = client.handle.client().pair_with_code(options).await.unwrap();
    let (status, answer) = net.post("/link-code", json!({"code": "11111111", "phone": ACCOUNT})).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (422, &json!("wrong_code")));
    let body = json!({"code": code, "phone": ACCOUNT, "name": "Bakery"});
    let linked = net.call("/link-code", body).await;
    assert_eq!(linked["jid"], format!("{ACCOUNT}:1@s.whatsapp.net"));
    client.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_number_that_nobody_wants_to_link_is_refused() {
    let net = Net::start().await;
    let (status, answer) = net.post("/link-code", json!({"code": "ABCD-1234", "phone": ACCOUNT})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "no_link_code");
}
