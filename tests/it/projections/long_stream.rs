//! What it costs to load a stream without a snapshot: docs/adr/0010 has the figures of
//! `INTERFLOW_LONG_STREAM=10000 cargo test -p interflow-tests --test it long_stream -- --nocapture`.

use std::time::Instant;

use interflow_application::log::{Event, EventLog, StreamId};
use interflow_domain::instance::InstanceEvent;

use crate::event_log::fixture::{Build, Fixture, later, new_instance};

const APPEND: u64 = 200;

fn qr(number: u64) -> Event {
    InstanceEvent::QrIssued { qr_sha256: format!("{number:064x}"), expires_at: later(20) }.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_is_loaded_whole() {
    let events = std::env::var("INTERFLOW_LONG_STREAM").ok().and_then(|text| text.parse().ok());
    let events: u64 = events.unwrap_or(400);
    let fixture = Fixture::new().await;
    let instance_id = new_instance();
    let stream = StreamId::Instance(instance_id);
    let registered = InstanceEvent::InstanceRegistered { instance_id, name: "shop".parse().unwrap() };
    fixture.append(fixture.empty().on(stream, 0, [registered.into()])).await.unwrap();
    let mut version = 1;
    while version < events {
        let more = APPEND.min(events - version);
        fixture.append(fixture.empty().on(stream, version, (version..version + more).map(qr))).await.unwrap();
        version += more;
    }
    for _ in 0..5 {
        let log = fixture.another_process().await;
        let begin = Instant::now();
        assert_eq!(log.load(fixture.workspace, stream).await.unwrap().version, version);
        let first = begin.elapsed();
        let begin = Instant::now();
        assert!(log.load(fixture.workspace, stream).await.unwrap().cached);
        println!("{version} events: {first:?} from the log, {:?} from the cache", begin.elapsed());
    }
}
