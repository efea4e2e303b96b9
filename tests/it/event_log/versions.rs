use interflow_application::log::{AppendError, EventLog, StreamId};

use super::fixture::{Build, Fixture, assigned, new_chat, new_customer, phone};

#[tokio::test]
async fn an_append_that_expects_another_version_changes_nothing() {
    let fixture = Fixture::new().await;
    let (chat, other) = (new_chat(), new_chat());
    fixture.append(fixture.opened(chat)).await.unwrap();
    for expected in [0, 2] {
        let stale = fixture
            .opened(other)
            .on(StreamId::Chat(chat), expected, [assigned("Bea")])
            .taking(phone("+5511999990000"), StreamId::Chat(other));
        assert!(matches!(fixture.append(stale).await, Err(AppendError::Conflict)));
    }
    assert_eq!(fixture.sound().await, 1);
    assert_eq!(fixture.count("SELECT count(*) FROM claims WHERE workspace_id = $1").await, 0);
    assert_eq!(fixture.log.load(fixture.workspace, StreamId::Chat(other)).await.unwrap().version, 0);
}

#[tokio::test]
async fn a_stream_that_was_only_read_must_not_have_moved_either() {
    let fixture = Fixture::new().await;
    let (chat, other) = (StreamId::Chat(new_chat()), new_chat());
    let customer = StreamId::Customer(new_customer());
    let read = |version| fixture.opened(other).on(customer, version, []);
    assert!(matches!(fixture.append(read(1)).await, Err(AppendError::Conflict)));
    fixture.append(read(0)).await.unwrap();
    assert_eq!(fixture.log.load(fixture.workspace, chat).await.unwrap().version, 0);
    assert_eq!(fixture.count("SELECT count(*) FROM streams WHERE workspace_id = $1").await, 1);
}

#[tokio::test]
async fn commands_of_one_group_see_each_others_effects_in_order() {
    let fixture = Fixture::new().await;
    let (chat, other) = (new_chat(), new_chat());
    let stream = StreamId::Chat(chat);
    let after = |version| fixture.empty().on(stream, version, [assigned("Bea"), assigned("Caio")]);
    let answers = fixture
        .append_together(vec![
            fixture.opened(chat),
            after(1),
            after(1),
            fixture.opened(other).on(stream, 1, []),
            fixture.opened(other).on(stream, 3, []),
            after(3),
        ])
        .await;
    let versions: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().ok().map(|events| events.last().unwrap().version))
        .collect();
    assert_eq!(versions, [Some(1), Some(3), None, None, Some(1), Some(5)]);
    assert!(answers.into_iter().filter_map(Result::err).all(|error| matches!(error, AppendError::Conflict)));
    assert_eq!(fixture.sound().await, 7);
    let loaded = fixture.log.load(fixture.workspace, stream).await.unwrap();
    assert_eq!((loaded.version, loaded.cached), (5, true));
}
