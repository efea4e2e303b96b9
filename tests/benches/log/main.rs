//! What an append costs, and a replay: `make bench-log`.
//!
//! In rounds that alternate in one run, because machines are noisy and only ratios mean anything:
//! - the [`floor`]: pgbench inserting one row of an event's size a transaction; and the ceiling, a hundred rows a
//!   transaction;
//! - the [`stock`]: cqrs-es on postgres-es, with a view;
//! - [`ours`]: one-event commands and `SendMessage`, in one workspace and in many.
//!
//! Then a long log is [replayed](replay). Postgres is the embedded one with `fsync` and `synchronous_commit` on. The
//! last line is the result as JSON; docs/benchmarks.md gets the [tables](report).
//!
//! By environment: `BENCH_ROUNDS` (5), `BENCH_SECONDS` (2, of each cell), `BENCH_WORKSPACES` (1000), `BENCH_EVENTS`
//! (1000000, to be replayed; 0 for none), `BENCH_CLIENTS` (1,16,64,256), `BENCH_DOCS=0` to leave the documentation,
//! `BENCH_STATEMENTS=1` to print what pg_stat_statements saw. `BENCH_LOOP=command` (or `send`, `command-many`,
//! `send-many`) does nothing but that, ten times as long as a cell, for a profiler to watch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, prints its result and reads the clock"
)]

mod floor;
mod machine;
mod measure;
mod ours;
mod replay;
mod report;
mod statements;
mod stock;

use std::time::Duration;

use interflow_infrastructure::database::{self, Options};
use sqlx::PgPool;

use floor::Floor;
use machine::Machine;
use measure::Sample;
use ours::Desks;
use report::Report;
use stock::Stock;

/// How much is measured.
struct Size {
    rounds: usize,
    time: Duration,
    clients: Vec<usize>,
    workspaces: usize,
    events: u64,
}

/// One round of everything at one number of clients.
#[derive(Clone, Copy)]
struct Round {
    floor: Sample,
    ceiling: Sample,
    stock: Sample,
    command: Sample,
    send: Sample,
    command_many: Sample,
    send_many: Sample,
}

fn main() {
    // Cargo runs benchmarks with `--bench`, and everything with `--test` when it tests them.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&Size::from_environment()));
}

impl Size {
    fn from_environment() -> Self {
        let clients = std::env::var("BENCH_CLIENTS").unwrap_or_else(|_| "1,16,64,256".to_owned());
        Self {
            rounds: number("BENCH_ROUNDS", 5),
            time: Duration::from_secs(number("BENCH_SECONDS", 2) as u64),
            clients: clients.split(',').map(|clients| clients.trim().parse().unwrap()).collect(),
            workspaces: number("BENCH_WORKSPACES", 1_000),
            events: number("BENCH_EVENTS", 1_000_000) as u64,
        }
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

async fn run(size: &Size) {
    let statements = number("BENCH_STATEMENTS", 0) > 0;
    let extra: &[(&str, &str)] = if statements {
        &[("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.track_planning", "on")]
    } else {
        &[]
    };
    let machine = Machine::start(extra).await;
    let options = Options::parse(&machine.postgres.connection().url()).unwrap();
    let wide = database::connect(Options { max_connections: 256, ..options.clone() }).await.unwrap();
    database::migrate(&wide).await.unwrap();
    let floor = Floor::new(&machine, wide.clone()).await;
    println!("{}; floor: {}", machine.describe().await, floor.client());
    let stock = Stock::new(&machine, &wide).await;
    let pool = database::connect(options).await.unwrap();
    let core = ours::core(&pool);
    let one = Desks::new(core.clone(), 1, 1_024).await;
    let many = Desks::new(core, size.workspaces, 2).await;
    let mut report = Report::new(machine.describe().await, floor.client());
    if let Ok(what) = std::env::var("BENCH_LOOP") {
        return watch(&machine, &wide, &what, (&one, &many), size, statements).await;
    }

    for &clients in &size.clients {
        let mut rounds = Vec::new();
        for _ in 0..size.rounds {
            machine::settle(&wide).await;
            rounds.push(Round {
                floor: floor.round(&machine, clients, size.time).await,
                command: one.commands(&machine, clients, size.time).await,
                send: one.sends(&machine, clients, size.time).await,
                stock: stock.round(&machine, clients, size.time).await,
                command_many: many.commands(&machine, clients, size.time).await,
                send_many: many.sends(&machine, clients, size.time).await,
                ceiling: floor.ceiling(&machine, clients, size.time).await,
            });
        }
        report.clients(clients, &rounds);
        if statements {
            let work = one.commands(&machine, clients, size.time);
            statements::print(&wide, &format!("one-event commands, {clients} clients"), work).await;
            let work = one.sends(&machine, clients, size.time);
            statements::print(&wide, &format!("sends, {clients} clients"), work).await;
        }
    }
    report.sizes(&wide).await;
    if size.events > 0 {
        replay_rounds(&machine, &pool, size, &mut report).await;
    }
    machine.stop().await;
    if number("BENCH_DOCS", 1) > 0 {
        report.write_docs();
    }
    println!("{}", report.json());
}

/// One thing alone, for so long that a profiler sees it.
async fn watch(
    machine: &Machine,
    wide: &PgPool,
    what: &str,
    (one, many): (&Desks, &Desks),
    size: &Size,
    statements: bool,
) {
    for &clients in &size.clients {
        let time = size.time * 10;
        let name = format!("{what}, {clients} clients");
        println!("{name}: begins");
        let work = async {
            match what {
                "command" => one.commands(machine, clients, time).await,
                "send" => one.sends(machine, clients, time).await,
                "command-many" => many.commands(machine, clients, time).await,
                "send-many" => many.sends(machine, clients, time).await,
                _ => panic!("BENCH_LOOP={what}: there is no such cell"),
            }
        };
        if statements {
            statements::print(wide, &name, work).await;
        } else {
            println!("{:?}", work.await);
        }
    }
}

async fn replay_rounds(machine: &Machine, pool: &PgPool, size: &Size, report: &mut Report) {
    let log = ours::log(pool);
    let workspace = replay::workspace(pool).await;
    replay::fill(&log, workspace, size.events).await;
    let rounds = size.rounds.min(5);
    let mut done = Vec::new();
    for _ in 0..rounds {
        done.push(replay::round(machine, &log, workspace, size.events).await);
    }
    report.replay(&done);
}
