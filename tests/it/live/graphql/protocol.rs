//! What is said over a socket, and why one is closed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::super::customer;
use super::EVENTS;
use super::brisk;
use crate::rest::server::Server;
use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::socket::Socket;

#[tokio::test]
async fn queries_are_answered_over_a_socket_and_what_is_wrong_is_an_error_of_its_operation() {
    let server = Server::start().await;
    let id = customer(&server.api).await;
    let mut socket = Socket::open(&server.api).await;
    socket.ask_for("1", "query ($id: ID!) { customer(id: $id) { id } }", json!({"id": id})).await;
    assert_eq!(socket.next("1").await["customer"]["id"], json!(id));
    assert_eq!(socket.hear().await.unwrap(), json!({"type": "complete", "id": "1"}));
    for (query, part) in [
        ("{ nothing }", "nothing"),
        ("{", "expected"),
        ("subscription { events { position } signals { type } }", "exactly one field"),
        ("subscription { events(since: 1000000) { position } }", "beyond the log's end"),
        ("subscription { events(types: [\"massage.*\"]) { position } }", "massage"),
        ("subscription { events(channelId: \"nobody\") { position } }", "'channelId'"),
        ("subscription { events(chatId: \"x\") { position } }", "'chatId'"),
        ("subscription { events(since: -1) { position } }", "expected type \"Long\""),
    ] {
        socket.ask_for("2", query, json!({})).await;
        let refused = socket.refused("2", "VALIDATION_ERROR").await;
        assert!(refused["message"].as_str().unwrap().contains(part), "{refused}");
    }
    // An error ends its operation alone, and its id is free again.
    socket.ask_for("2", "{ workspace { slug } }", json!({})).await;
    assert_eq!(socket.next("2").await["workspace"]["slug"], "default");
}

