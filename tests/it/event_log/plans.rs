//! A little of the log is found without reading much of it, whatever Postgres knows of the log: nothing, while a table is
//! new; or all of it but this workspace, which began since. Both ways of planning are tried.

use std::sync::Arc;

use chrono::DateTime;
use interflow_application::log::{EventLog as _, StreamId};
use interflow_application::past::PastReads as _;
use interflow_domain::{ChatId, WorkspaceId};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::proof::PgProofs;
use interflow_infrastructure::proof::bundle::{Bound, Selection};
use interflow_infrastructure::proof::verify::Against;
use interflow_infrastructure::read_models::PgPast;
use sqlx::PgPool;
use uuid::Uuid;

use super::fixture::{Build, Fixture, assigned, master, new_chat, new_customer, opened};
use crate::support::plans;

const CHATS: i64 = 100;
/// Of each chat.
const EVENTS: i64 = 200;
const ALL: u64 = (CHATS * EVENTS) as u64;

const fn chat(number: u128) -> StreamId {
    StreamId::Chat(ChatId::new(Uuid::from_u128(number)))
}

/// Many events of many chats, their turns taken one after the other: copies of the second event of a log.
async fn fill(fixture: &Fixture, workspace: WorkspaceId) {
    let chats: Vec<String> = (0..CHATS).map(|n| chat(n.unsigned_abs().into()).aggregate_id()).collect();
    let copies = "INSERT INTO events SELECT $1, 1 + n, gen_random_uuid(), 'chat', \
             ($5::text[])[1 + n % $3], 1 + n / $3, event_type, event_version, payload, metadata, \
             now() FROM events, generate_series(0, $3 * $4 - 1) AS n WHERE workspace_id = $2 AND position = 2";
    let streams = "INSERT INTO streams (workspace_id, aggregate_type, aggregate_id, version) \
         SELECT $1, 'chat', id, $4 FROM unnest($5::text[]) AS id WHERE $2 IS NOT NULL AND $3 > 0";
    let head =
        "INSERT INTO heads (workspace_id, position) SELECT $1, $3 * $4 WHERE $2 IS NOT NULL AND $5 <> '{}'";
    for statement in [copies, streams, head] {
        let query = sqlx::query(statement).bind(workspace.uuid()).bind(fixture.workspace.uuid());
        query.bind(CHATS).bind(EVENTS).bind(&chats).execute(&fixture.pool).await.unwrap();
    }
}

fn log(pool: &PgPool) -> PgEventLog {
    PgEventLog::start(pool.clone(), &master(), Arc::new(SystemIds), Settings::default())
}

async fn check(fixture: &Fixture, workspace: WorkspaceId, knows: &str) {
    for mode in ["force_generic_plan", "force_custom_plan"] {
        let options = fixture.database.options.clone().options([("plan_cache_mode", mode)]);
        let (pool, _watch) = plans::watched(&options).await;
        let few = |what: &str, most: u64| {
            plans::few(&format!("{what} ({knows}, {mode})"), most);
        };
        assert_eq!(log(&pool).read(workspace, ALL / 2, 256).await.unwrap().len(), 256);
        few("a page of the log", 60);
        assert_eq!(log(&pool).history(workspace, chat(7), 20, ALL, 64).await.unwrap().len(), 64);
        few("a piece of a stream", 100);
        assert_eq!(log(&pool).latest(workspace, chat(7), None, 20).await.unwrap().len(), 20);
        few("the end of a stream", 60);
        assert_eq!(log(&pool).beginnings(workspace, &[chat(7), chat(8)]).await.unwrap().len(), 2);
        few("the beginnings of streams", 30);
        let past = PgPast::new(log(&pool));
        assert_eq!(past.customer(workspace, ALL / 2, new_customer()).await.unwrap(), None);
        few("nothing of the past", 30);
        let later = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
        for (time, position) in [(DateTime::UNIX_EPOCH, 0), (later, ALL)] {
            assert_eq!(past.place_before(workspace, time).await.unwrap().position, position);
            few("a place in the past", 150);
        }
        let (proofs, against) = (PgProofs::new(pool.clone(), &master()), Against::default());
        assert_eq!(proofs.verify(workspace, &against, &mut |_, _| {}).await.unwrap().events, ALL);
        few("verifying", 400);
        let disclosed = tempfile::tempdir().unwrap();
        let (stretch, noted) =
            (Selection::Range { from: None, to: Some(Bound::Position(600)) }, async |_| Ok(()));
        let place = (disclosed.path(), DateTime::UNIX_EPOCH);
        let exported =
            proofs.export(&log(&pool), (workspace, &stretch), place, noted, &mut |_, _| {}).await.unwrap();
        assert_eq!(exported.events, 600);
        few("sealing and exporting", 2_000);
    }
}

#[tokio::test]
async fn a_little_of_the_log_is_found_without_reading_much_of_it() {
    let fixture = Fixture::new().await;
    // Who tidies up learns of it.
    let untidy = "ALTER TABLE events SET (autovacuum_enabled = off)";
    sqlx::query(untidy).execute(&fixture.pool).await.unwrap();
    let chat = new_chat();
    let two = [opened(chat), assigned("Bea")];
    fixture.append(fixture.empty().on(StreamId::Chat(chat), 0, two)).await.unwrap();
    let workspaces = [1, 2, 3].map(|n| WorkspaceId::new(Uuid::from_u128(n)));
    fill(&fixture, workspaces[0]).await;
    check(&fixture, workspaces[0], "nothing is known").await;

    fill(&fixture, workspaces[1]).await;
    sqlx::query("ANALYZE").execute(&fixture.pool).await.unwrap();
    fill(&fixture, workspaces[2]).await;
    check(&fixture, workspaces[2], "nothing is known of the workspace").await;
}
