//! The results: printed while they come, as tables in docs/benchmarks.md, and as one line of JSON.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};
use sqlx::PgPool;

use crate::Round;
use crate::measure::{Sample, Spread, spread};
use crate::replay::Replay;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");
/// What stands between these in the documentation is replaced by a run.
const BEGIN: &str = "<!-- measured: written by `make bench-log` -->";
const END: &str = "<!-- end of what was measured -->";

type Cell = fn(&Round) -> Sample;

/// What is compared, in the order of the tables.
const CELLS: [(&str, Cell); 7] = [
    ("floor", |round| round.floor),
    ("stock", |round| round.stock),
    ("command", |round| round.command),
    ("command, many workspaces", |round| round.command_many),
    ("send", |round| round.send),
    ("send, many workspaces", |round| round.send_many),
    ("ceiling", |round| round.ceiling),
];

pub struct Report {
    text: String,
    to_floor: Map<String, Value>,
    to_stock: Map<String, Value>,
    sends: Map<String, Value>,
    to_copy: Value,
}

impl Report {
    pub fn new(machine: String, floor: &str) -> Self {
        let text = format!("{machine}. Floor: {floor}.\n");
        let (to_floor, to_stock, sends) = (Map::new(), Map::new(), Map::new());
        Self { text, to_floor, to_stock, sends, to_copy: Value::Null }
    }

    fn line(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub fn clients(&mut self, clients: usize, rounds: &[Round]) {
        let s = if clients == 1 { "" } else { "s" };
        self.line(&format!("\n### {clients} client{s}\n"));
        self.line(
            "| | events/s (least to most) | to the floor (least to most) | p50 ms | p99 ms | CPU µs/event: \
             clients + Postgres |",
        );
        self.line("|---|---|---|---|---|---|");
        for (name, cell) in CELLS {
            let rate = spread(rounds.iter().map(|round| cell(round).rate));
            let ratio = spread(rounds.iter().map(|round| cell(round).rate / round.floor.rate));
            let middle = |value: fn(&Sample) -> f64| spread(rounds.iter().map(|r| value(&cell(r)))).median;
            self.line(&format!(
                "| {name} | {:.0} ({:.0} to {:.0}) | {} | {:.2} | {:.2} | {:.0} + {:.0} |",
                rate.median,
                rate.least,
                rate.most,
                ratio_text(ratio),
                middle(|sample| sample.p50),
                middle(|sample| sample.p99),
                middle(|sample| sample.cpu_client),
                middle(|sample| sample.cpu_postgres),
            ));
        }
        let ratio = |of: fn(&Round) -> f64| json!(rounded(spread(rounds.iter().map(of)).median));
        self.to_floor.insert(clients.to_string(), ratio(|round| round.command.rate / round.floor.rate));
        self.to_stock.insert(clients.to_string(), ratio(|round| round.command.rate / round.stock.rate));
        self.sends.insert(clients.to_string(), ratio(|round| round.send.rate / round.floor.rate));
    }

    pub async fn sizes(&mut self, pool: &PgPool) {
        let sql = "SELECT event_type, count(*), avg(octet_length(payload::text))::float8 FROM events \
                   WHERE event_type IN ('customer.updated', 'message.queued') GROUP BY 1 ORDER BY 1";
        let sizes: Vec<(String, i64, f64)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
        self.line("");
        for (name, count, bytes) in sizes {
            self.line(&format!("- {count} events `{name}`, with a payload of {bytes:.0} bytes as stored."));
        }
    }

    pub fn replay(&mut self, rounds: &[Replay]) {
        let Some(last) = rounds.last() else { return };
        let replay = spread(rounds.iter().map(|round| round.replay));
        let copy = spread(rounds.iter().map(|round| round.copy));
        let ratio = spread(rounds.iter().map(|round| round.replay / round.copy));
        self.line(&format!("\n### Replay of {} events\n", last.events));
        let micros = |seconds: fn(&Replay) -> f64| {
            spread(rounds.iter().map(|round| seconds(round) * 1e6 / round.events as f64)).median
        };
        self.line("| | events/s (least to most) | CPU µs/event: clients + Postgres |");
        self.line("|---|---|---|");
        let (clients, postgres) = (micros(|r| r.replay_cpu.client), micros(|r| r.replay_cpu.postgres));
        self.line(&format!("| decoded and folded | {} | {clients:.1} + {postgres:.1} |", rate_text(replay)));
        let (clients, postgres) = (micros(|r| r.copy_cpu.client), micros(|r| r.copy_cpu.postgres));
        let copy = rate_text(copy);
        self.line(&format!("| `COPY … TO STDOUT` through psql | {copy} | {clients:.1} + {postgres:.1} |"));
        self.line(&format!("| ratio | {} | |", ratio_text(ratio)));
        let (early, late) = last.memory;
        self.line(&format!(
            "\nMemory after a tenth of it {early:.0} MiB, at its end {late:.0} MiB (the last round)."
        ));
        self.to_copy = json!(rounded(ratio.median));
    }

    pub fn json(&self) -> Value {
        json!({
            "bench": "log",
            "ratio_to_floor": self.to_floor,
            "ratio_to_stock": self.to_stock,
            "send_ratio": self.sends,
            "replay_to_copy": self.to_copy,
        })
    }

    /// Puts the tables where the documentation has the last run's.
    pub fn write_docs(&self) {
        let docs = fs::read_to_string(DOCS).unwrap_or_else(|_| format!("# Benchmarks\n\n{BEGIN}\n{END}\n"));
        let (before, rest) = docs.split_once(BEGIN).expect("the documentation has a place for the results");
        let (_, after) = rest.split_once(END).expect("the documentation has a place for the results");
        let mut written = String::new();
        write!(written, "{before}{BEGIN}\n\n{}\n", self.text.trim_end()).unwrap();
        write!(written, "\n```json\n{}\n```\n\n{END}{after}", self.json()).unwrap();
        fs::write(DOCS, written).unwrap();
    }
}

fn ratio_text(ratio: Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.least, ratio.most)
}

fn rate_text(rate: Spread) -> String {
    format!("{:.0} ({:.0} to {:.0})", rate.median, rate.least, rate.most)
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
