use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::lab::Lab;

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

#[tokio::test(flavor = "multi_thread")]
async fn two_connects_at_once_both_get_the_current_qr() {
    let lab = Lab::start();
    let connect = || lab.api.post("/api/whatsapp/connect", json!({"instanceName": "user_id_001"}));
    let (one, two) = futures::join!(connect(), connect());
    assert_eq!((one.status, two.status), (StatusCode::OK, StatusCode::OK), "{} {}", one.body, two.body);
    assert_eq!(one.body["instance"], json!({"instanceName": "user_id_001", "status": "connecting"}));
    assert_eq!(one.body["qrcode"], two.body["qrcode"]);
    let instances = lab.api.get("/api/whatsapp/instances").await.body;
    assert_eq!(instances["instances"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_channel_says_so_and_shows_no_qr() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let again = lab.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await;
    assert_eq!(again.body, json!({"instance": {"instanceName": "shop", "status": "open"}, "qrcode": null}));
    let instances = lab.api.get("/api/whatsapp/instances").await.body;
    let expected = json!([{"instanceName": "shop", "status": "open", "number": SHOP, "profileName": "Shop"}]);
    assert_eq!(instances["instances"], expected);
    let channel = lab.api.get("/v1/channels/shop").await.body;
    assert_eq!((&channel["data"]["phone"], &channel["data"]["status"]), (&json!(SHOP), &json!("open")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_pairing() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let restarted = lab.api.post("/api/whatsapp/restart", json!({"instanceName": "shop"})).await;
    assert_eq!(restarted.status, StatusCode::OK, "{}", restarted.body);
    lab.until_status("shop", "open").await;
    assert_eq!(lab.api.send("shop", ANA, "after").await.status, StatusCode::CREATED);
    lab.phones.until_received(ANA, 1).await;
    let channel = lab.api.get("/v1/channels/shop").await.body;
    assert_eq!(channel["data"]["last_disconnect"]["reason"], "restart_requested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_unlinks_refuses_sends_and_a_new_connect_shows_a_new_qr() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let out = lab.api.post("/api/whatsapp/logout", json!({"instanceName": "shop"})).await;
    assert_eq!(out.body, json!({"instance": {"instanceName": "shop", "status": "close"}}));
    let refused = lab.api.send("shop", ANA, "after").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    assert_eq!(refused.body["error"]["code"], "CHANNEL_NOT_CONNECTED");
    lab.pair("shop", SHOP).await;
    assert_eq!(lab.api.send("shop", ANA, "again").await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_unlinks_the_device_closes_the_channel_with_the_reason() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let (status, body) = lab.phones.post("/unlink", json!({"phone": SHOP})).await;
    assert!(status.is_success(), "{body}");
    lab.until_status("shop", "close").await;
    let channel = lab.api.get("/v1/channels/shop").await.body;
    assert_eq!(channel["data"]["last_disconnect"]["reason"], "logged_out");
    assert_eq!(lab.api.send("shop", ANA, "after").await.body["error"]["code"], "CHANNEL_NOT_CONNECTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_while_connecting_leaves_nothing_and_the_name_is_free() {
    let lab = Lab::start();
    let first = lab.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await;
    assert!(first.body["qrcode"].is_string(), "{}", first.body);
    let deleted = lab.api.delete("/api/whatsapp/delete/shop").await;
    assert_eq!(deleted.body, json!({"instance": {"instanceName": "shop", "status": "deleted"}}));
    assert_eq!(lab.api.get("/api/whatsapp/status/shop").await.status, StatusCode::NOT_FOUND);
    lab.pair("shop", SHOP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_comes_back_by_itself_and_brings_what_was_written_meanwhile() {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab.phones.post("/cut", json!({"phone": SHOP})).await;
    lab.phones.write(ANA, "Ana", SHOP, "are you there?").await;
    lab.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 1).await;
    lab.until_status("shop", "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_ends_in_time_and_the_next_start_resumes() {
    let mut lab = Lab::start();
    lab.pair("shop", SHOP).await;
    let begin = Instant::now();
    assert!(lab.server.terminate().success());
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    lab.phones.write(ANA, "Ana", SHOP, "while you were out").await;
    lab.restart();
    lab.until_status("shop", "open").await;
    lab.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 1).await;
}
