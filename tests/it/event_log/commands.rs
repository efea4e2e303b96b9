use interflow_application::log::{AppendError, Rider, StreamId};
use interflow_application::{Answer, AnswerStore, RecordedCommand, ResourceRef};
use interflow_infrastructure::answers::PgAnswers;
use interflow_infrastructure::clock::SystemClock;
use std::sync::Arc;

use super::fixture::{Build, Fixture, command, later, master, new_chat};

fn repeated(answer: super::fixture::Answer) -> RecordedCommand {
    match answer {
        Err(AppendError::Repeated(recorded)) => *recorded,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repeated_command_changes_nothing_and_finds_the_first_answer() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    let rider = Rider::Command { command: command(1), resource: ResourceRef::Chat(chat) };
    fixture.append(fixture.opened(chat).with(rider.clone())).await.unwrap();

    let first = RecordedCommand { request_hash: [1; 32], resource: ResourceRef::Chat(chat), answer: None };
    // Not a conflict, although the repetition's versions are stale as well.
    assert_eq!(repeated(fixture.append(fixture.opened(chat).with(rider.clone())).await), first);

    let answers = PgAnswers::new(fixture.pool.clone(), &master(), Arc::new(SystemClock));
    let answer = Answer { status: 201, headers: vec![("ETag".into(), "\"1\"".into())], body: b"{}".to_vec() };
    answers.keep(fixture.workspace, &[1; 32], answer.clone()).await.unwrap();
    let other = fixture.opened(new_chat()).with(rider);
    assert_eq!(repeated(fixture.append(other).await), RecordedCommand { answer: Some(answer), ..first });
    assert_eq!(fixture.sound().await, 1);
}

#[tokio::test]
async fn of_two_with_one_key_in_a_group_the_first_that_succeeds_counts() {
    let fixture = Fixture::new().await;
    let (first, second, third) = (new_chat(), new_chat(), new_chat());
    let rider = |chat| Rider::Command { command: command(1), resource: ResourceRef::Chat(chat) };
    let answers = fixture
        .append_together(vec![
            // Loses for its version, and so leaves the key to the next.
            fixture.opened(first).on(StreamId::Chat(third), 7, []).with(rider(first)),
            fixture.opened(second).with(rider(second)),
            fixture.opened(third).with(rider(third)),
        ])
        .await;
    let [lost, won, again] = <[_; 3]>::try_from(answers).unwrap();
    assert!(matches!(lost, Err(AppendError::Conflict)));
    assert_eq!(won.unwrap().len(), 1);
    assert_eq!(repeated(again).resource, ResourceRef::Chat(second));
}

#[tokio::test]
async fn a_key_that_has_expired_may_be_used_again() {
    let fixture = Fixture::new().await;
    let mut expired = command(1);
    expired.expires_at = later(-1);
    for command in [expired.clone(), expired, command(1)] {
        let chat = new_chat();
        let rider = Rider::Command { command, resource: ResourceRef::Chat(chat) };
        fixture.append(fixture.opened(chat).with(rider)).await.unwrap();
    }
    let rider = Rider::Command { command: command(1), resource: ResourceRef::Chat(new_chat()) };
    repeated(fixture.append(fixture.opened(new_chat()).with(rider)).await);
    assert_eq!(fixture.count("SELECT count(*) FROM commands WHERE workspace_id = $1").await, 1);
}
