//! Listeners that break off and go on, over several processes, some of which are killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_application::{Actor, Context, home_workspace};
use serde_json::json;

use super::{customers, many};
use crate::gateway::cluster::Cluster;
use crate::rest::server::Server;
use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::sse::Sse;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_off_again_and_again_misses_nothing_and_gets_nothing_twice() {
    let server = Server::start().await;
    let context = Context::internal(home_workspace(), Actor::Operator, "req_test".to_owned());
    let begin = server.running.core().log.head(context.workspace).await.unwrap();
    let end = begin + many();
    let readers = (0..4_u64).map(|reader| {
        let api = server.api.clone();
        tokio::spawn(async move {
            let (mut last, mut breaks) = (begin, 0);
            while last < end {
                // In the address as well as in the header.
                let shown = last.to_string();
                let query = format!("since={}", if reader % 2 == 0 { last } else { 0 });
                let mut stream = Sse::open(&api, &query, (reader % 2 == 1).then_some(shown.as_str())).await;
                for _ in 0..(many() / 20 + reader * 7) {
                    let position = stream.position().await.unwrap();
                    assert_eq!(position, last + 1, "reader {reader}, after {breaks} breaks");
                    last = position;
                    if last == end {
                        break;
                    }
                }
                breaks += 1;
            }
            assert!(breaks > 5);
        })
    });
    let readers: Vec<_> = readers.collect();
    customers(server.running.core(), &context, many()).await;
    join_all(readers).await.into_iter().for_each(Result::unwrap);
}

/// Makes customers until it is told to stop, trying again what a dying server did not answer; counts what was answered.
async fn write(apis: Vec<Api>, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) {
    let mut number = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        let api = &apis[number % apis.len()];
        number += 1;
        let key = uuid::Uuid::new_v4().simple().to_string();
        let body = json!({"email": format!("{key}@example.com")}).to_string();
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
        let made = api.try_call(reqwest::Method::POST, "/v1/customers", &headers, Some(body)).await;
        if made.is_ok_and(|made| made.status == 201) {
            written.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_follows_what_every_process_writes_and_survives_the_death_of_its_own() {
    let cluster = Cluster::new(Duration::from_secs(15)).await;
    let (writer, mut mortal) = (cluster.node(), cluster.node());
    let (stop, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let writing = tokio::spawn(write(vec![writer.api.clone()], Arc::clone(&stop), Arc::clone(&written)));
    let mut positions: Vec<u64> = vec![];
    let mut last_id = "0".to_owned();
    for life in 0..3 {
        let mut stream = Sse::open(&mortal.api, "types=customer.created", Some(&last_id)).await;
        let until = positions.len() + 40;
        let begin = Instant::now();
        while positions.len() < until {
            positions.push(stream.position().await.expect("it lives"));
            assert!(begin.elapsed() < PATIENCE, "what another process writes is not told");
        }
        mortal.process.kill();
        // What had been sent may still come.
        while let Some(position) = stream.position().await {
            positions.push(position);
        }
        last_id.clone_from(&stream.last_id);
        if life < 2 {
            mortal = cluster.again(mortal);
        }
    }
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    let mut stream = Sse::open(&writer.api, "types=customer.created", Some(&last_id)).await;
    let sql = "SELECT position FROM events WHERE event_type = 'customer.created' ORDER BY position";
    let logged: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&cluster.pool).await.unwrap();
    while positions.len() < logged.len() {
        positions.push(stream.position().await.unwrap());
    }
    let logged: Vec<u64> = logged.into_iter().map(i64::unsigned_abs).collect();
    assert_eq!(positions, logged, "none is missing and none came twice");
    assert!(logged.len() as u64 >= written.load(Ordering::Relaxed));
}
