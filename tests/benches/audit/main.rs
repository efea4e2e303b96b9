//! What the proof of the log costs: `make bench-audit`.
//!
//! In rounds that alternate in one run:
//! - **sealing**: the one-event commands of `make bench-log`, with nobody sealing and with a server's sealer beside them;
//!   and how long the sealer needs after the last command until everything is sealed;
//! - **verifying**: `interflow audit verify` of a long log, against reading the same rows of the same snapshot in the same
//!   batches and doing nothing with them; then the whole of it exported, once.
//!
//! And what the cipher takes of such a command's processor time. Nothing is ever written in clear, so there are no commands
//! without encryption to compare with: the cipher is measured by itself, without the JSON, base64 and keys around it.
//!
//! Postgres is the embedded one with `fsync` and `synchronous_commit` on. The tables of docs/benchmarks.md are written anew;
//! the last line is the result as JSON.
//!
//! By environment: `BENCH_ROUNDS` (5), `BENCH_SECONDS` (4, of each cell), `BENCH_CLIENTS` (16), `BENCH_EVENTS` (200000,
//! to be verified).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, prints its result and reads the clock"
)]

mod exporting;
#[expect(dead_code, reason = "shared with the benchmark of the log")]
#[path = "../log/machine.rs"]
mod machine;
#[expect(dead_code, reason = "shared with the benchmark of the log")]
#[path = "../log/measure.rs"]
mod measure;
#[expect(dead_code, reason = "shared with the benchmark of the log")]
#[path = "../log/ours.rs"]
mod ours;
#[expect(dead_code, reason = "shared with the benchmark of the log")]
#[path = "../log/replay.rs"]
mod replay;
mod report;
mod verifying;

use std::sync::Arc;
use std::time::{Duration, Instant};

use interflow_application::proof::TransparencyLog;
use interflow_application::{Clock, Core, Ids};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::proof::{Anchoring, PgProofs, Sealer};
use interflow_infrastructure::read_models::PgReads;
use interflow_vault::{MasterKey, SealingKey};
use serde_json::json;
use sqlx::PgPool;

use machine::Machine;
use measure::{Sample, spread};
use ours::Desks;
use report::{Report, rounded, said};

