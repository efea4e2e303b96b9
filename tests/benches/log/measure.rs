//! Doing the same from many clients at once, and what that cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::machine::{Cpu, Machine};

/// What one round came to.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub events: f64,
    /// Events a second.
    pub rate: f64,
    /// Milliseconds a transaction or command took.
    pub p50: f64,
    pub p99: f64,
    /// Microseconds of processor time an event: the clients' (with all of our code) and Postgres's.
    pub cpu_client: f64,
    pub cpu_postgres: f64,
}

impl Sample {
    pub fn new(events: f64, elapsed: Duration, latencies: &mut [Duration], cpu: Cpu) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| {
            let index = (latencies.len().saturating_sub(1) as f64 * share) as usize;
            latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Self {
            events,
            rate: events / elapsed.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
            cpu_client: cpu.client * 1e6 / events,
            cpu_postgres: cpu.postgres * 1e6 / events,
        }
    }
}

/// Has so many clients do the work over and over for a while. The work is told the client's number and how often it
/// was done, and one doing counts for so many events.
pub async fn drive<F: Future<Output = ()> + Send + 'static>(
    machine: &Machine,
    clients: usize,
    time: Duration,
    events_each: usize,
    work: impl Fn(usize, usize) -> F + Clone + Send + 'static,
) -> Sample {
    let over = Arc::new(AtomicBool::new(false));
    let (before, begin) = (machine.cpu(), Instant::now());
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (work, over) = (work.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    work(client, latencies.len()).await;
                    latencies.push(begin.elapsed());
                }
                latencies
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let elapsed = begin.elapsed();
    let events = (latencies.len() * events_each) as f64;
    Sample::new(events, elapsed, &mut latencies, machine.cpu().since(before))
}

/// The middle one, the least and the most.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

pub fn spread(values: impl IntoIterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    Spread { median: values[values.len() / 2], least: values[0], most: values[values.len() - 1] }
}
