//! Everything that somebody with the database's password can do to a log, with its triggers off, is told apart.

use std::time::Duration;

use interflow_application::log::StreamId;
use interflow_application::proof::{Signer, TransparencyLog};
use interflow_infrastructure::proof::verify::{Against, Fault, FaultKind, Verified};
use interflow_infrastructure::proof::{Anchor, PgProofs};
use sqlx::{Connection, Executor, PgConnection};

use crate::event_log::fixture::{Build, Fixture, assigned, master, new_chat, opened};

const EVENTS: u64 = 700;

/// A sealed log of 700 events in 7 streams, of which the events 1 to 700 stand in turn.
struct Log {
    fixture: Fixture,
    proofs: PgProofs,
    connection: PgConnection,
}

impl Log {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let proofs = PgProofs::new(fixture.pool.clone(), &master());
        let mut connection = fixture.database.connection().await;
        connection.execute("ALTER TABLE events DISABLE TRIGGER ALL").await.unwrap();
        connection.execute("ALTER TABLE audit_tiles DISABLE TRIGGER ALL").await.unwrap();
        let mut log = Self { fixture, proofs, connection };
        log.grow(EVENTS).await;
        log.seal().await;
        log
    }

    async fn grow(&mut self, events: u64) {
        let streams = (0..7).map(|_| new_chat()).collect::<Vec<_>>();
        for number in 0..events / 7 {
            let mut append = self.fixture.empty();
            for chat in &streams {
                let event = if number == 0 { opened(*chat) } else { assigned(&format!("agent {number}")) };
                append = append.on(StreamId::Chat(*chat), number, [event]);
            }
            self.fixture.append(append).await.unwrap();
        }
    }

    async fn seal(&self) {
        self.proofs.seal_up(self.fixture.workspace).await.unwrap();
    }

    async fn does(&mut self, sql: &str) {
        let mut transaction = self.connection.begin().await.unwrap();
        transaction.execute(sql).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Moves every event from a position on, and the head with them.
    async fn shift(&mut self, from: u64, by: i64) {
        self.does(&format!(
            "UPDATE events SET position = position + 1000000 WHERE position >= {from}; \
             UPDATE events SET position = position - 1000000 + {by} WHERE position >= 1000000; \
             UPDATE heads SET position = position + {by}"
        ))
        .await;
    }

    async fn verify(&self, against: &Against) -> Verified {
        let mut seen = 0;
        let mut watch = |at, head| {
            assert!(at > seen && head >= at);
            seen = at;
        };
        self.proofs.verify(self.fixture.workspace, against, &mut watch).await.unwrap()
    }

    async fn faults(&self) -> Vec<Fault> {
        self.verify(&Against::default()).await.faults
    }

    async fn anchor(&self) -> Anchor {
        let sealed = self.proofs.latest(self.fixture.workspace).await.unwrap().unwrap();
        let workspace = self.fixture.workspace;
        Anchor { at: sealed.at, workspace, size: sealed.checkpoint.size, note: sealed.note }
    }
}

