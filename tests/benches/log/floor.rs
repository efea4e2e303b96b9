//! The floor: one row of an event's size a transaction. And the ceiling: a hundred rows a transaction, by UNNEST.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sqlx::{Executor, PgPool};

use crate::machine::Machine;
use crate::measure::{Sample, drive};

/// Rows in a transaction of the ceiling.
const AT_ONCE: usize = 100;
const BYTES: usize = 300;

pub struct Floor {
    pool: PgPool,
    pgbench: Option<PathBuf>,
}

impl Floor {
    pub async fn new(machine: &Machine, pool: PgPool) -> Self {
        pool.execute(
            "CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row text NOT NULL)",
        )
        .await
        .unwrap();
        let script = format!("INSERT INTO floor (row) VALUES ('{}');\n", row());
        fs::write(machine.directory().join("floor.sql"), script).unwrap();
        Self { pool, pgbench: machine.program("pgbench") }
    }

    /// Who inserts.
    pub fn client(&self) -> &'static str {
        if self.pgbench.is_some() { "pgbench -M prepared" } else { "a client of our own (no pgbench found)" }
    }

    pub async fn round(&self, machine: &Machine, clients: usize, time: Duration) -> Sample {
        match self.pgbench.clone() {
            Some(pgbench) => pgbench_round(machine, &pgbench, clients, time).await,
            None => {
                let pool = self.pool.clone();
                drive(machine, clients, time, 1, move |_, _| insert(pool.clone())).await
            }
        }
    }

    pub async fn ceiling(&self, machine: &Machine, clients: usize, time: Duration) -> Sample {
        let pool = self.pool.clone();
        drive(machine, clients, time, AT_ONCE, move |_, _| insert_many(pool.clone())).await
    }
}

fn row() -> String {
    ('a'..='z').cycle().take(BYTES).collect()
}

async fn insert(pool: PgPool) {
    sqlx::query("INSERT INTO floor (row) VALUES ($1)").bind(row()).execute(&pool).await.unwrap();
}

async fn insert_many(pool: PgPool) {
    let rows = vec![row(); AT_ONCE];
    let query = sqlx::query("INSERT INTO floor (row) SELECT * FROM unnest($1::text[])").bind(rows);
    query.execute(&pool).await.unwrap();
}

async fn pgbench_round(machine: &Machine, pgbench: &PathBuf, clients: usize, time: Duration) -> Sample {
    let connection = machine.postgres.connection();
    let mut prefix = machine.directory().join("floor").into_os_string();
    write!(prefix, "-{clients}").unwrap();
    // Its time begins before many clients have connected.
    let seconds = time.as_secs().max(1) + clients as u64 / 100;
    let mut command = Command::new(pgbench);
    command
        .args(["-n", "-M", "prepared", "--log", "-j", if clients > 1 { "2" } else { "1" }])
        .arg(format!("--log-prefix={}", prefix.display()))
        .arg("-f")
        .arg(machine.directory().join("floor.sql"))
        .args(["-c", &clients.to_string(), "-T", &seconds.to_string()])
        .arg("-h")
        .arg(&connection.socket_dir)
        .args(["-p", &connection.port.to_string(), "-U", &connection.user, &connection.database]);
    let before = machine.cpu();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let cpu = machine.cpu().since(before);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "pgbench: {said}{}", String::from_utf8_lossy(&output.stderr));
    let rate: f64 = after(&said, "tps = ").unwrap_or_else(|| panic!("pgbench says no rate: {said}"));
    let mut latencies = latencies(machine, &prefix.to_string_lossy());
    let events = latencies.len() as f64;
    Sample::new(events, Duration::from_secs_f64(events / rate), &mut latencies, cpu)
}

/// The number that follows a phrase.
fn after(text: &str, phrase: &str) -> Option<f64> {
    text.split_once(phrase)?.1.split_whitespace().next()?.parse().ok()
}

/// Every transaction's time, from pgbench's logs, which are removed.
fn latencies(machine: &Machine, prefix: &str) -> Vec<Duration> {
    let mut latencies = Vec::new();
    for entry in fs::read_dir(machine.directory()).unwrap().flatten() {
        let path = entry.path();
        if path.to_string_lossy().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')) {
            let log = fs::read_to_string(&path).unwrap();
            let micros = log.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok());
            latencies.extend(micros.map(Duration::from_micros));
            fs::remove_file(path).unwrap();
        }
    }
    latencies
}
