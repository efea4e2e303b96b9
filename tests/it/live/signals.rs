//! What is in no log: who types, who is online, the QR of the moment.

use std::time::Duration;

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::{customer, moment};
use crate::gateway::cluster::{Cluster, SHOP};
use crate::rest::server::{ACCOUNT, Server};
use crate::support::sse::{Frame, Sse};

const ANA: &str = "5511999999999";

/// The next signal.
async fn signal(stream: &mut Sse) -> Value {
    let Frame { event, data } = stream.next().await.unwrap();
    assert_eq!((event.as_str(), &data["signal"]), ("signal", &json!(true)), "{data}");
    assert_eq!(data.get("position"), None, "a signal has no place in the log");
    data
}

#[tokio::test]
async fn a_customer_who_types_is_told_of_to_those_who_asked_for_signals() {
    let server = Server::start().await;
    let channel = server.open_channel("shop").await;
    let sent = server.api.send("shop", ANA, "hello").await.expect(201)["data"].clone();
    let mut hearing = Sse::open(&server.api, "types=customer.*&signals=true", None).await;
    let mut of_chat =
        Sse::open(&server.api, &format!("chat_id={}&signals=true", sent["chat_id"].as_str().unwrap()), None)
            .await;
    let mut of_another =
        Sse::open(&server.api, "customer_id=cus_01h455vb4pex5vsknk084sn02q&signals=true", None).await;
    let mut deaf = Sse::open(&server.api, "types=customer.*", None).await;
    let before = hearing.last_id.clone();
    for state in ["typing", "recording", "paused"] {
        server.phones.activity(ANA, ACCOUNT, state).await;
        let told = signal(&mut hearing).await;
        assert_eq!(told["type"], state);
        assert_eq!((&told["chat_id"], &told["customer_id"]), (&sent["chat_id"], &sent["customer_id"]));
        assert_eq!(told["channel_id"], json!(channel));
        assert_eq!(signal(&mut of_chat).await["type"], state);
    }
    assert_eq!(hearing.last_id, before, "and moves nobody on");
    server.phones.presence(ANA, ACCOUNT, true, None).await;
    assert_eq!(signal(&mut hearing).await["type"], "online");
    server.phones.presence(ANA, ACCOUNT, false, Some(1_700_000_000)).await;
    let told = signal(&mut hearing).await;
    assert_eq!((&told["type"], &told["last_seen"]), (&json!("offline"), &json!("2023-11-14T22:13:20.000Z")));
    // Who is no customer is nobody.
    server.phones.activity("5511999990000", ACCOUNT, "typing").await;
    moment().await;
    let made = customer(&server.api).await;
    for stream in [&mut hearing, &mut deaf] {
        assert_eq!(stream.next().await.unwrap().data["data"]["id"], json!(made));
    }
    assert!(futures::FutureExt::now_or_never(of_another.next()).is_none());
    let head = server.api.get("/v1/events?after=end").await.expect(200)["meta"]["next_after"].clone();
    assert_eq!(hearing.last_id, head.to_string(), "nothing of it is in the log");
}

#[tokio::test]
async fn the_qr_is_told_to_those_who_may_read_channels_alone() {
    let server = Server::start().await;
    let may = server.another("default", &[Scope::EventsRead, Scope::ChannelsRead], None).await;
    let may_not = server.another("default", &[Scope::EventsRead], None).await;
    let (mut hearing, mut deaf) = (
        Sse::open(&may, "types=chat.*&signals=true", None).await,
        Sse::open(&may_not, "signals=true", None).await,
    );
    let connected =
        server.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await.expect(200);
    let told = signal(&mut hearing).await;
    assert_eq!(told["type"], "qr");
    assert!(told["qr"].as_str().unwrap().starts_with("2@") && told["qr_expires_at"].is_string());
    assert_eq!(told["qr"], connected["qrcode"]);
    loop {
        let Frame { event, data } = deaf.next().await.unwrap();
        assert_eq!(event, "", "{data}");
        if data["type"] == "channel.qr_updated" {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_types_is_told_of_by_every_process() {
    let cluster = Cluster::new(Duration::from_secs(15)).await;
    let owner = cluster.node();
    cluster.pair(&owner).await;
    cluster.write("hello").await;
    owner.api.until("/v1/chats", |chats| chats["meta"]["total"] == 1).await;
    let other = cluster.node();
    let mut stream = Sse::open(&other.api, "types=chat.*&signals=true", None).await;
    // The owner finds out within a second that there is somebody to tell.
    let phones = cluster.network.phones.clone();
    let typing = tokio::spawn(async move {
        loop {
            phones.activity(ANA, SHOP, "typing").await;
            moment().await;
        }
    });
    assert_eq!(signal(&mut stream).await["type"], "typing");
    typing.abort();
}
