use std::sync::Arc;
use std::time::{Duration, Instant};

use interflow_application::log::StreamId;
use interflow_application::proof::{TransparencyLog, Verifier};
use interflow_application::wakeups::Wakeup;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::Settings;
use interflow_infrastructure::proof::{Anchoring, PgProofs, Sealer};
use interflow_infrastructure::wakeups::Bell;
use interflow_vault::MasterKey;
use sqlx::{Connection, Executor};

use super::{hashes, opened, root_of, stored};
use crate::event_log::fixture::{Build, Fixture, assigned, master, new_chat, opened as chat_opened};
use crate::support::PATIENCE;
use crate::support::lab::Lab;

fn proofs(fixture: &Fixture) -> PgProofs {
    PgProofs::new(fixture.pool.clone(), &master())
}

fn start(fixture: &Fixture, proofs: PgProofs, bell: &Bell) -> Sealer {
    let anchoring = Anchoring { file: None, every: Duration::from_secs(3600) };
    Sealer::start(proofs, super::core(fixture), bell, &anchoring).unwrap()
}

/// Appends so many events.
async fn append(fixture: &Fixture, events: usize) {
    let chat = new_chat();
    for first in (0..events).step_by(200) {
        let some = (first..events.min(first + 200)).map(|number| match number {
            0 => chat_opened(chat),
            number => assigned(&format!("agent {number}")),
        });
        fixture.append(fixture.empty().on(StreamId::Chat(chat), first as u64, some)).await.unwrap();
    }
}

/// The tree is as large as the log, and what RFC 6962 makes of it.
async fn sound(fixture: &Fixture, proofs: &PgProofs) -> u64 {
    let leaves = stored(&fixture.pool, fixture.workspace).await;
    let keys: Vec<Verifier> =
        proofs.keys(fixture.workspace).await.unwrap().into_iter().map(|key| key.verifier).collect();
    let sealed = proofs.latest(fixture.workspace).await.unwrap().unwrap();
    assert_eq!(opened(&sealed.note, &keys), sealed.checkpoint);
    assert_eq!(sealed.checkpoint.size, leaves.len() as u64);
    assert_eq!(sealed.checkpoint.root, root_of(&hashes(&leaves)));
    sealed.checkpoint.size
}

