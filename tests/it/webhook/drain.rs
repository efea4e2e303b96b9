//! How fast a long backlog is told, in how much memory: `make bench-webhooks`. The last line is the result as JSON.

use std::time::Instant;

use cqrs_es::Aggregate as _;
use interflow_application::log::{Append, Event, StreamAppend, StreamId};
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};
use interflow_domain::webhook::StartFrom;
use interflow_domain::{CustomerId, Decide as _};
use serde_json::json;
use uuid::Uuid;

use super::{Build, Node};
use crate::support::receiver::Receiver;
use crate::support::say;

const LANES: usize = 1_000;
const AT_ONCE: usize = 8;

fn asked(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// This process's resident memory, in MB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A log of so many events of a thousand customers.
async fn fill(node: &Node, events: usize) {
    let mut customers: Vec<_> = (0..LANES).map(|_| (Customer::default(), 0_u64)).collect();
    let id = |n: usize| CustomerId::new(Uuid::from_u128(1 + n as u128));
    let mut made = 0;
    while made < events {
        let mut streams = vec![];
        for n in (made..events.min(made + 200)).map(|n| n % LANES) {
            let (state, version) = &mut customers[n];
            let name = Some(format!("Ana {made}").parse().unwrap());
            let profile = ProfileDraft {
                name,
                email: Some("a@example.com".parse().unwrap()),
                ..ProfileDraft::default()
            };
            let command = match *version {
                0 => CustomerCommand::CreateCustomer { customer_id: id(n), profile, lid: None },
                _ => CustomerCommand::UpdateCustomer { profile },
            };
            let decided = state.decide(command).unwrap();
            decided.iter().for_each(|event| state.apply(event.clone()));
            let expected = *version;
            *version += decided.len() as u64;
            let events = decided.into_iter().map(Event::Customer).collect();
            streams.push(StreamAppend { stream: StreamId::Customer(id(n)), expected, events, cause: None });
        }
        made += streams.len();
        let (context, recorded_at) = (node.context.clone(), node.core.clock.now());
        let append = Append { context, recorded_at, streams, claims: vec![], riders: vec![] };
        node.core.log.append(append).await.unwrap();
    }
}

/// The same POSTs without anything before or after them, a second.
async fn floor(receiver: &Receiver, posts: usize, body: &str) -> f64 {
    let client = reqwest::Client::new();
    let begin = Instant::now();
    futures::future::join_all((0..AT_ONCE).map(|_| async {
        for _ in 0..posts / AT_ONCE {
            client.post(&receiver.url).body(body.to_owned()).send().await.unwrap();
        }
    }))
    .await;
    posts as f64 / begin.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: make bench-webhooks"]
async fn drain() {
    let events = asked("BENCH_EVENTS", 100_000);
    let node = Build::new().await.with(|settings| settings.lanes_at_once = AT_ONCE);
    let node = node.node(interflow_domain::WorkspaceId::new(Uuid::from_u128(1)));
    fill(&node, events).await;
    let (receiver, bare) = (Receiver::counting().await, Receiver::counting().await);
    let id = node
        .endpoint_with(&receiver.url, |create| create.start_from = StartFrom::Position { position: 1 })
        .await;
    let body = "x".repeat(600);
    let floor = floor(&bare, (events / 10).max(1_000), &body).await;

    let node = node.started().await;
    let (begin, mut early, mut most) = (Instant::now(), None, 0);
    while receiver.count() < events {
        most = most.max(memory());
        if early.is_none() && receiver.count() > events / 10 {
            early = Some(memory());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert!(begin.elapsed().as_secs() < 7_200, "{} of {events}", receiver.count());
    }
    let (seconds, late) = (begin.elapsed().as_secs_f64(), memory());
    node.until_idle(id).await;
    let rate = events as f64 / seconds;
    let result = json!({
        "events": events, "seconds": seconds, "deliveries_per_second": rate, "bare_posts_per_second": floor,
        "ratio": rate / floor, "memory_early_mb": early, "memory_late_mb": late, "memory_most_mb": most,
        "at_once": AT_ONCE, "optimised": !cfg!(debug_assertions),
    });
    say(&result.to_string());
}
