use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use interflow_application::Ids;
use interflow_application::log::{AppendError, EventLog, LogError, StreamId};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::Settings;
use sqlx::Executor;
use uuid::Uuid;

use super::fixture::{Build, Fixture, assigned, new_chat, new_customer};

#[tokio::test]
async fn a_connection_lost_in_mid_group_is_answered_and_the_next_group_is_none_the_worse() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    fixture.append(fixture.opened(chat)).await.unwrap();
    let mut holder = fixture.lock_head().await;
    let lost = fixture.log.append(fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea")]));
    let kill = async {
        let writer = fixture.wait_for_waiter().await;
        let terminate = sqlx::query("SELECT pg_terminate_backend($1)").bind(writer);
        terminate.execute(&mut holder).await.unwrap();
    };
    let (lost, ()) = tokio::join!(lost, kill);
    assert!(matches!(lost, Err(AppendError::Log(LogError::Unavailable(_)))), "{lost:?}");
    drop(holder);
    // Whether it was done is not known, so the state is read again.
    let loaded = fixture.log.load(fixture.workspace, StreamId::Chat(chat)).await.unwrap();
    assert_eq!((loaded.version, loaded.cached), (1, false));
    fixture.append(fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea")])).await.unwrap();
    assert_eq!(fixture.sound().await, 2);
}

#[tokio::test]
async fn what_the_database_refuses_is_found_among_its_neighbours() {
    let fixture = Fixture::new().await;
    // A refusal that nobody foresees.
    let rule = "ALTER TABLE events ADD CHECK (metadata->>'request_id' <> 'poison')";
    fixture.pool.execute(rule).await.unwrap();
    let poisonous = |number: u32| [7, 40].contains(&number);
    let appends = (0..50).map(|number| {
        let mut append = fixture.opened(new_chat());
        if poisonous(number) {
            append.context.request_id = "poison".to_owned();
        }
        append
    });
    let answers = fixture.append_together(appends.collect()).await;
    for (number, answer) in (0..).zip(answers) {
        match answer {
            Ok(events) => assert!(!poisonous(number) && events.len() == 1),
            Err(AppendError::Log(LogError::Corrupt(what))) => {
                assert!(poisonous(number) && what.contains("23514"), "{what}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(fixture.sound().await, 1 + 48);
}

/// Panics when it is asked for its n-th id.
struct Brittle {
    panics_at: u32,
    asked: AtomicU32,
}

impl Ids for Brittle {
    fn next(&self) -> Uuid {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        assert_ne!(asked, self.panics_at, "brittle, as the test wants it");
        SystemIds.next()
    }
}

#[tokio::test]
async fn a_writer_survives_a_panic() {
    // The ids: one for the chat of append_together, one for each of three customers, and then the first data key.
    let ids = Arc::new(Brittle { panics_at: 4, asked: AtomicU32::new(0) });
    let fixture = Fixture::with(Settings::default(), ids).await;
    let appends =
        (0..3).map(|number| fixture.created(new_customer(), &format!("551199999000{number}"))).collect();
    // The group panics as a whole; halved, nothing panics any more.
    let answers = fixture.append_together(appends).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(fixture.sound().await, 4);

    let ids = Arc::new(Brittle { panics_at: 1, asked: AtomicU32::new(0) });
    let fixture = Fixture::with(Settings::default(), ids).await;
    let alone = fixture.append(fixture.created(new_customer(), "5511999990000")).await;
    assert!(matches!(alone, Err(AppendError::Log(LogError::Corrupt(_)))), "{alone:?}");
    fixture.append(fixture.created(new_customer(), "5511999990000")).await.unwrap();
    assert_eq!(fixture.sound().await, 1);
}

#[tokio::test]
async fn no_connection_is_said_and_not_waited_for_in_vain() {
    let fixture = Fixture::new().await;
    fixture.pool.close().await;
    let stream = StreamId::Chat(new_chat());
    let append = fixture.append(fixture.opened(new_chat())).await;
    assert!(matches!(append, Err(AppendError::Log(LogError::Unavailable(_)))));
    let load = fixture.log.load(fixture.workspace, stream).await;
    assert!(matches!(load, Err(LogError::Unavailable(_))));
    let read = fixture.log.read(fixture.workspace, 0, 1).await;
    assert!(matches!(read, Err(LogError::Unavailable(_))));
}
