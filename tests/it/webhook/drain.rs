//! How fast a long backlog is told, in how much memory: `make bench-webhooks`. The last line is the result as JSON.
//! `BENCH_STATEMENTS=1` prints what pg_stat_statements saw as well.

use std::time::Instant;

use cqrs_es::Aggregate as _;
use interflow_application::log::{Append, Event, StreamAppend, StreamId};
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};
use interflow_domain::webhook::StartFrom;
use interflow_domain::{CustomerId, Decide as _};
use serde_json::json;
use sqlx::Executor as _;
use uuid::Uuid;

use super::{Build, Node};
use crate::support::database::STATEMENTS;
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

/// Processor time of this process, receivers included, in seconds. Linux counts it in hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// What this server of a test may do without, a benchmark may not.
async fn keep_what_is_acknowledged(node: &Node) {
    let pool = &node.database.pool;
    pool.execute("ALTER SYSTEM SET fsync = on").await.unwrap();
    pool.execute("SELECT pg_reload_conf()").await.unwrap();
    if std::env::var_os(STATEMENTS).is_some() {
        pool.execute("CREATE EXTENSION pg_stat_statements").await.unwrap();
    }
}

/// Where the database's time went, a statement.
async fn tell_statements(node: &Node, events: f64) {
    let sql = "SELECT calls, plans, total_plan_time, total_exec_time, rows, \
            left(regexp_replace(query, '\\s+', ' ', 'g'), 90) \
        FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
        ORDER BY total_plan_time + total_exec_time DESC LIMIT 12";
    let seen: Vec<(i64, i64, f64, f64, i64, String)> =
        sqlx::query_as(sql).fetch_all(&node.database.pool).await.unwrap();
    say("   calls  an event   plans  plan µs/event  exec µs/event    rows  statement");
    for (calls, plans, planning, executing, rows, statement) in seen {
        let each = calls as f64 / events;
        let (planning, executing) = (planning * 1e3 / events, executing * 1e3 / events);
        say(&format!(
            "{calls:>8} {each:>9.3} {plans:>7} {planning:>14.1} {executing:>14.1} {rows:>7}  {statement}"
        ));
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
    keep_what_is_acknowledged(&node).await;
    fill(&node, events).await;
    let (receiver, bare) = (Receiver::counting().await, Receiver::counting().await);
    let id = node
        .endpoint_with(&receiver.url, |create| create.start_from = StartFrom::Position { position: 1 })
        .await;
    let body = "x".repeat(600);
    let floor = floor(&bare, (events / 10).max(1_000), &body).await;

    let tells = std::env::var_os(STATEMENTS).is_some();
    if tells {
        node.database.pool.execute("SELECT pg_stat_statements_reset()").await.unwrap();
    }
    let before = processor();
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
    let used = (processor() - before) * 1e6 / events as f64;
    if tells {
        tell_statements(&node, events as f64).await;
    }
    node.until_idle(id).await;
    let rate = events as f64 / seconds;
    let result = json!({
        "events": events, "seconds": seconds, "deliveries_per_second": rate, "bare_posts_per_second": floor,
        "ratio": rate / floor, "memory_early_mb": early, "memory_late_mb": late, "memory_most_mb": most,
        "processor_us_a_delivery": used.round(), "at_once": AT_ONCE, "optimised": !cfg!(debug_assertions),
    });
    say(&result.to_string());
}
