//! The same over GraphQL: `make bench-graphql`. A subscription on a socket of its own each, which answers what it is asked.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Ours, Sample, Size, floor, number, round, server_sent};
use crate::support::lab::KEY;

/// A text as a client's frame. The mask, which a frame must have, changes nothing.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut frame = vec![0x81];
    if length < 126 {
        frame.push(0x80 | u8::try_from(length).unwrap());
    } else {
        frame.push(0x80 | 126);
        frame.extend(length.to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// The answer to a question whether the client is there.
pub fn pong() -> Vec<u8> {
    frame(r#"{"type":"pong"}"#)
}

/// Reads until something comes.
async fn until(socket: &mut TcpStream, text: &mut Vec<u8>, wanted: &str) {
    while !String::from_utf8_lossy(text).contains(wanted) {
        assert!(socket.read_buf(text).await.unwrap() > 0, "{}", String::from_utf8_lossy(text));
    }
}

/// Opens a socket, and subscribes on it to what happens to a customer after a position.
async fn subscribe(address: Arc<str>, customer: String, since: u64) -> TcpStream {
    let mut socket = TcpStream::connect(&*address).await.unwrap();
    let request = "GET /graphql HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = vec![];
    until(&mut socket, &mut text, "\r\n\r\n").await;
    let init = json!({"type": "connection_init", "payload": {"apikey": KEY}});
    socket.write_all(&frame(&init.to_string())).await.unwrap();
    until(&mut socket, &mut text, "connection_ack").await;
    let query = "subscription ($since: Long, $customer: ID) \
                 { events(since: $since, customerId: $customer) { position type timestamp data } }";
    let payload = json!({"query": query, "variables": {"since": since, "customer": customer}});
    let subscribe = json!({"type": "subscribe", "id": "1", "payload": payload});
    socket.write_all(&frame(&subscribe.to_string())).await.unwrap();
    socket
}

async fn subscriptions(size: Size) -> Sample {
    let ours = Ours::start(size).await;
    let head = ours.api.get("/v1/events?after=end").await.expect(200)["meta"]["next_after"].as_u64().unwrap();
    let listen = |index: usize| subscribe(Arc::clone(&ours.address), ours.customers[index].clone(), head);
    round(size, ours.server.id(), listen, |index| ours.publish(index)).await
}

/// Not a test: `make bench-graphql`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark"]
#[allow(clippy::print_stdout, reason = "a benchmark prints")]
async fn bench() {
    let size = Size::asked_for();
    let mut rounds = vec![];
    for index in 1..=number("BENCH_ROUNDS", 3) {
        let (ours, sse, floor) = (subscriptions(size).await, server_sent(size).await, floor(size).await);
        println!(
            "round {index}: GraphQL {ours:?}\n         server-sent events {sse:?}\n         floor {floor:?}"
        );
        rounds.push((ours, floor));
    }
    size.report("graphql", &rounds);
}
