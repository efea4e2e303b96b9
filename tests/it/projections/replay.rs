//! Replays as of any moment, in places of their own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use interflow_application::Ids;
use interflow_application::log::{EventLog, LogError, RecordedEvent};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::projections::{
    Difference, Export, Fault, Projections, ProjectionsError, ReplayOrder, Replayed,
};
use interflow_infrastructure::read_models;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{Executor, PgPool};
use tokio::runtime::Handle;

use super::{generations, history, live, play, rows, written};
use crate::event_log::fixture::Fixture;
use crate::support::database::Database;

/// What was told, in memory.
#[derive(Default)]
struct Lines(Vec<String>);

impl Export for Lines {
    fn begin(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.0.push(line.to_owned());
        Ok(())
    }
}

type Outcome = Result<(Replayed, Vec<String>, Vec<Difference>), ProjectionsError>;

async fn replay(
    log: &Projections,
    workspace: WorkspaceId,
    until: Option<u64>,
    into: Option<&PgPool>,
) -> Outcome {
    let (mut lines, mut found) = (Lines::default(), vec![]);
    let order = ReplayOrder { workspace, until, into, export: Some(&mut lines) };
    let replayed = log.replay(order, &mut |_| {}, &mut |difference| found.push(difference)).await?;
    Ok((replayed, lines.0, found))
}

