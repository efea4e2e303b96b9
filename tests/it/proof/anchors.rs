//! Checkpoints where the operator of the database does not reach them.

use std::time::{Duration, Instant};

use interflow::config::Config;
use interflow_application::proof::{Checkpoint, Note, Verifier};
use interflow_infrastructure::proof::{Anchoring, PgProofs, Sealer, read_anchors};
use interflow_infrastructure::wakeups::Bell;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::event_log::fixture::{Fixture, master, new_chat};
use crate::rest::server::Server;
use crate::support::PATIENCE;
use crate::support::receiver::{Receiver, Reply};

#[tokio::test]
async fn a_checkpoint_is_told_to_webhooks_and_listeners_and_not_again_while_nothing_happens() {
    let receiver = Receiver::start(|_, _| Reply::Status(204)).await;
    let server =
        Server::with(|config| Config { audit_anchor_interval: Duration::from_secs(1), ..config }).await;
    let draft = json!({"url": receiver.url, "events": ["audit.checkpoint"], "start_from": {"position": 1}});
    let webhook = server.api.post("/v1/webhooks", draft).await.expect(201)["data"]["id"].clone();
    let deliveries = format!("/v1/webhooks/{}/deliveries?status=delivered", webhook.as_str().unwrap());
    let told = |body: &Value| body["data"].as_array().is_some_and(|all| !all.is_empty());
    server.api.until(&deliveries, told).await;

    let feed = "/v1/events?types=audit.checkpoint&limit=100";
    let event = server.api.get(feed).await.expect(200)["data"][0].clone();
    let (data, position) = (&event["data"], event["position"].as_u64().unwrap());
    let keys = server.api.get("/v1/audit/log/keys").await.expect(200);
    let key: Verifier = keys["data"][0]["key"].as_str().unwrap().parse().unwrap();
    let note: Note = data["note"].as_str().unwrap().parse().unwrap();
    assert_eq!(note.verified_by(std::slice::from_ref(&key)), [&key]);
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    assert_eq!(
        (data["size"].as_u64(), data["root"].as_str()),
        (Some(checkpoint.size), Some(&*checkpoint.root.to_string()))
    );
    assert!(checkpoint.size < position, "it is of the log before it was told");
    let first = receiver.received().into_iter().next().unwrap().json();
    assert_eq!((&first["type"], &first["data"]), (&json!("audit.checkpoint"), data));

    // That it was told is not told again; what is proved of it now begins with it.
    let count = |body: &Value| body["data"].as_array().map_or(0, Vec::len);
    let quiet = async {
        let mut known = count(&server.api.get(feed).await.body);
        loop {
            tokio::time::sleep(Duration::from_millis(2500)).await;
            let now = count(&server.api.get(feed).await.body);
            if now == known {
                return known;
            }
            known = now;
        }
    };
    let known = tokio::time::timeout(PATIENCE, quiet).await.unwrap();
    let proof = format!("/v1/audit/log/consistency?from={}", checkpoint.size);
    let proof = server.api.get(&proof).await.expect(200);
    assert_eq!(proof["data"]["from_root"], data["root"]);
    server.api.post("/v1/customers", json!({"email": "ana@example.com"})).await.expect(201);
    server.api.until(feed, |body| count(body) > known).await;
    server.api.until(&deliveries, |body| count(body) > known).await;
    let bodies: Vec<Value> = receiver.received().iter().map(|request| request.json()).collect();
    for (number, body) in bodies.iter().enumerate() {
        assert_eq!(body["sequence"], number + 1, "a receiver sees when it has missed one");
    }
}

#[tokio::test]
async fn a_log_that_does_not_go_on_from_its_anchor_is_not_anchored() {
    let fixture = Fixture::new().await;
    let proofs = PgProofs::new(fixture.pool.clone(), &master());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("anchors.jsonl");
    let anchoring = Anchoring { file: Some(file.clone()), every: Duration::from_secs(1) };
    let start =
        || Sealer::start(proofs.clone(), super::core(&fixture), &Bell::default(), &anchoring).unwrap();
    let sizes = || {
        read_anchors(&file, Some(fixture.workspace)).unwrap().iter().map(|one| one.size).collect::<Vec<_>>()
    };
    let until = async |size: u64| {
        let begin = Instant::now();
        while sizes().last().is_none_or(|last| *last < size) {
            assert!(begin.elapsed() < PATIENCE, "{:?}", sizes());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    let mut connection = fixture.database.connection().await;
    proofs.seal_up(fixture.workspace).await.unwrap();
    connection
        .execute("CREATE TABLE old_logs AS TABLE audit_logs; CREATE TABLE old_tiles AS TABLE audit_tiles")
        .await
        .unwrap();
    let sealer = start();
    for _ in 0..10 {
        fixture.append(fixture.opened(new_chat())).await.unwrap();
    }
    until(11).await;
    sealer.stop().await;
    let anchored = sizes();

    // Everything is taken back to when there was one event, and goes on differently.
    let back = "ALTER TABLE events DISABLE TRIGGER ALL; ALTER TABLE audit_tiles DISABLE TRIGGER ALL; \
        DELETE FROM events WHERE position > 1; DELETE FROM streams; UPDATE heads SET position = 1; \
        DELETE FROM audit_checkpoints; DELETE FROM audit_tiles; INSERT INTO audit_tiles TABLE old_tiles; \
        DELETE FROM audit_logs; INSERT INTO audit_logs TABLE old_logs";
    connection.execute(back).await.unwrap();
    fixture.log.forget();
    for _ in 0..30 {
        fixture.append(fixture.opened(new_chat())).await.unwrap();
    }
    let sealer = start();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    sealer.stop().await;
    assert_eq!(sizes(), anchored, "the file stays what it was");
}
