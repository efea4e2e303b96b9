use interflow_application::log::{EventLog, LogError, StreamId};
use sqlx::Executor;

use super::fixture::{Build, Fixture, assigned, new_chat, new_customer, new_message, queued};

#[tokio::test]
async fn what_is_read_is_what_was_appended() {
    let fixture = Fixture::new().await;
    let (chat, customer, message) = (new_chat(), new_customer(), new_message());
    let send = fixture
        .created(customer, "+5511999990000")
        .on(StreamId::Chat(chat), 0, [super::fixture::opened(chat)])
        .on(StreamId::Message(message), 0, [queued(message, chat, customer, "Olá \u{1F600} \"\\")]);
    let mut appended = fixture.append(send).await.unwrap();
    appended.extend(
        fixture.append(fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea")])).await.unwrap(),
    );

    let log = fixture.another_process().await;
    let mut read = vec![];
    for after in 0.. {
        let page = log.read(fixture.workspace, after, 1).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, appended);
    assert_eq!(log.read(fixture.workspace, 1, 2).await.unwrap(), appended[1..3]);
    assert_eq!(log.read(fixture.workspace, 0, 0).await.unwrap(), []);
    assert_eq!(log.read(fixture.workspace, 4, 10).await.unwrap(), []);
    for beyond in [u64::MAX, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs() - 1] {
        assert_eq!(log.read(fixture.workspace, beyond, u32::MAX).await.unwrap(), []);
    }
}

#[tokio::test]
async fn the_latest_events_of_a_stream_come_backwards_from_where_they_are_asked_for() {
    let fixture = Fixture::new().await;
    let (chat, other) = (new_chat(), new_chat());
    let mut appended = fixture.append(fixture.opened(chat)).await.unwrap();
    fixture.append(fixture.opened(other)).await.unwrap();
    let assigning = fixture.empty().on(StreamId::Chat(chat), 1, ["Bea", "Caio", "Davi"].map(assigned));
    appended.extend(fixture.append(assigning).await.unwrap());
    appended.reverse();

    let log = fixture.another_process().await;
    let latest = async |before: Option<u64>, limit: u32| {
        log.latest(fixture.workspace, StreamId::Chat(chat), before, limit).await.unwrap()
    };
    assert_eq!(latest(None, 10).await, appended);
    assert_eq!(latest(None, 2).await, appended[..2]);
    assert_eq!(latest(Some(3), 10).await, appended[2..]);
    assert_eq!(latest(Some(3), 1).await, appended[2..3]);
    assert_eq!(latest(Some(99), 1).await, appended[..1]);
    for nothing in [Some(0), Some(1)] {
        assert_eq!(latest(nothing, 10).await, []);
    }
    assert_eq!(latest(None, 0).await, []);
    let nobodys = log.latest(fixture.workspace, StreamId::Chat(new_chat()), None, 10).await.unwrap();
    assert_eq!(nobodys, []);
    let elsewhere = interflow_domain::WorkspaceId::default();
    assert_eq!(log.latest(elsewhere, StreamId::Chat(chat), None, 10).await.unwrap(), []);
}

async fn corrupt(fixture: &Fixture, sql: &str) {
    let mut connection = fixture.database.connection().await;
    connection.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only").await.unwrap();
    connection.execute(sql).await.unwrap();
}

#[tokio::test]
async fn missing_events_are_an_error_and_not_the_end() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    fixture.append(fixture.opened(chat)).await.unwrap();
    fixture
        .append(fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea"), assigned("Caio")]))
        .await
        .unwrap();
    for missing in [3, 2, 1] {
        corrupt(&fixture, &format!("DELETE FROM events WHERE position = {missing}")).await;
        let log = fixture.another_process().await;
        let read = log.read(fixture.workspace, 0, 10).await;
        assert!(matches!(read, Err(LogError::Corrupt(_))), "{missing} {read:?}");
        let load = log.load(fixture.workspace, StreamId::Chat(chat)).await;
        assert!(matches!(load, Err(LogError::Corrupt(_))), "{missing} {load:?}");
        let latest = log.latest(fixture.workspace, StreamId::Chat(chat), None, 10).await;
        assert!(matches!(latest, Err(LogError::Corrupt(_))), "{missing} {latest:?}");
    }
}

#[tokio::test]
async fn an_event_this_build_does_not_know_stops_the_reader() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    fixture.append(fixture.opened(chat)).await.unwrap();
    for change in [
        "UPDATE events SET event_type = 'chat.of_tomorrow', payload = '{\"type\": \"chat.of_tomorrow\"}'",
        "UPDATE events SET event_type = 'chat.opened'",
        "UPDATE events SET payload = '{\"type\": \"chat.closed\"}'",
        "UPDATE events SET aggregate_type = 'robot'",
    ] {
        corrupt(&fixture, change).await;
        let read = fixture.another_process().await.read(fixture.workspace, 0, 10).await;
        assert!(
            matches!(&read, Err(LogError::Corrupt(what)) if what.contains("event 1 (chat.")),
            "{change} {read:?}"
        );
    }
}
