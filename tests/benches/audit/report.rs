//! The results: printed while they come, and as tables in docs/benchmarks.md.

use std::fs;

use serde_json::{Value, json};

use crate::measure::Spread;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");
/// What stands between these in the documentation is replaced by a run.
const BEGIN: &str = "<!-- measured: written by `make bench-audit` -->";
const END: &str = "<!-- end of what `make bench-audit` measured -->";

pub struct Report {
    text: String,
}

impl Report {
    pub fn new(machine: &str) -> Self {
        println!("{machine}");
        Self { text: format!("{machine}.\n") }
    }

    pub fn line(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Puts the tables where the documentation has the last run's.
    pub fn write_docs(&self, result: &Value) {
        let docs = fs::read_to_string(DOCS).expect("the documentation");
        let (before, rest) = docs.split_once(BEGIN).expect("the documentation has a place for the results");
        let (_, after) = rest.split_once(END).expect("the documentation has a place for the results");
        let text = self.text.trim_end();
        let written = format!("{before}{BEGIN}\n\n{text}\n\n```json\n{result}\n```\n\n{END}{after}");
        fs::write(DOCS, written).expect("the documentation can be written");
    }
}

pub fn said(spread: Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", spread.median, spread.least, spread.most)
}

pub fn rounded(spread: Spread) -> Value {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    json!({"median": round(spread.median), "least": round(spread.least), "most": round(spread.most)})
}
