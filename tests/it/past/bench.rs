//! What it costs to look back at a long chat: `make bench-as-of`.
//!
//! One chat of many messages, half of them inbound, read after every fifth, each outbound one sent and delivered. Over HTTP,
//! on one connection, the chat and the first page of its messages are asked for as of positions all over the log, by
//! position and by time, and in turn as they are now: the ratio of the two is what looking back costs. Caches are warm; the
//! server is in the same process. The last line is the result as JSON.
//!
//! By environment: `BENCH_MESSAGES` (100000), `BENCH_CALLS` (500).
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and reads the clock"
)]

use std::time::{Duration, Instant};

use interflow_application::log::{Append, Event, EventLog, StreamId};
use interflow_application::workspace_id;
use interflow_domain::chat::ChatEvent;
use interflow_domain::message::{Content, ContentType, MessageEvent, Participants};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId, Personal, Subject, WorkspaceId};
use serde_json::{Value, json};

use crate::event_log::fixture::{
    Build, created, empty, later, new_chat, new_customer, new_message, opened, queued,
};
use crate::rest::server::Server;
use crate::support::api::Api;

/// Messages in an append.
const TOGETHER: usize = 50;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

fn received(message_id: MessageId, chat_id: ChatId, customer_id: CustomerId, text: &str) -> Event {
    let content = Content::Text { text: text.parse().unwrap() };
    MessageEvent::MessageReceived {
        message_id,
        participants: Participants { chat_id, instance_id: InstanceId::default(), customer_id },
        from: None,
        content: Personal::new(Subject::Messages(customer_id), content),
        content_type: ContentType::Text,
        whatsapp_id: format!("3EB0{}", message_id.uuid().simple()),
        sent_at: later(0),
    }
    .into()
}

/// The chat.
async fn write(log: &dyn EventLog, workspace: WorkspaceId, messages: usize) -> ChatId {
    let (customer, chat) = (new_customer(), new_chat());
    let (of_customer, of_chat) = (StreamId::Customer(customer), StreamId::Chat(chat));
    let begun = empty(workspace).on(of_customer, 0, [created(customer, "Ana", "5511999990000")]);
    log.append(begun.on(of_chat, 0, [opened(chat)])).await.unwrap();
    let mut version = 1;
    for begin in (0..messages).step_by(TOGETHER) {
        let mut append: Append = empty(workspace);
        let mut reads: Vec<Event> = vec![];
        for n in begin..(begin + TOGETHER).min(messages) {
            let (message, text) = (new_message(), format!("What is said in message {n} of this long chat"));
            let events = if n % 2 == 0 {
                vec![received(message, chat, customer, &text)]
            } else {
                let sent = MessageEvent::MessageSent { at: later(0) };
                let delivered = MessageEvent::MessageDelivered { at: later(0) };
                vec![queued(message, chat, customer, &text), sent.into(), delivered.into()]
            };
            append = append.on(StreamId::Message(message), 0, events);
            if n % 5 == 4 {
                reads.push(ChatEvent::ChatRead { up_to: message }.into());
            }
        }
        log.append(append).await.unwrap();
        let many = reads.len() as u64;
        log.append(empty(workspace).on(of_chat, version, reads)).await.unwrap();
        version += many;
    }
    chat
}

/// How long a call takes, as its caller sees it.
async fn timed(api: &Api, path: &str) -> Duration {
    let begin = Instant::now();
    let answer = api.get(path).await;
    let took = begin.elapsed();
    assert_eq!(answer.status, 200, "{}", answer.text);
    took
}

fn milliseconds(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    (times[at].as_secs_f64() * 100_000.0).round() / 100.0
}

/// Not a test: `make bench-as-of`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: make bench-as-of"]
async fn bench() {
    let (messages, calls) = (number("BENCH_MESSAGES", 100_000), number("BENCH_CALLS", 500));
    let server = Server::start().await;
    let (api, core) = (server.another("bench", &[Scope::All], None).await, server.running.core());
    let workspace = workspace_id(&"bench".parse().unwrap());
    let first = core.log.head(workspace).await.unwrap() + 2;
    let begin = Instant::now();
    let chat = write(&*core.log, workspace, messages).await;
    let head = core.log.head(workspace).await.unwrap();
    println!("{messages} messages, {head} events, written in {:.1} s", begin.elapsed().as_secs_f64());
    server.execute("VACUUM ANALYZE").await;

    let (shown, listed) = (format!("/v1/chats/{chat}"), format!("/v1/chats/{chat}/messages"));
    let mut times: [Vec<Duration>; 6] = Default::default();
    for call in 0..calls as u64 {
        // All over the log, in no order.
        let at = first + call.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (head - first + 1);
        let point = api.get(&format!("{shown}?as_of={at}")).await.expect(200)["meta"]["as_of"].clone();
        let time = point["recorded_at"].as_str().unwrap();
        let paths = [
            shown.clone(),
            format!("{shown}?as_of={at}"),
            format!("{shown}?as_of={time}"),
            listed.clone(),
            format!("{listed}?as_of={at}"),
            format!("{listed}?as_of={at}&status=delivered"),
        ];
        for (path, times) in paths.iter().zip(&mut times) {
            times.push(timed(&api, path).await);
        }
    }
    let names = ["chat", "chat_as_of", "chat_as_of_time", "page", "page_as_of", "page_as_of_by_status"];
    let mut result = json!({"bench": "as_of", "messages": messages, "events": head, "calls": calls});
    for (name, times) in names.iter().zip(&mut times) {
        result[format!("{name}_p50_ms")] = milliseconds(times, 0.5).into();
        result[format!("{name}_p99_ms")] = milliseconds(times, 0.99).into();
    }
    let ratio = |past: &str, present: &str| -> Value {
        let of = |name: &str| result[format!("{name}_p50_ms")].as_f64().unwrap();
        ((of(past) / of(present) * 100.0).round() / 100.0).into()
    };
    let ratios = [ratio("chat_as_of", "chat"), ratio("page_as_of", "page")];
    for (name, ratio) in ["chat_ratio_to_present", "page_ratio_to_present"].into_iter().zip(ratios) {
        result[name] = ratio;
    }
    println!("{result}");
}