#[track_caller]
fn one(faults: &[Fault], kind: FaultKind, range: (u64, u64)) {
    assert_eq!(
        faults.iter().map(|fault| (fault.kind, (fault.position, fault.until))).collect::<Vec<_>>(),
        [(kind, range)],
        "{faults:?}"
    );
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_found_whole_also_with_events_that_are_not_sealed_yet() {
    let mut log = Log::new().await;
    let verified = log.verify(&Against::default()).await;
    assert_eq!((verified.events, verified.sealed, verified.checkpoints), (EVENTS, EVENTS, 1));
    assert_eq!(verified.faults, []);
    log.grow(70).await;
    let verified = log.verify(&Against::default()).await;
    assert_eq!((verified.events, verified.sealed), (EVENTS + 70, EVENTS));
    assert_eq!(verified.faults, []);
    log.seal().await;
    let against = Against { anchors: vec![log.anchor().await], keys: vec![] };
    assert_eq!(log.verify(&against).await.faults, []);
}

#[tokio::test]
async fn an_event_that_was_changed_is_named_whatever_of_it_was_changed() {
    let mut log = Log::new().await;
    for (set, back) in [
        (
            "payload = replace(payload::text, 'agent', 'Agent')::json",
            "payload = replace(payload::text, 'Agent', 'agent')::json",
        ),
        ("payload = (' ' || payload::text)::json", "payload = ltrim(payload::text)::json"),
        (
            "metadata = replace(metadata::text, 'system:test', 'system:best')::json",
            "metadata = replace(metadata::text, 'best', 'test')::json",
        ),
        (
            "timestamp = timestamp + interval '1 microsecond'",
            "timestamp = timestamp - interval '1 microsecond'",
        ),
        ("event_type = 'chat.closed'", "event_type = 'chat.assigned'"),
        ("event_version = '1.1'", "event_version = '1.0'"),
        ("aggregate_id = aggregate_id || 'x'", "aggregate_id = rtrim(aggregate_id, 'x')"),
        ("aggregate_type = 'chats'", "aggregate_type = 'chat'"),
        ("sequence = sequence + 1000", "sequence = sequence - 1000"),
        ("event_id = overlay(event_id::text placing '00000000' from 1)::uuid", "event_id = event_id"),
    ] {
        log.does(&format!("UPDATE events SET {set} WHERE position = 300")).await;
        let faults = log.faults().await;
        one(&faults, FaultKind::Changed, (300, 300));
        assert!(faults[0].what.starts_with("event 300 ("), "{faults:?}");
        log.does(&format!("UPDATE events SET {back} WHERE position = 300")).await;
    }
    one(&log.faults().await, FaultKind::Changed, (300, 300));
    log.does("UPDATE events SET event_version = '9' WHERE position > 500 AND position % 2 = 0").await;
    let verified = log.verify(&Against::default()).await;
    assert_eq!((verified.faults.len(), verified.more_faults), (100, 1), "what is too much is counted");
    assert_eq!((verified.faults[1].position, verified.faults[2].position), (502, 504));
}

#[tokio::test]
async fn events_that_are_gone_are_named_whether_those_after_them_were_moved_up_or_not() {
    let mut log = Log::new().await;
    log.does("DELETE FROM events WHERE position = 300").await;
    one(&log.faults().await, FaultKind::Missing, (300, 300));
    log.does("DELETE FROM events WHERE position BETWEEN 400 AND 450").await;
    let faults = log.faults().await;
    assert_eq!(faults.len(), 2);
    one(&faults[1..], FaultKind::Missing, (400, 450));

    let mut log = Log::new().await;
    log.does("DELETE FROM events WHERE position BETWEEN 300 AND 304").await;
    log.shift(300, -5).await;
    let faults = log.faults().await;
    one(&faults, FaultKind::Missing, (300, 300));
    assert!(faults[0].what.starts_with("5 events are gone before event 300"), "{faults:?}");
    // What else was done is found behind it.
    log.does("UPDATE events SET event_version = '9' WHERE position = 600").await;
    let faults = log.faults().await;
    one(&faults[..1], FaultKind::Missing, (300, 300));
    one(&faults[1..], FaultKind::Changed, (600, 600));

    let mut log = Log::new().await;
    log.does("DELETE FROM events WHERE position = 1").await;
    log.shift(1, -1).await;
    one(&log.faults().await, FaultKind::Missing, (1, 1));
}

#[tokio::test]
async fn events_that_were_put_in_are_named() {
    let put_in = "INSERT INTO events SELECT workspace_id, 300, gen_random_uuid(), aggregate_type, 'cht_forged', 1, event_type, \
                  event_version, payload, metadata, timestamp FROM events WHERE position = 299";
    let mut log = Log::new().await;
    log.shift(300, 1).await;
    log.does(put_in).await;
    let faults = log.faults().await;
    one(&faults, FaultKind::Inserted, (300, 300));
    assert!(faults[0].what.contains("cht_forged"), "{faults:?}");
    log.shift(300, 1).await;
    log.does(&put_in.replace("cht_forged", "cht_again")).await;
    one(&log.faults().await, FaultKind::Inserted, (300, 301));

    let mut log = Log::new().await;
    log.does(&put_in.replace(" 300,", " 701,")).await;
    log.does(&put_in.replace(" 300,", " 702,").replace("forged", "again")).await;
    one(&log.faults().await, FaultKind::Inserted, (701, 702));
}

#[tokio::test]
async fn events_that_stand_in_another_order_are_named() {
    let swap = |one: u64, other: u64| {
        format!(
            "UPDATE events SET position = 1000000 WHERE position = {one}; \
             UPDATE events SET position = {one} WHERE position = {other}; \
             UPDATE events SET position = {other} WHERE position = 1000000"
        )
    };
    let mut log = Log::new().await;
    log.does(&swap(300, 301)).await;
    one(&log.faults().await, FaultKind::Reordered, (300, 301));
    log.does(&swap(300, 301)).await;
    assert_eq!(log.faults().await, []);
    log.does(&swap(300, 520)).await;
    one(&log.faults().await, FaultKind::Reordered, (300, 520));
    log.does(&swap(300, 520)).await;

    // Two of one stream, which is in order again.
    let swap_stream = "UPDATE events SET sequence = 5000 WHERE position = 300; \
         UPDATE events SET sequence = sequence - 1 WHERE position = 307; \
         UPDATE events SET sequence = (SELECT sequence + 1 FROM events WHERE position = 307) WHERE position = 300";
    log.does(&format!("{swap_stream}; {}", swap(300, 307))).await;
    one(&log.faults().await, FaultKind::Reordered, (300, 307));
}

#[tokio::test]
async fn an_end_that_is_gone_is_told_also_when_the_head_says_so_too() {
    let mut log = Log::new().await;
    log.does("DELETE FROM events WHERE position > 690").await;
    one(&log.faults().await, FaultKind::Truncated, (691, 700));
    log.does("UPDATE heads SET position = 690").await;
    one(&log.faults().await, FaultKind::Truncated, (691, 700));
    log.does("DELETE FROM events").await;
    one(&log.faults().await, FaultKind::Truncated, (1, 700));

    let mut log = Log::new().await;
    log.grow(14).await;
    log.does("DELETE FROM events WHERE position > 710").await;
    one(&log.faults().await, FaultKind::Truncated, (711, 714));
}

#[tokio::test]
async fn an_end_that_was_taken_back_with_its_seals_is_told_by_what_was_anchored() {
    let mut log = Log::new().await;
    log.does("CREATE TABLE old_logs AS TABLE audit_logs; CREATE TABLE old_tiles AS TABLE audit_tiles").await;
    log.grow(70).await;
    log.seal().await;
    let anchored = Against { anchors: vec![log.anchor().await], keys: vec![] };
    assert_eq!(log.verify(&anchored).await.faults, []);
    log.does(
        "DELETE FROM events WHERE position > 700; UPDATE heads SET position = 700; \
         DELETE FROM audit_logs; INSERT INTO audit_logs TABLE old_logs; \
         DELETE FROM audit_tiles; INSERT INTO audit_tiles TABLE old_tiles",
    )
    .await;
    assert_eq!(log.faults().await, [], "the database alone cannot tell");
    one(&log.verify(&anchored).await.faults, FaultKind::Truncated, (701, 770));
}

#[tokio::test]
async fn an_event_that_was_changed_with_its_hash_is_told_by_what_was_signed() {
    let mut log = Log::new().await;
    log.does(
        "INSERT INTO audit_checkpoints SELECT workspace_id, size, signed_at, checkpoint FROM audit_logs",
    )
    .await;
    log.grow(70).await;
    log.seal().await;
    // The hash of the leaf, as we specify it.
    let rehash = |position: u64| {
        format!(
            "UPDATE events SET event_version = '9.0' WHERE position = {position}; \
             UPDATE audit_tiles SET hashes = overlay(hashes placing (SELECT sha256('\\x00'::bytea || 'IFE1'::bytea \
                 || uuid_send(workspace_id) || int8send(position) || uuid_send(event_id) || int8send(sequence) \
                 || int8send((extract(epoch from timestamp) * 1000000)::bigint) || sha256(convert_to(metadata::text, 'UTF8')) \
                 || sha256(convert_to(payload::text, 'UTF8')) \
                 || int2send(length(aggregate_type)::int2) || aggregate_type::bytea \
                 || int2send(length(aggregate_id)::int2) || aggregate_id::bytea \
                 || int2send(length(event_type)::int2) || event_type::bytea \
                 || int2send(length(event_version)::int2) || event_version::bytea) \
                 FROM events WHERE position = {position}) from {}) WHERE level = 0 AND index = {}",
            (position - 1) % 256 * 32 + 1,
            (position - 1) / 256
        )
    };
    // Only a range can be named; the tile above, which is what it was, says more.
    log.does(&rehash(720)).await;
    let found = |faults: Vec<Fault>| {
        faults.into_iter().map(|fault| (fault.kind, (fault.position, fault.until))).collect::<Vec<_>>()
    };
    let faults = log.faults().await;
    assert!(faults[1].what.contains("from 701 to 770"), "{faults:?}");
    assert_eq!(found(faults), [(FaultKind::Tree, (513, 768)), (FaultKind::Rewritten, (701, 770))]);
    log.does(&rehash(300)).await;
    assert_eq!(found(log.faults().await), [(FaultKind::Rewritten, (1, 700)), (FaultKind::Tree, (257, 512))]);
}

#[tokio::test]
async fn hashes_that_were_changed_are_told_from_events_that_were() {
    let mut log = Log::new().await;
    log.does("CREATE TABLE old_tiles AS TABLE audit_tiles").await;
    for sql in [
        "UPDATE audit_tiles SET hashes = overlay(hashes placing '\\x0000' from 33) WHERE level = 0 AND index = 1",
        "UPDATE audit_tiles SET hashes = overlay(hashes placing '\\x0000' from 33) WHERE level = 1",
        "DELETE FROM audit_tiles WHERE level = 1",
        "DELETE FROM audit_tiles WHERE index = 1",
        "DELETE FROM audit_tiles",
        "UPDATE audit_tiles SET hashes = substr(hashes, 1, 320) WHERE level = 0 AND index = 2",
    ] {
        log.does(sql).await;
        let faults = log.faults().await;
        assert_eq!(
            faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(),
            [FaultKind::Tree],
            "{sql}: {faults:?}"
        );
        log.does("DELETE FROM audit_tiles; INSERT INTO audit_tiles TABLE old_tiles").await;
        assert_eq!(log.faults().await, []);
    }
}

#[tokio::test]
async fn a_log_that_was_written_anew_from_its_start_is_told_by_what_was_anchored_and_by_the_key() {
    let mut log = Log::new().await;
    let anchored = Against { anchors: vec![log.anchor().await], keys: vec![] };
    let key = log.proofs.keys(log.fixture.workspace).await.unwrap().remove(0).verifier;
    log.does(
        "UPDATE events SET event_version = '9.0' WHERE position = 5; \
         DELETE FROM audit_tiles; DELETE FROM audit_logs; DELETE FROM audit_keys",
    )
    .await;
    let faults = log.faults().await;
    one(&faults, FaultKind::Unsealed, (1, 700));
    log.seal().await;
    assert_eq!(log.faults().await, [], "the database alone cannot tell");
    let faults = log.verify(&anchored).await.faults;
    one(&faults, FaultKind::Signature, (700, 700));
    assert!(faults[0].what.contains("of another tree"), "{faults:?}");
    // With the name that it had.
    log.does(&format!("UPDATE audit_logs SET origin = '{}', size = 0, checkpoint = NULL, signed_at = NULL; DELETE FROM audit_tiles", key.name())).await;
    log.seal().await;
    one(&log.verify(&anchored).await.faults, FaultKind::Signature, (700, 700));
    let pinned = Against { anchors: anchored.anchors.clone(), keys: vec![key.clone()] };
    let faults = log.verify(&pinned).await.faults;
    let kinds: Vec<_> = faults.iter().map(|fault| (fault.kind, fault.until)).collect();
    assert!(
        kinds.contains(&(FaultKind::Signature, 700)) && kinds.contains(&(FaultKind::Rewritten, 700)),
        "{faults:?}"
    );
    let stranger = Against { anchors: vec![], keys: vec![Signer::random(key.name()).verifier()] };
    one(&log.verify(&stranger).await.faults, FaultKind::Signature, (700, 700));
}

#[tokio::test]
async fn a_rotated_key_and_what_it_signed_is_believed() {
    let mut log = Log::new().await;
    log.proofs.rotate(log.fixture.workspace, Duration::ZERO).await.unwrap();
    log.grow(70).await;
    log.seal().await;
    let verified = log.verify(&Against::default()).await;
    assert_eq!((verified.faults, verified.checkpoints), (vec![], 2));
}

#[tokio::test]
async fn a_connection_that_is_lost_is_an_error_and_not_the_end() {
    let log = Log::new().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let against = Against::default();
    let mut killer = log.fixture.database.connection().await;
    let lock = "BEGIN; LOCK TABLE audit_tiles IN ACCESS EXCLUSIVE MODE";
    killer.execute(lock).await.unwrap();
    let mut watch = |_, _| {};
    let verifying = log.proofs.verify(log.fixture.workspace, &against, &mut watch);
    let killing = async {
        log.fixture.wait_for_waiter().await;
        killer.execute(kill).await.unwrap();
    };
    let (verified, ()) = tokio::join!(verifying, killing);
    assert!(verified.is_err());
}
