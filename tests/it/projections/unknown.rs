//! An event that this build does not know stops whatever reads it.

use interflow_application::log::{EventLog, LogError, StreamId};
use interflow_infrastructure::projections::{Projections, ProjectionsError};

use super::{generations, live, rows, written};
use crate::event_log::fixture::{Fixture, new_chat};

/// Appends an event as another build would have: by hand, since this one cannot.
async fn appended(fixture: &Fixture, event_type: &str, version: &str, payload: &str) -> (i64, StreamId) {
    let (position, chat) = (fixture.sound().await + 1, StreamId::Chat(new_chat()));
    let mut transaction = fixture.pool.begin().await.unwrap();
    for sql in [
        "INSERT INTO events VALUES ($1, $2, gen_random_uuid(), 'chat', $3, 1, $4, $5, $6::json, '{}', now())",
        "INSERT INTO streams SELECT $1, 'chat', $3, 1 WHERE $2 + length($4 || $5 || $6) > 0",
        "UPDATE heads SET position = $2 WHERE workspace_id = $1 AND length($3 || $4 || $5 || $6) > 0",
    ] {
        let query = sqlx::query(sql).bind(fixture.workspace.uuid()).bind(position);
        let query = query.bind(chat.aggregate_id()).bind(event_type).bind(version).bind(payload);
        query.execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(fixture.sound().await, position);
    (position, chat)
}

#[tokio::test]
async fn an_unknown_type_or_version_stops_loader_reader_rebuild_and_verification_and_is_named() {
    for (event_type, version, payload) in [
        ("chat.of_tomorrow", "1.0", "{\"type\": \"chat.of_tomorrow\"}"),
        ("chat.closed", "1.1", "{\"type\": \"chat.closed\"}"),
    ] {
        let fixture = written().await;
        let before = rows(&fixture.pool, fixture.workspace, 1).await;
        let (position, chat) = appended(&fixture, event_type, version, payload).await;
        let named = format!("event {position} ({event_type} {version})");
        let stopped = |error: &LogError| matches!(error, LogError::Corrupt(what) if what.contains(&named));

        let log = fixture.another_process().await;
        let error = log.load(fixture.workspace, chat).await.unwrap_err();
        assert!(stopped(&error), "{error:?}");
        let error = log.read(fixture.workspace, 0, 10_000).await.unwrap_err();
        assert!(stopped(&error), "{error:?}");
        let projections = Projections::new(&log).in_batches_of(40);
        let error = projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap_err();
        assert!(matches!(&error, ProjectionsError::Log(error) if stopped(error)), "{error:?}");
        let error = projections.verify(fixture.workspace, None, &mut |_| {}, &mut |_| {}).await.unwrap_err();
        assert!(matches!(&error, ProjectionsError::Log(error) if stopped(error)), "{error:?}");
        assert_eq!(rows(&fixture.pool, fixture.workspace, 1).await, before, "the old generation serves");
        let filling = ("filling".to_owned(), 2);
        let states: Vec<_> =
            generations(&fixture).await.0.into_iter().map(|(number, state)| (state, number)).collect();
        assert_eq!(states, [(live(1).0[0].1.clone(), 1), filling], "a build that knows it may go on");
    }
}
