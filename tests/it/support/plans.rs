//! What statements really read: the plans that were carried out, as `auto_explain` reports each with its buffers, on the
//! thread of a test.

use std::cell::RefCell;
use std::fmt::Debug;

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

thread_local! {
    /// The plans that were reported on this thread.
    static PLANS: RefCell<Vec<Value>> = const { RefCell::new(vec![]) };
}

struct Plans;

impl<S: tracing::Subscriber> Layer<S> for Plans {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut Self);
    }
}

impl tracing::field::Visit for Plans {
    fn record_str(&mut self, _: &tracing::field::Field, value: &str) {
        if let Some((_, plan)) = value.split_once("plan:\n") {
            PLANS.with_borrow_mut(|plans| plans.push(serde_json::from_str(plan).unwrap()));
        }
    }

    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn Debug) {}
}

const EXPLAIN: &str = "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; \
     SET auto_explain.log_buffers = on; SET auto_explain.log_timing = off; SET auto_explain.log_format = json; \
     SET auto_explain.log_level = notice";

/// None are reported of a statement that read none.
fn buffers(plan: &Value) -> u64 {
    let read = |kind: &str| plan["Plan"][kind].as_u64().unwrap_or_default();
    read("Shared Hit Blocks") + read("Shared Read Blocks")
}

fn seq_scans(node: &Value) -> usize {
    // These two hold a handful of rows here, and are looked up by their keys.
    let small = ["heads", "channels"].iter().any(|table| node["Relation Name"] == *table);
    let here = usize::from(node["Node Type"] == "Seq Scan" && !small);
    here + node["Plans"].as_array().into_iter().flatten().map(seq_scans).sum::<usize>()
}

/// What the statements since the last look read; none reads a table from end to end, or more than the bound.
pub fn looked(what: &str, most: u64) -> Vec<u64> {
    PLANS.with_borrow(|plans| {
        for plan in plans {
            assert_eq!(seq_scans(&plan["Plan"]), 0, "{what}: {plan:#}");
        }
    });
    few(what, most)
}

/// What the statements since the last look read; none reads more than the bound. What small tables take is not looked at.
pub fn few(what: &str, most: u64) -> Vec<u64> {
    let plans = PLANS.take();
    assert!(!plans.is_empty(), "no plan of {what} was reported");
    for plan in &plans {
        assert!(buffers(plan) <= most, "{what}: {} buffers\n{plan:#}", buffers(plan));
    }
    plans.iter().map(buffers).collect()
}

/// Forgets the plans of the statements so far.
pub fn forget() {
    PLANS.take();
}

/// Connections to this database, whose plans are reported to this thread as long as the guard lives.
pub async fn watched(options: &PgConnectOptions) -> (PgPool, DefaultGuard) {
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .after_connect(|connection, _| Box::pin(async move { connection.execute(EXPLAIN).await.map(drop) }));
    let pool = pool.connect_with(options.clone()).await.unwrap();
    (pool, tracing::subscriber::set_default(tracing_subscriber::registry().with(Plans)))
}