async fn until_sealed(proofs: &PgProofs, workspace: WorkspaceId, size: u64) {
    let begin = Instant::now();
    while proofs.latest(workspace).await.unwrap().map(|sealed| sealed.checkpoint.size) != Some(size) {
        assert!(begin.elapsed() < PATIENCE, "{size} events are not sealed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_tree_that_grows_part_by_part_is_that_of_the_whole_log() {
    let fixture = Fixture::new().await;
    let proofs = proofs(&fixture);
    for events in [1, 254, 1, 1, 300, 1500] {
        append(&fixture, events).await;
        proofs.seal_up(fixture.workspace).await.unwrap();
        sound(&fixture, &proofs).await;
    }
    // Longer than what one seal takes.
    append(&fixture, 9000).await;
    proofs.seal_up(fixture.workspace).await.unwrap();
    assert_eq!(sound(&fixture, &proofs).await, 11_057);
    let before = proofs.latest(fixture.workspace).await.unwrap();
    proofs.seal_up(fixture.workspace).await.unwrap();
    assert_eq!(proofs.latest(fixture.workspace).await.unwrap(), before, "nothing new, nothing signed");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_seal_while_others_write_and_the_tree_is_one() {
    let bell = Bell::default();
    let settings = Settings { bell: bell.clone(), ..Settings::default() };
    let fixture = Fixture::with(settings, Arc::new(SystemIds)).await;
    let mut sealers = vec![];
    for _ in 0..3 {
        let pool = fixture.database.another_pool().await;
        sealers.push(start(&fixture, PgProofs::new(pool, &master()), &bell));
    }
    let writer = async |chats: usize| {
        for _ in 0..chats {
            fixture.append(fixture.opened(new_chat())).await.unwrap();
        }
    };
    tokio::join!(writer(200), writer(200), writer(200));
    // One of them dies as a task does that nobody waits for; the others go on.
    drop(sealers.pop());
    append(&fixture, 900).await;
    let proofs = proofs(&fixture);
    until_sealed(&proofs, fixture.workspace, 1500).await;
    for sealer in sealers {
        sealer.stop().await;
    }
    sound(&fixture, &proofs).await;
}

#[tokio::test]
async fn a_server_that_stops_has_sealed_what_was_appended() {
    let fixture = Fixture::new().await;
    append(&fixture, 3).await;
    let sealer = start(&fixture, proofs(&fixture), &Bell::default());
    until_sealed(&proofs(&fixture), fixture.workspace, 3).await;
    append(&fixture, 4).await;
    sealer.stop().await;
    assert_eq!(sound(&fixture, &proofs(&fixture)).await, 7);
}

#[tokio::test]
async fn what_is_appended_while_a_server_that_stops_seals_is_sealed_too() {
    const WAITING: &str =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit_tiles'::regclass";
    let fixture = Fixture::new().await;
    append(&fixture, 3).await;
    proofs(&fixture).seal_up(fixture.workspace).await.unwrap();
    append(&fixture, 4).await;
    let mut holder = fixture.database.connection().await;
    let mut holding = holder.begin().await.unwrap();
    holding.execute("LOCK TABLE audit_tiles IN SHARE MODE").await.unwrap();
    let sealer = start(&fixture, proofs(&fixture), &Bell::default());
    let begin = Instant::now();
    while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&fixture.pool).await.unwrap() == 0 {
        assert!(begin.elapsed() < PATIENCE, "it does not seal");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    append(&fixture, 5).await;
    let mut stopping = Box::pin(sealer.stop());
    assert!(futures::poll!(&mut stopping).is_pending());
    holding.rollback().await.unwrap();
    stopping.await;
    assert_eq!(sound(&fixture, &proofs(&fixture)).await, 12);
}

#[tokio::test]
async fn a_log_that_another_server_seals_holds_up_nobody() {
    let bell = Bell::default();
    let fixture = Fixture::new().await;
    append(&fixture, 3).await;
    let proofs = proofs(&fixture);
    proofs.seal_up(fixture.workspace).await.unwrap();
    let mut holder = fixture.database.connection().await;
    let mut holding = holder.begin().await.unwrap();
    holding.execute("SELECT FROM audit_logs FOR UPDATE").await.unwrap();
    append(&fixture, 3).await;
    let mut other = fixture.empty();
    other.context.workspace = WorkspaceId::new(uuid::Uuid::from_u128(7));
    let other = other.on(StreamId::Chat(new_chat()), 0, [chat_opened(new_chat())]);
    let workspace = other.context.workspace;
    fixture.append(other).await.unwrap();
    let sealer = start(&fixture, proofs.clone(), &bell);
    until_sealed(&proofs, workspace, 1).await;
    assert_eq!(proofs.latest(fixture.workspace).await.unwrap().unwrap().checkpoint.size, 3);
    holding.rollback().await.unwrap();
    bell.hear(Wakeup::Lost);
    until_sealed(&proofs, fixture.workspace, 6).await;
    sealer.stop().await;
    sound(&fixture, &proofs).await;
}

#[tokio::test]
async fn a_log_with_a_hole_or_an_end_that_is_gone_is_not_sealed() {
    let fixture = Fixture::new().await;
    let proofs = proofs(&fixture);
    append(&fixture, 10).await;
    let mut connection = fixture.database.connection().await;
    connection.execute("ALTER TABLE events DISABLE TRIGGER ALL").await.unwrap();
    connection.execute("DELETE FROM events WHERE position = 4").await.unwrap();
    let error = format!("{:?}", proofs.seal_up(fixture.workspace).await.unwrap_err());
    assert!(error.contains("event 4 is missing"), "{error}");
    assert_eq!(proofs.latest(fixture.workspace).await.unwrap(), None);

    let fixture = Fixture::new().await;
    let proofs = PgProofs::new(fixture.pool.clone(), &master());
    append(&fixture, 10).await;
    proofs.seal_up(fixture.workspace).await.unwrap();
    let mut connection = fixture.database.connection().await;
    connection.execute("ALTER TABLE events DISABLE TRIGGER ALL").await.unwrap();
    connection.execute("DELETE FROM events WHERE position > 8").await.unwrap();
    connection.execute("UPDATE heads SET position = 8").await.unwrap();
    let error = format!("{:?}", proofs.seal_up(fixture.workspace).await.unwrap_err());
    assert!(error.contains("ends at event 8, and 10 were sealed"), "{error}");
}

#[tokio::test]
async fn a_tree_that_somebody_has_changed_is_not_grown_on() {
    let fixture = Fixture::new().await;
    let proofs = proofs(&fixture);
    append(&fixture, 300).await;
    proofs.seal_up(fixture.workspace).await.unwrap();
    let mut connection = fixture.database.connection().await;
    for sql in [
        "UPDATE audit_tiles SET hashes = overlay(hashes placing '\\x00' from 9)",
        "UPDATE audit_tiles SET hashes = substr(hashes, 1, 32)",
        "UPDATE audit_tiles SET index = index + 1",
        "DELETE FROM audit_tiles",
        "TRUNCATE audit_tiles",
    ] {
        for replica in ["origin", "replica"] {
            connection.execute(format!("SET session_replication_role = {replica}").as_str()).await.unwrap();
            let error = connection.execute(sql).await.unwrap_err();
            assert!(error.to_string().contains("only grows"), "{sql}: {error}");
        }
    }
    connection.execute("ALTER TABLE audit_tiles DISABLE TRIGGER ALL").await.unwrap();
    connection
        .execute("UPDATE audit_tiles SET hashes = overlay(hashes placing '\\x00' from 9)")
        .await
        .unwrap();
    append(&fixture, 1).await;
    let error = format!("{:?}", proofs.seal_up(fixture.workspace).await.unwrap_err());
    assert!(error.contains("not the one that was signed"), "{error}");
    connection.execute("DELETE FROM audit_tiles").await.unwrap();
    let error = format!("{:?}", proofs.seal_up(fixture.workspace).await.unwrap_err());
    assert!(error.contains("lacks hashes"), "{error}");
}

#[tokio::test]
async fn with_another_master_key_nothing_is_signed_and_the_proofs_stay() {
    let fixture = Fixture::new().await;
    append(&fixture, 3).await;
    proofs(&fixture).seal_up(fixture.workspace).await.unwrap();
    append(&fixture, 3).await;
    let other = PgProofs::new(fixture.pool.clone(), &MasterKey::parse(&"18".repeat(32)).unwrap());
    let error = format!("{:?}", other.seal_up(fixture.workspace).await.unwrap_err());
    assert!(error.contains("another master key"), "{error}");
    assert_eq!(other.latest(fixture.workspace).await.unwrap().unwrap().checkpoint.size, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_and_its_postgres_leave_a_tree_that_grows_on() {
    let mut lab = Lab::start();
    for round in 0..3 {
        for number in 0..40 {
            let customer = serde_json::json!({"name": format!("Ana {round} {number}"), "email": format!("{round}.{number}@example.com")});
            lab.api.post("/v1/customers", customer).await.expect(201);
        }
        lab.server.kill();
        lab.restart();
    }
    // Every checkpoint there is from now on proves what has come before.
    let told = lab.api.get("/v1/audit/log/checkpoint").await;
    assert_eq!(told.status, 200);
    let size = |text: &str| text.lines().nth(1).unwrap().parse::<u64>().unwrap();
    let head = lab.api.get("/v1/events?after=end&limit=1").await.expect(200)["meta"]["next_after"].clone();
    let begin = Instant::now();
    let latest = loop {
        let latest = lab.api.get("/v1/audit/log/checkpoint").await.text;
        if Some(size(&latest)) == head.as_u64() {
            break latest;
        }
        assert!(begin.elapsed() < PATIENCE, "{latest}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let grown = format!("/v1/audit/log/consistency?from={}&to={}", size(&told.text), size(&latest));
    let proof = lab.api.get(&grown).await.expect(200);
    assert_eq!(proof["data"]["from_root"], told.text.lines().nth(2).unwrap());
    assert_eq!(proof["data"]["to_root"], latest.lines().nth(2).unwrap());
    super::serving::every_event_is_proved(&lab.api, size(&latest)).await;
}
