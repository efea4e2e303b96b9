//! What a session costs. Not a test: `cargo test -p interflow-whatsapp-web --features lab -- --ignored --nocapture footprint`

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_application::whatsapp::Engine;
use serde_json::json;

use crate::support::leased;
use crate::support::net::{Lab, Open};
use crate::support::sink::Recorder;

const SESSIONS: usize = 100;

/// Resident memory of this process (the simulated network is part of it), in KiB.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

async fn rows(lab: &Lab) -> (i64, i64) {
    sqlx::query_as("SELECT count(*), coalesce(sum(pg_column_size(value)), 0)::bigint FROM wa_keys")
        .fetch_one(&lab.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn footprint() {
    let lab = Lab::start().await;
    let warm = lab.linked().await;
    let before = resident();
    let began = Instant::now();
    let mut open = Vec::new();
    for _ in 0..SESSIONS {
        let sink = Arc::new(Recorder::default());
        let session = lab.engine.open(leased(&lab.pool).await, Arc::clone(&sink) as _).await.unwrap();
        open.push(Open { session, sink });
    }
    let codes = join_all(open.iter().map(|open| open.sink.qr())).await;
    let at_qr = resident();
    println!("{SESSIONS} QRs after {:?}; {} KiB each", began.elapsed(), (at_qr - before) / SESSIONS);
    let began = Instant::now();
    for (number, (code, _)) in codes.into_iter().enumerate() {
        lab.call("/scan", json!({"qr": code, "phone": format!("55119777{number:05}")})).await;
    }
    join_all(open.iter().map(|open| open.sink.connected())).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "{SESSIONS} linked in {:?}; {} KiB each, with the phones",
        began.elapsed(),
        (resident() - before) / SESSIONS
    );
    let (count, bytes) = rows(&lab).await;
    println!(
        "{} rows and {} KiB of keys each",
        count as usize / (SESSIONS + 1),
        bytes as usize / 1024 / (SESSIONS + 1)
    );
    let began = Instant::now();
    for number in 0..200 {
        warm.send(&format!("3EB0{number:04}"), "how fast?").await.unwrap();
    }
    println!("200 sends one by one: {:?} each", began.elapsed() / 200);
    let began = Instant::now();
    for number in 0..200 {
        lab.write(&number.to_string()).await;
    }
    warm.sink.inbound(200).await;
    println!("200 inbound: {:?} each", began.elapsed() / 200);
    let began = Instant::now();
    join_all(open.iter().map(|open| open.session.stop())).await;
    println!("{SESSIONS} stopped in {:?}", began.elapsed());
    warm.session.stop().await;
}