fn main() {
    // Cargo runs benchmarks with `--bench`, and everything with `--test` when it tests them.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

async fn run() {
    let (rounds, clients) = (number("BENCH_ROUNDS", 5), number("BENCH_CLIENTS", 16));
    let (time, events) =
        (Duration::from_secs(number("BENCH_SECONDS", 4) as u64), number("BENCH_EVENTS", 200_000) as u64);
    let machine = Machine::start(&[]).await;
    let pool =
        database::connect(Options::parse(&machine.postgres.connection().url()).unwrap()).await.unwrap();
    database::migrate(&pool).await.unwrap();
    let mut report = Report::new(&machine.describe().await);
    let log = PgEventLog::start(pool.clone(), &master(), Arc::new(SystemIds), Settings::default());
    let core = Core {
        log: Arc::new(log.clone()),
        reads: Arc::new(PgReads::new(pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    let desks = Desks::new(core.clone(), 1, 1_024).await;
    let sealing = sealing(&machine, (&pool, &log, &core), &desks, (rounds, clients, time), &mut report).await;
    let proofs = PgProofs::new(pool.clone(), &master());
    let long = WorkspaceId::new(SystemIds.next());
    replay::fill(&log, long, events).await;
    let verifying = verifying::verifying(&pool, &proofs, (long, rounds), &mut report).await;
    let exporting = exporting::exporting(&log, &proofs, long, &mut report).await;
    let result = json!({
        "bench": "audit",
        "machine": machine.describe().await,
        "sealing": sealing,
        "verifying": verifying,
        "exporting": exporting,
        "at": SystemClock.now(),
    });
    machine.stop().await;
    report.write_docs(&result);
    println!("{result}");
}

fn master() -> MasterKey {
    MasterKey::parse(&"07".repeat(32)).unwrap()
}

async fn sealing(
    machine: &Machine,
    (pool, log, core): (&PgPool, &PgEventLog, &Core),
    desks: &Desks,
    (rounds, clients, time): (usize, usize, Duration),
    report: &mut Report,
) -> serde_json::Value {
    let proofs = PgProofs::new(pool.clone(), &master());
    let workspace = WorkspaceId::new(
        sqlx::query_scalar("SELECT workspace_id FROM heads ORDER BY position DESC LIMIT 1")
            .fetch_one(pool)
            .await
            .unwrap(),
    );
    let (mut off, mut on, mut lags): (Vec<Sample>, Vec<Sample>, Vec<f64>) = (vec![], vec![], vec![]);
    for round in 0..rounds {
        if round % 2 == 0 {
            off.push(desks.commands(machine, clients, time).await);
        }
        // What was appended without a sealer is sealed before, so that it seals its own round alone.
        proofs.seal_up(workspace).await.unwrap();
        let anchoring = Anchoring { file: None, every: Duration::from_secs(3600) };
        let sealer = Sealer::start(proofs.clone(), core.clone(), &log.bell(), &anchoring).unwrap();
        on.push(desks.commands(machine, clients, time).await);
        let begin = Instant::now();
        sealer.stop().await;
        lags.push(begin.elapsed().as_secs_f64() * 1e3);
        let sealed = proofs.latest(workspace).await.unwrap().unwrap().checkpoint.size;
        let head: i64 = sqlx::query_scalar("SELECT position FROM heads WHERE workspace_id = $1")
            .bind(workspace.uuid())
            .fetch_one(pool)
            .await
            .unwrap();
        assert_eq!(sealed, head.unsigned_abs(), "everything is sealed");
        if round % 2 == 1 {
            off.push(desks.commands(machine, clients, time).await);
        }
    }
    let ratio = spread(on.iter().zip(&off).map(|(on, off)| on.rate / off.rate));
    let rate = |samples: &[Sample]| spread(samples.iter().map(|sample| sample.rate)).median;
    let p99 =
        |samples: &[Sample]| (spread(samples.iter().map(|sample| sample.p99)).median * 10.0).round() / 10.0;
    let seal = seal_micros();
    let command = spread(off.iter().map(|sample| sample.cpu_client + sample.cpu_postgres)).median;
    let lag = spread(lags);
    report.line(&format!(
        "\n| {clients} clients, one workspace | nobody seals | a server seals beside them |\n|---|---|---|"
    ));
    report.line(&format!("| commands a second | {:.0} | {:.0} |", rate(&off), rate(&on)));
    report.line(&format!("| ratio, of rounds that alternate | | {} |", said(ratio)));
    report.line(&format!("| p99 in ms | {:.1} | {:.1} |", p99(&off), p99(&on)));
    report.line(&format!("| all is sealed so many ms after the last | | {} |", said(lag)));
    report.line(&format!(
        "\nOf the {command:.0} µs of processor time of such a command (clients and Postgres) the cipher has {seal:.1} µs."
    ));
    json!({
        "clients": clients,
        "rate_without": rate(&off).round(),
        "rate_with": rate(&on).round(),
        "ratio": rounded(ratio),
        "p99_ms_without": p99(&off),
        "p99_ms_with": p99(&on),
        "sealed_after_ms": rounded(lag),
        "cipher_micros": (seal * 100.0).round() / 100.0,
        "command_cpu_micros": command.round(),
    })
}

/// What it takes to seal the one personal value of such a command, in microseconds.
fn seal_micros() -> f64 {
    const TIMES: u32 = 200_000;
    let key = SealingKey::random();
    let name = serde_json::to_vec("Ana Maria 00000000000000000007 00000000000000000042").unwrap();
    let begin = Instant::now();
    for _ in 0..TIMES {
        std::hint::black_box(key.seal(b"0123456789abcdef/name", std::hint::black_box(&name)));
    }
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

/// The memory of this process, in MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<f64>().unwrap() / 1024.0
}