async fn events(fixture: &Fixture) -> Vec<RecordedEvent> {
    let mut events = vec![];
    loop {
        let more = fixture.log.read(fixture.workspace, events.len() as u64, 1_000).await.unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

#[tokio::test]
async fn a_replay_makes_the_rows_of_any_moment_wherever_it_makes_them() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    let (events, workspace) = (events(&fixture).await, fixture.workspace);
    let projections = Projections::new(&fixture.log).in_batches_of(37);
    let before = rows(&fixture.pool, workspace, 1).await;
    let last = events.len();
    for until in [1, 2, last / 3, last / 2, last - 1, last] {
        let mut connection = fixture.pool.acquire().await.unwrap();
        let generation = 100 + until as i32;
        read_models::apply(&mut connection, workspace, generation, &events[..until]).await.unwrap();
        let expected = rows(&fixture.pool, workspace, generation).await;
        let until = until as u64;
        let (there, lines_there, _) =
            replay(&projections, workspace, Some(until), Some(&elsewhere.pool)).await.unwrap();
        assert_eq!(rows(&elsewhere.pool, workspace, 1).await, expected, "{until:?}");
        let (aside, lines_aside, _) = replay(&projections, workspace, Some(until), None).await.unwrap();
        assert_eq!((&there, &lines_there), (&aside, &lines_aside), "{until:?}");
        assert_eq!((there.position, there.differences), (until, None));
        let told: usize = expected.iter().map(|(_, rows)| rows.len()).sum();
        let of_jobs = there.tables.iter().find(|(table, _)| *table == "jobs").unwrap().1;
        assert_eq!(lines_there.len() as u64, 2 + told as u64 + of_jobs);
        sqlx::query("DELETE FROM generations WHERE generation > 99").execute(&fixture.pool).await.unwrap();
    }
    assert_eq!(rows(&fixture.pool, workspace, 1).await, before, "what serves is as it was");
}

#[tokio::test]
async fn two_replays_of_a_moment_are_the_same_bytes_and_say_how_many_they_are() {
    let fixture = written().await;
    let workspace = fixture.workspace;
    let one = Projections::new(&fixture.log).in_batches_of(10);
    let other = Projections::new(&fixture.another_process().await);
    let until = fixture.log.head(workspace).await.unwrap() * 2 / 3;
    let (first, lines, _) = replay(&one, workspace, Some(until), None).await.unwrap();
    // Meanwhile the log goes on.
    play(&fixture.log, WorkspaceId::new(SystemIds.next()), history(20)).await;
    fixture.append(fixture.opened(crate::event_log::fixture::new_chat())).await.unwrap();
    let (second, again, _) = replay(&other, workspace, Some(until), None).await.unwrap();
    assert_eq!((&first, &lines), (&second, &again));
    assert_eq!(generations(&fixture).await, live(1), "and leave nothing");

    let mut hash = Sha256::new();
    for line in &lines[..lines.len() - 1] {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    let parsed: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed[0]["replay"]["position"], until);
    assert_eq!(parsed[0]["replay"]["workspace"], workspace.to_string());
    let end = &parsed[lines.len() - 1]["end"];
    assert_eq!((&end["rows"], &end["sha256"]), (&(lines.len() - 2).into(), &first.sha256.clone().into()));
    assert_eq!(first.sha256, hex::encode(hash.finalize()));
}

#[tokio::test]
async fn as_of_the_present_it_is_compared_with_what_serves() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    let (workspace, projections) = (fixture.workspace, Projections::new(&fixture.log));
    let head = fixture.log.head(workspace).await.unwrap();
    for into in [None, Some(&elsewhere.pool)] {
        let (replayed, _, found) = replay(&projections, workspace, None, into).await.unwrap();
        assert_eq!((replayed.position, replayed.differences, found), (head, Some(0), vec![]));
    }
    let by_hand = "UPDATE customers SET name = 'Mallory' WHERE id = (SELECT min(id::text) FROM customers)::uuid; \
         DELETE FROM chats WHERE id = (SELECT max(id::text) FROM chats)::uuid; \
         INSERT INTO channels SELECT workspace_id, generation, gen_random_uuid(), name || 'x', status, linked, phone, \
             profile_name, last_disconnect_reason, last_disconnect_at, created_at, updated_at, version, created_position \
         FROM channels LIMIT 1";
    sqlx::raw_sql(by_hand).execute(&fixture.pool).await.unwrap();
    for into in [None, Some(&elsewhere.pool)] {
        let (replayed, _, found) = replay(&projections, workspace, None, into).await.unwrap();
        assert_eq!(replayed.differences, Some(3));
        let mut faults: Vec<_> = found.into_iter().map(|one| (one.table, one.fault)).collect();
        faults.sort_by_key(|(table, _)| *table);
        let name = Fault::Differs(vec!["name".to_owned()]);
        let expected = [("channels", Fault::Superfluous), ("chats", Fault::Missing), ("customers", name)];
        assert_eq!(faults, expected);
    }
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    let (workspace, projections) = (fixture.workspace, Projections::new(&fixture.log));
    let head = fixture.log.head(workspace).await.unwrap();
    let beyond = replay(&projections, workspace, Some(head + 1), None).await.unwrap_err();
    assert!(matches!(beyond, ProjectionsError::BeyondHead { head: known } if known == head), "{beyond}");
    let nobody = WorkspaceId::new(SystemIds.next());
    let none = replay(&projections, nobody, None, Some(&elsewhere.pool)).await.unwrap_err();
    assert!(matches!(none, ProjectionsError::NoWorkspace(id) if id == nobody), "{none}");
    let own = replay(&projections, workspace, None, Some(&fixture.pool)).await.unwrap_err();
    assert!(matches!(own, ProjectionsError::HasALog(id) if id == workspace), "{own}");
    assert_eq!(generations(&fixture).await, live(1));
}

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_whose_connections_are_cut_goes_on_and_ends_the_same() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    let workspace = fixture.workspace;
    let (whole, lines, _) = replay(&Projections::new(&fixture.log), workspace, None, None).await.unwrap();
    for into in [None, Some(&elsewhere.pool)] {
        let log = fixture.another_process().await;
        let done = Arc::new(AtomicBool::new(false));
        let (mut here, mut there) = (fixture.database.connection().await, elsewhere.connection().await);
        let seen = Arc::clone(&done);
        let cutter = tokio::spawn(async move {
            let mut cuts = 0;
            while !seen.load(Ordering::SeqCst) && cuts < 12 {
                tokio::time::sleep(Duration::from_millis(120)).await;
                for connection in [&mut here, &mut there] {
                    cuts += sqlx::query_scalar::<_, i64>(TERMINATE).fetch_one(connection).await.unwrap();
                }
            }
            cuts
        });
        let projections = Projections::new(&log).in_batches_of(3);
        let (again, told, found) = replay(&projections, workspace, None, into).await.unwrap();
        done.store(true, Ordering::SeqCst);
        assert!(cutter.await.unwrap() > 0, "nothing was cut");
        assert_eq!((again, told, found), (whole.clone(), lines.clone(), vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_whose_database_is_gone_fails_and_says_so() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    let projections = Projections::new(&fixture.log).in_batches_of(2);
    let mut admin = fixture.database.connection().await;
    let name = elsewhere.options.get_database().unwrap().to_owned();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let taken_away = tokio::spawn(async move {
        told.recv().await.unwrap();
        admin.execute(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false").as_str()).await.unwrap();
        let ended =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        admin.execute(ended.as_str()).await.unwrap();
    });
    let mut lines = Lines::default();
    let order = ReplayOrder {
        workspace: fixture.workspace,
        until: None,
        into: Some(&elsewhere.pool),
        export: Some(&mut lines),
    };
    let failed = projections.replay(order, &mut |at| _ = tell.send(at.position), &mut |_| {}).await;
    taken_away.await.unwrap();
    assert!(matches!(failed, Err(ProjectionsError::Log(LogError::Unavailable(_)))), "{failed:?}");
    assert!(!lines.0.last().is_some_and(|line| line.contains("\"end\"")), "it does not look whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_begins_anew_when_something_is_erased_meanwhile() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    for into in [None, Some(&elsewhere.pool)] {
        let projections = Projections::new(&fixture.log).in_batches_of(5);
        let (pool, mut erased, mut last, mut begun) = (fixture.pool.clone(), false, u64::MAX, 0);
        let mut watch = |at: interflow_infrastructure::projections::Progress| {
            if at.position <= last && at.position < at.head {
                begun += 1;
            }
            last = at.position;
            if !std::mem::replace(&mut erased, true) {
                let erase = pool.execute("UPDATE heads SET erasures = erasures + 1");
                tokio::task::block_in_place(|| Handle::current().block_on(erase)).unwrap();
            }
        };
        let order = ReplayOrder { workspace: fixture.workspace, until: None, into, export: None };
        let replayed = projections.replay(order, &mut watch, &mut |_| {}).await.unwrap();
        assert_eq!((replayed.differences, begun), (Some(0), 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replays_into_one_database_the_later_one_wins_and_the_other_fails() {
    let (fixture, elsewhere) = (written().await, Database::new().await);
    let workspace = fixture.workspace;
    let (one, other) = (fixture.another_process().await, fixture.another_process().await);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let pool = elsewhere.pool.clone();
    let earlier = async {
        let projections = Projections::new(&one).in_batches_of(2);
        let order = ReplayOrder { workspace, until: None, into: Some(&pool), export: None };
        projections.replay(order, &mut |at| _ = tell.send(at.position), &mut |_| {}).await
    };
    let later = async {
        told.recv().await.unwrap();
        replay(&Projections::new(&other), workspace, None, Some(&elsewhere.pool)).await.unwrap()
    };
    let (given_up, (replayed, _, found)) = tokio::join!(earlier, later);
    assert_eq!((replayed.differences, found), (Some(0), vec![]));
    assert!(matches!(given_up, Err(ProjectionsError::GivenUp)));
    let (aside, _, _) = replay(&Projections::new(&other), workspace, None, None).await.unwrap();
    assert_eq!(aside, replayed);
}
