//! What noting who has seen what costs a read: `make bench-audit-reads`.
//!
//! Two servers in this process, on databases of one Postgres: one notes reads, the other does not. Clients that wait for
//! each answer ask for customers, now of the one and now of the other, in rounds that alternate. The last line is the
//! result as JSON: the medians of the rounds, and their ratio.
//!
//! By environment: `BENCH_CLIENTS` (8), `BENCH_SECONDS` (5, of each round), `BENCH_ROUNDS` (5), `BENCH_CUSTOMERS` (200).
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow::Config;
use serde_json::json;

use crate::rest::server::Server;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

/// A server with customers, by their ids.
async fn filled(audit_reads: bool) -> (Server, Vec<String>) {
    let server = Server::with(|config| Config { audit_reads, database_connections: 20, ..config }).await;
    let mut ids = vec![];
    for n in 0..number("BENCH_CUSTOMERS", 200) {
        let made = server.api.post("/v1/customers", json!({"email": format!("c{n}@example.com")})).await;
        ids.push(made.expect(201)["data"]["id"].as_str().unwrap().to_owned());
    }
    (server, ids)
}

/// Answers a second, and the 99th percentile of the time to one in milliseconds.
async fn round((server, ids): &(Server, Vec<String>), clients: usize, time: Duration) -> (f64, f64) {
    let begin = Instant::now();
    let clients = (0..clients).map(|client| async move {
        let (api, mut took) = (&server.api, vec![]);
        for id in ids.iter().cycle().skip(client * 17) {
            if begin.elapsed() >= time {
                break;
            }
            let asked = Instant::now();
            api.get(&format!("/v1/customers/{id}")).await.expect(200);
            took.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        took
    });
    let mut took = join_all(clients).await.concat();
    let rate = took.len() as f64 / begin.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    (rate, took[took.len() * 99 / 100])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[ignore = "a benchmark: make bench-audit-reads"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bench() {
    let (clients, rounds) = (number("BENCH_CLIENTS", 8), number("BENCH_ROUNDS", 5));
    let time = Duration::from_secs(number("BENCH_SECONDS", 5) as u64);
    let (noting, silent) = (filled(true).await, filled(false).await);
    for server in [&noting, &silent] {
        round(server, clients, time / 2).await;
    }
    let (mut with, mut without, mut ratios) = (vec![], vec![], vec![]);
    for n in 0..rounds {
        let (one, other) = if n % 2 == 0 {
            let one = round(&noting, clients, time).await;
            (one, round(&silent, clients, time).await)
        } else {
            let other = round(&silent, clients, time).await;
            (round(&noting, clients, time).await, other)
        };
        println!(
            "round {n}: {:.0}/s noting, p99 {:.2} ms; {:.0}/s not, p99 {:.2} ms",
            one.0, one.1, other.0, other.1
        );
        ratios.push(one.0 / other.0);
        with.push(one);
        without.push(other);
    }
    let halves = |samples: &[(f64, f64)]| {
        let (rates, tails) = samples.iter().copied().unzip();
        json!({"reads_a_second": median(rates).round(), "p99_ms": median(tails)})
    };
    let (with, without) = (halves(&with), halves(&without));
    let result = json!({
        "benchmark": "audit-reads", "clients": clients, "rounds": rounds, "seconds": time.as_secs(),
        "noting": with, "not_noting": without, "ratio": median(ratios),
    });
    println!("{result}");
}
