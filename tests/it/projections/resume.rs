//! A rebuild that dies is taken up by the next, unless what it left must not be shown.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use interflow_infrastructure::projections::{Progress, Projections, Rebuilt};
use sqlx::Executor;

use super::{generations, live, rows, written};
use crate::event_log::fixture::Fixture;

/// Runs a rebuild until so many events are in it, and kills it at whatever it is doing then.
async fn killed(fixture: &Fixture, at: u64) -> u64 {
    let (workspace, log) = (fixture.workspace, fixture.another_process().await);
    let reached = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&reached);
    let rebuild = tokio::spawn(async move {
        let projections = Projections::new(&log).in_batches_of(10);
        projections.rebuild(workspace, &mut |progress| seen.store(progress.position, Ordering::SeqCst)).await
    });
    while reached.load(Ordering::SeqCst) < at {
        assert!(!rebuild.is_finished());
        tokio::task::yield_now().await;
    }
    rebuild.abort();
    assert!(rebuild.await.unwrap_err().is_cancelled());
    reached.load(Ordering::SeqCst)
}

async fn rebuilt(fixture: &Fixture) -> (Rebuilt, Progress) {
    let first = Mutex::new(None);
    let mut watch = |progress| {
        first.lock().unwrap().get_or_insert(progress);
    };
    let rebuilt = Projections::new(&fixture.log).rebuild(fixture.workspace, &mut watch).await.unwrap();
    (rebuilt, first.into_inner().unwrap().unwrap())
}

#[tokio::test]
async fn a_rebuild_that_was_killed_goes_on_where_it_was() {
    let fixture = written().await;
    let before = rows(&fixture.pool, fixture.workspace, 1).await;
    let first = killed(&fixture, 50).await;
    let second = killed(&fixture, first + 50).await;
    assert_eq!(rows(&fixture.pool, fixture.workspace, 1).await, before, "the old generation serves");
    let filling = Projections::new(&fixture.log).list(Some(fixture.workspace)).await.unwrap()[0].filling;
    assert_eq!(filling.map(|filling| filling.generation), Some(2));

    let (rebuilt, begun) = rebuilt(&fixture).await;
    assert!(begun.position >= second && begun.generation == 2, "{begun:?}");
    assert_eq!(rebuilt.generation, 2);
    assert_eq!(rows(&fixture.pool, fixture.workspace, 2).await, before);
    assert_eq!(generations(&fixture).await, live(2));
}

#[tokio::test]
async fn what_another_definition_has_filled_is_not_taken_up() {
    let fixture = written().await;
    let before = rows(&fixture.pool, fixture.workspace, 1).await;
    killed(&fixture, 50).await;
    let other = "UPDATE generations SET definitions = '{\"customers\": \"0-\"}' WHERE state = 'filling'";
    fixture.pool.execute(other).await.unwrap();
    let (rebuilt, begun) = rebuilt(&fixture).await;
    assert_eq!((begun.position, rebuilt.generation), (0, 3));
    assert_eq!(rows(&fixture.pool, fixture.workspace, 3).await, before);
    assert_eq!(generations(&fixture).await, live(3));
}

#[tokio::test]
async fn what_was_filled_before_an_erasure_does_not_come_into_service() {
    let fixture = written().await;
    killed(&fixture, 100).await;
    let mut transaction = fixture.pool.begin().await.unwrap();
    transaction.execute("SELECT FROM heads FOR UPDATE").await.unwrap();
    transaction.execute("UPDATE data_keys SET wrapped = NULL, destroyed_at = now()").await.unwrap();
    transaction.execute("UPDATE heads SET erasures = erasures + 1").await.unwrap();
    transaction.commit().await.unwrap();

    let (rebuilt, begun) = rebuilt(&fixture).await;
    assert_eq!((begun.position, rebuilt.generation), (0, 3));
    assert_eq!(generations(&fixture).await, live(3));
    for clear in [
        "SELECT count(*) FROM customers WHERE workspace_id = $1 AND (name IS NOT NULL OR phone IS NOT NULL)",
        "SELECT count(*) FROM messages WHERE workspace_id = $1 AND (content IS NOT NULL OR phone IS NOT NULL)",
        "SELECT count(*) FROM chats WHERE workspace_id = $1 AND last_message_preview IS NOT NULL",
    ] {
        assert_eq!(fixture.count(clear).await, 0, "{clear}");
    }
}

#[tokio::test]
async fn a_rebuild_that_was_killed_while_it_deleted_old_rows_is_cleaned_up_after() {
    let fixture = written().await;
    rebuilt(&fixture).await;
    // As if it had died with some rows left, and a verification with all of its.
    for table in ["customers", "messages"] {
        let columns: String = sqlx::query_scalar(
            "SELECT string_agg(CASE attname WHEN 'generation' THEN '1' ELSE attname::text END, ', ' ORDER BY attnum) \
             FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
        )
        .bind(table)
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
        fixture
            .pool
            .execute(format!("INSERT INTO {table} SELECT {columns} FROM {table}").as_str())
            .await
            .unwrap();
    }
    let left = "INSERT INTO generations (workspace_id, generation, state, definitions, moved_at) \
         SELECT workspace_id, 1, 'checking', '{}', now() - interval '1 day' FROM heads";
    fixture.pool.execute(left).await.unwrap();
    assert_eq!(rebuilt(&fixture).await.0.generation, 3);
    assert_eq!(generations(&fixture).await, live(3));
}
