//! A little of the log is found without reading much of it, whatever Postgres knows of the log: nothing, while a table is
//! new; or all of it but this workspace, which began since. Both ways of planning are tried.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use interflow_application::log::{EventLog as _, StreamId};
use interflow_application::past::PastReads as _;
use interflow_domain::{ChatId, WorkspaceId};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::proof::verify::Against;
use interflow_infrastructure::proof::{Anchoring, PgProofs, Sealer};
use interflow_infrastructure::read_models::PgPast;
use interflow_infrastructure::wakeups::Bell;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::fixture::{Build, Fixture, assigned, master, new_chat, new_customer, opened};
use crate::support::PATIENCE;

const CHATS: i64 = 100;
/// Of each chat.
const EVENTS: i64 = 200;
const ALL: u64 = (CHATS * EVENTS) as u64;
const NAME: &str = "interflow plans";

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
    apart(fixture, "auto", |pool| async move {
        for statement in [copies, streams, head] {
            let query = sqlx::query(statement).bind(workspace.uuid()).bind(fixture.workspace.uuid());
            query.bind(CHATS).bind(EVENTS).bind(&chats).execute(&pool).await.unwrap();
        }
    })
    .await;
}

/// Does something by connections of its own, all of whose plans are of one kind, and returns when they have ended: who
/// ends has told what he read.
async fn apart<F: Future<Output = ()>>(fixture: &Fixture, plans: &str, act: impl FnOnce(PgPool) -> F) {
    let options = fixture.database.options.clone().application_name(NAME);
    let options = options.options([("plan_cache_mode", plans)]);
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    act(pool.clone()).await;
    pool.close().await;
    // One that was being given back is left.
    let left = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE application_name = $1 AND datname = current_database()";
    let begin = Instant::now();
    while sqlx::query_scalar::<_, i64>(left).bind(NAME).fetch_one(&fixture.pool).await.unwrap() > 0 {
        assert!(begin.elapsed() < PATIENCE, "a connection does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many blocks of the log and its indexes something reads.
async fn blocks<F: Future<Output = ()>>(
    fixture: &Fixture,
    plans: &str,
    read: impl FnOnce(PgPool) -> F,
) -> i64 {
    let so_far = "SELECT (heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::bigint \
         FROM pg_statio_user_tables WHERE relname = 'events'";
    let before: i64 = sqlx::query_scalar(so_far).fetch_one(&fixture.pool).await.unwrap();
    apart(fixture, plans, read).await;
    let after: i64 = sqlx::query_scalar(so_far).fetch_one(&fixture.pool).await.unwrap();
    after - before
}

fn log(pool: PgPool) -> PgEventLog {
    PgEventLog::start(pool, &master(), Arc::new(SystemIds), Settings::default())
}

async fn check(fixture: &Fixture, workspace: WorkspaceId, knows: &str) {
    for plans in ["force_generic_plan", "force_custom_plan"] {
        let few = |what: &str, read: i64, most: i64| {
            assert!((1..=most).contains(&read), "{what} reads {read} blocks ({knows}, {plans})");
        };
        let read = blocks(fixture, plans, |pool| async move {
            assert_eq!(log(pool).read(workspace, ALL / 2, 256).await.unwrap().len(), 256);
        });
        few("a page of the log", read.await, 100);
        let read = blocks(fixture, plans, |pool| async move {
            assert_eq!(log(pool).history(workspace, chat(7), 20, ALL, 64).await.unwrap().len(), 64);
        });
        few("a piece of a stream", read.await, 100);
        let read = blocks(fixture, plans, |pool| async move {
            assert_eq!(log(pool).latest(workspace, chat(7), None, 20).await.unwrap().len(), 20);
        });
        few("the end of a stream", read.await, 60);
        let read = blocks(fixture, plans, |pool| async move {
            assert_eq!(log(pool).beginnings(workspace, &[chat(7), chat(8)]).await.unwrap().len(), 2);
        });
        few("the beginnings of streams", read.await, 30);
        let read = blocks(fixture, plans, |pool| async move {
            let past = PgPast::new(log(pool));
            assert_eq!(past.customer(workspace, ALL / 2, new_customer()).await.unwrap(), None);
            let later = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
            for (time, position) in [(DateTime::UNIX_EPOCH, 0), (later, ALL)] {
                assert_eq!(past.place_before(workspace, time).await.unwrap().position, position);
            }
        });
        few("a place in the past", read.await, 400);
        let read = blocks(fixture, plans, |pool| async move {
            let (proofs, against) = (PgProofs::new(pool, &master()), Against::default());
            assert_eq!(proofs.verify(workspace, &against, &mut |_, _| {}).await.unwrap().events, ALL);
        });
        // Each block of the table some times, since each batch begins in the middle of one.
        few("verifying", read.await, 5_000);
    }
    let read = blocks(fixture, "auto", |pool| async move {
        let (proofs, core) = (PgProofs::new(pool, &master()), crate::proof::core(fixture));
        let anchoring = Anchoring { file: None, every: Duration::from_secs(3600) };
        Sealer::start(proofs, core, &Bell::default(), &anchoring).unwrap().stop().await;
    });
    let read = read.await;
    assert!(read <= 5_000, "sealing reads {read} blocks ({knows})");
    let sealed = fixture.count("SELECT size FROM audit_logs WHERE workspace_id = $1");
    assert!(sealed.await >= 2);
}

#[tokio::test]
async fn a_little_of_the_log_is_found_without_reading_much_of_it() {
    let fixture = Fixture::new().await;
    // Who tidies up reads it all, and learns of it.
    let untidy = "ALTER TABLE events SET (autovacuum_enabled = off)";
    sqlx::query(untidy).execute(&fixture.pool).await.unwrap();
    let chat = new_chat();
    let two = [opened(chat), assigned("Bea")];
    fixture.append(fixture.empty().on(StreamId::Chat(chat), 0, two)).await.unwrap();
    let workspaces = [1, 2, 3].map(|n| WorkspaceId::new(Uuid::from_u128(n)));
    fill(&fixture, workspaces[0]).await;
    check(&fixture, workspaces[0], "nothing is known").await;

    fill(&fixture, workspaces[1]).await;
    apart(&fixture, "auto", |pool| async move {
        sqlx::query("ANALYZE").execute(&pool).await.unwrap();
    })
    .await;
    fill(&fixture, workspaces[2]).await;
    check(&fixture, workspaces[2], "nothing is known of the workspace").await;
}
