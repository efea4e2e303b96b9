//! What is told: the same as by server-sent events, over broken connections and to slow clients.

use std::time::Duration;

use futures::future::join_all;
use interflow_application::{Actor, Context, home_workspace};
use serde_json::{Value, json};

use super::super::{customer, customers, many};
use super::EVENTS;
use crate::rest::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn what_a_subscription_tells_is_what_the_feed_lists() {
    let server = Server::start().await;
    let channel = server.open_channel("shop").await;
    customer(&server.api).await;
    let sent = server.api.send("shop", "5511999999999", "hello").await.expect(201)["data"].clone();
    let listed = server.api.until("/v1/events?limit=100", |body| {
        body["data"].as_array().unwrap().iter().any(|event| event["type"] == "message.sent")
    });
    let listed = listed.await["data"].as_array().unwrap().clone();
    let mut socket = Socket::open(&server.api).await;
    let fields = "{ id position type timestamp data }";
    socket.ask_for("all", &format!("subscription {{ events(since: 0) {fields} }}"), json!({})).await;
    for event in &listed {
        assert_eq!(&socket.next("all").await["events"], event, "the same events in the same words");
    }
    socket.say(json!({"type": "complete", "id": "all"})).await;
    let chat = sent["chat_id"].as_str().unwrap();
    let of = |prefixes: &[&str]| -> Vec<Value> {
        let is_of = |event: &&Value| {
            prefixes.iter().any(|prefix| event["type"].as_str().unwrap().starts_with(prefix))
        };
        listed.iter().filter(is_of).cloned().collect()
    };
    let in_chat: Vec<Value> = of(&["message.", "chat."]);
    for (field, expected) in [
        (
            "events(since: 0, types: [\"message.*\", \"chat.opened\"])".to_owned(),
            of(&["message.", "chat.opened"]),
        ),
        (format!("events(since: 0, chatId: \"{chat}\")"), in_chat.clone()),
        (format!("messages(since: 0, chatId: \"{chat}\")"), of(&["message."])),
        (format!("messages(since: 0, channelId: \"{channel}\")"), of(&["message."])),
        ("messages(since: 0, channelId: \"shop\")".to_owned(), of(&["message."])),
        ("chats(since: 0)".to_owned(), in_chat),
        (
            format!(
                "chats(since: 0, channelId: \"{channel}\", customerId: \"{}\")",
                sent["customer_id"].as_str().unwrap()
            ),
            of(&["message.", "chat."]),
        ),
    ] {
        assert!(!expected.is_empty());
        socket.ask_for(&field, &format!("subscription {{ told: {field} {fields} }}"), json!({})).await;
        for event in &expected {
            assert_eq!(&socket.next(&field).await["told"], event, "{field}");
        }
        socket.say(json!({"type": "complete", "id": field})).await;
    }
}

#[tokio::test]
async fn an_event_leads_to_what_it_is_about_as_that_is_now() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    let sent = server.api.send("shop", "5511999999999", "hello").await.expect(201)["data"].clone();
    server.api.until("/v1/messages", |body| body["data"][0]["status"] == "sent").await;
    let query = "subscription { messages(since: 0) { type message { id status content { ... on TextContent { text } } }
                 chat { id lastMessage { preview } } customer { id phone } channel { name } } }";
    let mut socket = Socket::open(&server.api).await;
    socket.ask_for("1", query, json!({})).await;
    let told = socket.next("1").await["messages"].clone();
    assert_eq!(told["type"], "message.queued");
    assert_eq!((&told["message"]["id"], &told["message"]["status"]), (&sent["id"], &json!("SENT")));
    assert_eq!(told["message"]["content"]["text"], "hello");
    assert_eq!((&told["chat"]["id"], &told["customer"]["id"]), (&sent["chat_id"], &sent["customer_id"]));
    assert_eq!(
        (&told["chat"]["lastMessage"]["preview"], &told["channel"]["name"]),
        (&json!("hello"), &json!("shop"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_off_again_and_again_misses_nothing_and_gets_nothing_twice() {
    let server = Server::start().await;
    let context = Context::internal(home_workspace(), Actor::Operator, "req_test".to_owned());
    let begin = server.running.core().log.head(context.workspace).await.unwrap();
    let end = begin + many();
    let readers = (0..4_u64).map(|reader| {
        let api = server.api.clone();
        tokio::spawn(async move {
            let (mut last, mut breaks) = (begin, 0);
            while last < end {
                let mut socket = Socket::open(&api).await;
                socket.ask_for("1", EVENTS, json!({"since": last})).await;
                for _ in 0..(many() / 20 + reader * 7) {
                    let position = socket.next("1").await["events"]["position"].as_u64().unwrap();
                    assert_eq!(position, last + 1, "reader {reader}, after {breaks} breaks");
                    last = position;
                    if last == end {
                        break;
                    }
                }
                breaks += 1;
            }
            assert!(breaks > 5);
        })
    });
    let readers: Vec<_> = readers.collect();
    customers(server.running.core(), &context, many()).await;
    join_all(readers).await.into_iter().for_each(Result::unwrap);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_and_told_where_to_go_on() {
    let server = Server::start().await;
    let context = Context::internal(home_workspace(), Actor::Operator, "req_test".to_owned());
    let begin = server.running.core().log.head(context.workspace).await.unwrap();
    let mut slow = Socket::open(&server.api).await;
    // Much of each, so that what lies in the sockets is soon full.
    let field = (0..40).map(|n| format!("d{n}: data ")).collect::<String>();
    let query = format!("subscription ($since: Long) {{ events(since: $since) {{ position {field} }} }}");
    slow.ask_for("1", &query, json!({"since": begin})).await;
    customers(server.running.core(), &context, 1).await;
    assert_eq!(slow.next("1").await["events"]["position"], json!(begin + 1));
    customers(server.running.core(), &context, 4_000).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut last, mut cut) = (begin + 1, Value::Null);
    let closed = loop {
        match slow.hear().await {
            Ok(told) if told["type"] == "next" => {
                last += 1;
                assert_eq!(
                    told["payload"]["data"]["events"]["position"],
                    json!(last),
                    "in order, none left out"
                );
            }
            Ok(error) => cut = error["payload"][0]["extensions"].clone(),
            Err(closed) => break closed,
        }
    };
    assert_eq!(closed.0, 4010, "{closed:?}");
    assert_eq!(cut, json!({"code": "TOO_SLOW", "resumeAfter": last}), "what was told is not told again");
    assert!(last < begin + 4_001, "a queue without bounds");
    let mut again = Socket::open(&server.api).await;
    again.ask_for("1", EVENTS, json!({"since": last})).await;
    while last < begin + 4_001 {
        last += 1;
        assert_eq!(again.next("1").await["events"]["position"], json!(last));
    }
}
