//! Every way in which WhatsApp ends a connection leaves the channel in a state of its own, with the reason, and nobody
//! knocks again and again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::lab::Lab;

const SHOP: &str = "5511888888888";
/// Longer than the pauses between the first attempts of a client that loops.
const QUIET: Duration = Duration::from_millis(2500);

/// The channel ends like this, and stays away.
async fn ends(lab: &Lab, status: &str, reason: &str) {
    let ended = |body: &Value| {
        body["data"]["status"] == status && body["data"]["last_disconnect"]["reason"] == reason
    };
    lab.api.until("/v1/channels/shop", ended).await;
    let before = lab.phones.connections().await["accepted"].clone();
    tokio::time::sleep(QUIET).await;
    assert_eq!(lab.phones.connections().await["accepted"], before, "{reason} is no reason to come again");
    assert!(ended(&lab.api.get("/v1/channels/shop").await.body), "{reason} is what stays");
}

/// What the network answers to a login from now on, and the connection breaks.
async fn refuse(lab: &Lab, refusal: Value) -> u64 {
    lab.phones.faults(json!({"refuse_logins": refusal})).await;
    let logins = lab.phones.logins(SHOP).await;
    lab.phones.cut(SHOP).await;
    logins
}

async fn paired() -> Lab {
    let lab = Lab::start();
    lab.pair("shop", SHOP).await;
    lab
}

#[tokio::test(flavor = "multi_thread")]
async fn unlinked_on_the_phone_it_is_closed_and_logged_out() {
    let lab = paired().await;
    lab.phones.post("/unlink", json!({"phone": SHOP})).await;
    ends(&lab, "close", "logged_out").await;
    assert_eq!(lab.phones.connections().await["online"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_it_is_closed_until_somebody_asks_for_it_and_needs_no_new_qr() {
    let lab = paired().await;
    lab.phones.post("/replace", json!({"phone": SHOP})).await;
    ends(&lab, "close", "replaced").await;
    let again = lab.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await.expect(200);
    assert_eq!(again["qrcode"], Value::Null, "{again}");
    lab.until_status("shop", "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn banned_for_a_time_it_keeps_away_for_that_time() {
    let lab = paired().await;
    let logins = refuse(&lab, json!({"reason": 402, "code": 101, "expire": 600})).await;
    ends(&lab, "connecting", "temporarily_banned").await;
    assert_eq!(lab.phones.logins(SHOP).await, logins + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_old_for_whatsapp_it_is_closed() {
    let lab = paired().await;
    let logins = refuse(&lab, json!({"reason": 405})).await;
    ends(&lab, "close", "client_outdated").await;
    assert_eq!(lab.phones.logins(SHOP).await, logins + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_with_a_code_of_its_own_it_tries_again_much_later() {
    let lab = paired().await;
    let logins = refuse(&lab, json!({"reason": 409})).await;
    ends(&lab, "connecting", "refused").await;
    assert_eq!(lab.phones.logins(SHOP).await, logins + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_is_a_lost_connection_that_comes_back() {
    let lab = paired().await;
    let logins = refuse(&lab, json!({"reason": 503})).await;
    let lost = |body: &Value| body["data"]["last_disconnect"]["reason"] == "connection_lost";
    lab.api.until("/v1/channels/shop", lost).await;
    while lab.phones.logins(SHOP).await == logins {
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    lab.phones.faults(json!({})).await;
    lab.until_status("shop", "open").await;
}