#[tokio::test]
async fn whoever_does_not_keep_to_the_protocol_is_told_what_was_wrong() {
    let server = Server::start().await;
    let init = json!({"type": "connection_init", "payload": {"apikey": server.api.key}}).to_string();
    let subscribe =
        |id: &str| json!({"type": "subscribe", "id": id, "payload": {"query": EVENTS}}).to_string();
    let large =
        json!({"type": "subscribe", "id": "1", "payload": {"query": "x".repeat(5_000_000)}}).to_string();
    let text = |texts: &[&str]| texts.iter().map(|text| Message::text(*text)).collect::<Vec<_>>();
    for (said, code, part) in [
        (text(&["{"]), 4400, "it is not JSON"),
        (text(&[r#"{"type":"start","id":"1"}"#]), 4400, "unknown variant"),
        (vec![Message::binary(init.clone().into_bytes())], 4400, "not text"),
        (text(&[&subscribe("1")]), 4401, "connection_init"),
        (text(&[&init, &init]), 4429, "Too many"),
        (text(&[&init, &subscribe("7"), &subscribe("7")]), 4409, "Subscriber for 7 already exists"),
    ] {
        let mut socket = Socket::silent(&server.api).await;
        for message in said {
            socket.send(message).await;
        }
        let (closed, reason) = socket.closed().await;
        assert!(closed == code && reason.contains(part), "{code}: {closed} {reason}");
    }
    let socket = Socket::open(&server.api).await;
    let (closed, reason) = socket.interrupted(Message::text(large)).await;
    assert!(closed == 1009 && reason.contains("PAYLOAD_TOO_LARGE"), "{closed} {reason}");
    for headers in [&[][..], &[("sec-websocket-protocol", "graphql-ws")]] {
        // Who asks for a protocol and is given none hangs up itself.
        if let Ok(Ok(mut socket)) = tokio::spawn(ask(server.api.clone(), headers)).await {
            assert_eq!(socket.closed().await.0, 4406);
        }
    }
    let answer =
        server.api.call(reqwest::Method::GET, "/graphql", &[("upgrade", "websocket")], None::<&str>).await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["extensions"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("VALIDATION_ERROR"))
    );
}

async fn ask(api: Api, headers: &'static [(&'static str, &'static str)]) -> Result<Socket, StatusCode> {
    Socket::ask(&api, headers).await
}

#[tokio::test]
async fn the_protocol_is_answered_under_the_very_name_that_it_was_asked_by() {
    let server = Server::start().await;
    for name in ["Sec-WebSocket-Protocol", "sec-websocket-protocol", "SEC-WEBSOCKET-PROTOCOL"] {
        let mut stream = TcpStream::connect(server.api.url.strip_prefix("http://").unwrap()).await.unwrap();
        let request = format!(
            "GET /graphql HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {name}: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![];
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        assert!(answer.contains(&format!("\r\n{name}: graphql-transport-ws\r\n")), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let server = Server::start().await;
    for mut socket in [Socket::silent(&server.api).await, Socket::open(&server.api).await] {
        socket.send(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "enough".into() }))).await;
        assert_eq!(socket.closed().await, (1000, "enough".to_owned()));
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_left() {
    let server = brisk().await;
    let mut socket = Socket::silent(&server.api).await;
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await.unwrap(), json!({"type": "pong"}));
    let begin = Instant::now();
    assert_eq!(socket.closed().await.0, 4408);
    assert!(begin.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_client_is_asked_whether_it_is_there_and_told_how_far_it_is() {
    let server = brisk().await;
    let mut socket = Socket::open(&server.api).await;
    socket.ask_for("rare", EVENTS, json!({"types": ["channel.deleted"]})).await;
    let made = customer(&server.api).await;
    let head =
        server.api.get("/v1/events?after=end").await.expect(200)["meta"]["next_after"].as_u64().unwrap();
    assert!(!made.is_empty());
    // Twice: what was told while it waited is known after the first.
    let told = loop {
        let ping = socket.listen().await.unwrap();
        assert_eq!(ping["type"], "ping");
        socket.say(json!({"type": "pong"})).await;
        if ping["payload"]["positions"]["rare"] == json!(head) {
            break ping;
        }
    };
    assert_eq!(told["payload"]["positions"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_no_longer_answers_is_left() {
    let server = brisk().await;
    let mut socket = Socket::open(&server.api).await;
    let mut pings = 0;
    let closed = loop {
        match socket.listen().await {
            Ok(ping) => assert_eq!(ping["type"], "ping"),
            Err(closed) => break closed,
        }
        pings += 1;
    };
    assert_eq!((closed.0, pings), (3008, 2));
}

#[tokio::test]
async fn what_is_completed_is_told_no_more_and_its_id_is_free() {
    let server = Server::start().await;
    let mut socket = Socket::open(&server.api).await;
    let types = |types: &[&str]| json!({"types": types});
    socket.ask_for("a", EVENTS, types(&["customer.created"])).await;
    socket.ask_for("b", EVENTS, types(&["customer.deleted"])).await;
    settled(&mut socket, &["a", "b"], &server.api).await;
    socket.say(json!({"type": "complete", "id": "a"})).await;
    socket.say(json!({"type": "complete", "id": "of nobody"})).await;
    socket.ask_for("a", "{ workspace { slug } }", json!({})).await;
    assert_eq!(socket.next("a").await["workspace"]["slug"], "default");
    assert_eq!(socket.hear().await.unwrap()["type"], "complete");
    let id = customer(&server.api).await;
    server.api.delete(&format!("/v1/customers/{id}")).await.expect(200);
    assert_eq!(socket.next("b").await["events"]["type"], "customer.deleted");
}

/// Makes customers, and deletes them, until each of these subscriptions has told of one: what happens before one has begun
/// is not told by it.
async fn settled(socket: &mut Socket, ids: &[&str], api: &Api) {
    let (begin, mut heard) = (Instant::now(), BTreeSet::new());
    while heard.len() < ids.len() {
        assert!(begin.elapsed() < PATIENCE, "{heard:?}");
        let made = customer(api).await;
        api.delete(&format!("/v1/customers/{made}")).await.expect(200);
        // Until nothing more of them comes.
        while let Ok(told) = timeout(Duration::from_millis(500), socket.hear()).await {
            heard.insert(told.unwrap()["id"].as_str().unwrap().to_owned());
        }
    }
    assert!(ids.iter().all(|id| heard.contains(*id)), "{heard:?}");
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_the_client_goes_on_with_the_next() {
    let server = Server::start().await;
    customer(&server.api).await;
    let mut socket = Socket::open(&server.api).await;
    socket.ask_for("1", EVENTS, json!({"since": 0})).await;
    let mut last = socket.next("1").await["events"]["position"].as_u64().unwrap();
    let begin = Instant::now();
    let reading = async {
        loop {
            match socket.hear().await {
                Ok(told) => last = told["payload"]["data"]["events"]["position"].as_u64().unwrap(),
                Err(closed) => break closed,
            }
        }
    };
    let (again, (code, reason)) = tokio::join!(server.restarted(), reading);
    assert_eq!((code, reason.split(':').next().unwrap()), (1012, "UNAVAILABLE"));
    assert!(begin.elapsed() < PATIENCE);
    let made = customer(&again.api).await;
    let mut socket = Socket::open(&again.api).await;
    socket.ask_for("1", EVENTS, json!({"since": last, "types": ["customer.created"]})).await;
    assert_eq!(socket.next("1").await["events"]["data"]["id"], json!(made));
}
