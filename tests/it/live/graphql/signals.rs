//! What is in no log: who types, the QR of the moment.

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::super::moment;
use crate::rest::server::{ACCOUNT, Server};
use crate::support::socket::Socket;

const ANA: &str = "5511999999999";

#[tokio::test]
async fn a_customer_who_types_is_told_of() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    let sent = server.api.send("shop", ANA, "hello").await.expect(201)["data"].clone();
    let mut socket = Socket::open(&server.api).await;
    let query =
        "subscription ($chat: ID) { signals(chatId: $chat) { type lastSeen chatId customer { id } } }";
    socket.ask_for("1", query, json!({"chat": sent["chat_id"]})).await;
    moment().await;
    for state in ["typing", "recording", "paused"] {
        server.phones.activity(ANA, ACCOUNT, state).await;
        let told = socket.next("1").await["signals"].clone();
        assert_eq!((&told["type"], &told["chatId"]), (&json!(state.to_uppercase()), &sent["chat_id"]));
        assert_eq!(told["customer"]["id"], sent["customer_id"]);
    }
    server.phones.presence(ANA, ACCOUNT, false, Some(1_700_000_000)).await;
    let told = socket.next("1").await["signals"].clone();
    assert_eq!((&told["type"], &told["lastSeen"]), (&json!("OFFLINE"), &json!("2023-11-14T22:13:20.000Z")));
}

#[tokio::test]
async fn a_channel_is_followed_from_its_qr_to_its_connection() {
    let server = Server::start().await;
    let may = server.another("default", &[Scope::ChannelsRead], None).await;
    let mut early = Socket::open(&may).await;
    let query = "subscription ($id: ID) { channels(channelId: $id) { channelId qr { qr expiresAt } event { type } channel { status } } }";
    early.ask_for("1", query, json!({})).await;
    moment().await;
    let connected =
        server.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await.expect(200);
    let qr = loop {
        let told = early.next("1").await["channels"].clone();
        assert!(told["event"].is_null() != told["qr"].is_null(), "either, and never both: {told}");
        if !told["qr"].is_null() {
            break told["qr"].clone();
        }
    };
    assert_eq!(qr["qr"], connected["qrcode"]);
    // Who comes later and asks for this channel is shown it first.
    let mut late = Socket::open(&may).await;
    late.ask_for("1", query, json!({"id": "shop"})).await;
    assert_eq!(late.next("1").await["channels"]["qr"], qr);
    let scan = json!({"qr": qr["qr"], "phone": ACCOUNT, "name": "Shop"});
    assert!(server.phones.post("/scan", scan).await.0.is_success());
    for socket in [&mut early, &mut late] {
        let told = loop {
            let told = socket.next("1").await["channels"].clone();
            if told["event"]["type"] == "channel.connected" {
                break told;
            }
        };
        assert_eq!(told["channel"]["status"], "OPEN");
    }
    // Whoever has a QR may link the channel: who saw it is known.
    let seen = |page: &Value| {
        let reads = page["data"].as_array().unwrap().iter().map(|read| read["reads"].as_u64().unwrap());
        reads.sum::<u64>() >= 2
    };
    server.api.until("/v1/audit/reads?resource=channels.qr", seen).await;
}
