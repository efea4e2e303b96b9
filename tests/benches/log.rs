//! What an append costs: one-event commands through the event log, with their read model, in one workspace, against
//! the floor: one row a transaction inserted by as many clients. Postgres is the embedded one with `fsync` on.
//!
//! Rounds of both alternate in one run, because machines are noisy: only the ratio means anything. The last line is
//! the result as JSON.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints its result"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use interflow_application::{Actor, Context, Core, CreateCustomer, Ids};
use interflow_domain::WorkspaceId;
use interflow_domain::customer::ProfileDraft;
use interflow_embedded_postgres::{Config, EmbeddedPostgres};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::read_models::PgReads;
use interflow_vault::MasterKey;
use sqlx::{Executor, PgPool};

const CLIENTS: [u32; 4] = [1, 16, 64, 256];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// About the size of an event's row.
const PAYLOAD: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\
abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\
abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

fn main() {
    // Cargo runs benchmarks with `--bench`, and everything with `--test` when it tests them.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path());
    config.settings.push(("max_connections".into(), "320".into()));
    let postgres = EmbeddedPostgres::start(config).await.unwrap();
    println!(
        "postgres {}, {} processors, fsync on",
        postgres.version(),
        std::thread::available_parallelism().unwrap()
    );
    let options = Options::parse(&postgres.connection().url()).unwrap();
    let floor = database::connect(Options { max_connections: 256, ..options.clone() }).await.unwrap();
    database::migrate(&floor).await.unwrap();
    floor
        .execute("CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row text)")
        .await
        .unwrap();
    let core = core(database::connect(Options { max_connections: 20, ..options }).await.unwrap());
    let workspace = WorkspaceId::new(SystemIds.next());

    let mut ratios = serde_json::Map::new();
    println!("{:>8} {:>14} {:>14} {:>7}   spread of the ratio", "clients", "floor/s", "commands/s", "ratio");
    for clients in CLIENTS {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (pool, core) = (floor.clone(), core.clone());
            let floor = rate(clients, move || insert(pool.clone())).await;
            let ours = rate(clients, move || create(core.clone(), workspace)).await;
            rounds.push((floor, ours, ours / floor));
        }
        let floor_rate = median(rounds.iter().map(|round| round.0));
        let our_rate = median(rounds.iter().map(|round| round.1));
        let ratio = median(rounds.iter().map(|round| round.2));
        let least = rounds.iter().map(|round| round.2).fold(f64::INFINITY, f64::min);
        let most = rounds.iter().map(|round| round.2).fold(0.0, f64::max);
        println!("{clients:>8} {floor_rate:>14.0} {our_rate:>14.0} {ratio:>7.2}   {least:.2} to {most:.2}");
        ratios.insert(clients.to_string(), serde_json::json!((ratio * 100.0).round() / 100.0));
    }
    postgres.stop().await;
    println!("{}", serde_json::json!({"bench": "log", "ratio_to_floor": ratios}));
}

fn core(pool: PgPool) -> Core {
    let master = MasterKey::parse(&"07".repeat(32)).unwrap();
    let log = PgEventLog::start(pool.clone(), &master, Arc::new(SystemIds), Settings::default());
    Core {
        log: Arc::new(log),
        reads: Arc::new(PgReads::new(pool)),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

async fn insert(pool: PgPool) {
    sqlx::query("INSERT INTO floor (row) VALUES ($1)").bind(PAYLOAD).execute(&pool).await.unwrap();
}

/// The whole use case: two claims are looked up and taken, one event is appended, one row of a read model is written.
async fn create(core: Core, workspace: WorkspaceId) {
    let id = SystemIds.next().as_u128();
    let profile = ProfileDraft {
        phone: Some(format!("{:015}", id % 1_000_000_000_000_000).parse().unwrap()),
        ..ProfileDraft::default()
    };
    let context = Context::internal(workspace, Actor::System("bench"), "req_bench".to_owned());
    core.run(&context, &CreateCustomer { profile }).await.unwrap();
}

/// How often a second the work is done by so many clients at once.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    clients: u32,
    work: impl Fn() -> F + Clone + Send + 'static,
) -> f64 {
    let (done, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let begin = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (work, done, over) = (work.clone(), Arc::clone(&done), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    work().await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(ROUND).await;
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
