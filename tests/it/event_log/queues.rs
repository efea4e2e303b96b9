use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use interflow_application::log::{AppendError, EventLog, LogError, StreamId};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::Settings;
use uuid::Uuid;

use super::fixture::{Build, Fixture, assigned, empty, new_chat, opened};

async fn with(settings: Settings) -> Fixture {
    Fixture::with(settings, Arc::new(SystemIds)).await
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_only_in_its_workspace() {
    let fixture = with(Settings { queue: 4, ..Settings::default() }).await;
    let holder = fixture.lock_head().await;
    let first = fixture.log.append(fixture.opened(new_chat()));
    tokio::pin!(first);
    assert!((&mut first).now_or_never().is_none());
    fixture.wait_for_waiter().await;
    // The writer has taken one; four more may wait.
    let mut waiting: Vec<_> = (0..4).map(|_| fixture.log.append(fixture.opened(new_chat()))).collect();
    assert!(waiting.iter_mut().all(|append| append.now_or_never().is_none()));
    for _ in 0..3 {
        let refused = fixture.log.append(fixture.opened(new_chat())).now_or_never();
        assert!(matches!(refused, Some(Err(AppendError::Overloaded))));
    }
    let chat = new_chat();
    let elsewhere = empty(WorkspaceId::new(Uuid::from_u128(1))).on(StreamId::Chat(chat), 0, [opened(chat)]);
    fixture.append(elsewhere).await.unwrap();
    drop(holder);
    first.await.unwrap();
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    assert_eq!(fixture.sound().await, 5);
}

#[tokio::test]
async fn a_group_has_at_most_so_many_events_and_an_append_that_has_more_goes_alone() {
    let fixture = with(Settings { group: 8, ..Settings::default() }).await;
    let large = |events: usize| {
        let chat = new_chat();
        let events =
            std::iter::once(opened(chat)).chain((1..events).map(|n| assigned(&format!("agent {n}"))));
        fixture.empty().on(StreamId::Chat(chat), 0, events)
    };
    let answers = fixture.append_together(vec![large(3), large(5), large(1), large(20), large(2)]).await;
    assert!(answers.iter().all(Result::is_ok));
    let groups: Vec<(i64,)> = sqlx::query_as(
        "SELECT count(*) FROM events WHERE workspace_id = $1 GROUP BY xmin::text ORDER BY min(position)",
    )
    .bind(fixture.workspace.uuid())
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    assert_eq!(groups, [(1,), (8,), (1,), (20,), (2,)]);
}

#[tokio::test]
async fn a_writer_that_ended_for_want_of_work_is_replaced_without_losing_an_append() {
    let fixture = with(Settings { idle: Duration::from_millis(1), ..Settings::default() }).await;
    let pauses = (0..8).map(|task: u64| {
        let fixture = &fixture;
        async move {
            for round in 0..15 {
                fixture.append(fixture.opened(new_chat())).await.unwrap();
                tokio::time::sleep(Duration::from_micros(300 * ((task + round) % 8))).await;
            }
        }
    });
    join_all(pauses).await;
    assert_eq!(fixture.sound().await, 8 * 15);
}

#[tokio::test]
async fn closing_answers_what_is_waiting_and_takes_nothing_more() {
    let fixture = Fixture::new().await;
    let mut waiting: Vec<_> = (0..50).map(|_| fixture.log.append(fixture.opened(new_chat()))).collect();
    assert!(waiting.iter_mut().all(|append| append.now_or_never().is_none()));
    fixture.log.close().await;
    // They are answered already: nothing needs to be waited for.
    assert!(waiting.into_iter().all(|append| append.now_or_never().is_some_and(|answer| answer.is_ok())));
    let refused = fixture.append(fixture.opened(new_chat())).await;
    assert!(matches!(refused, Err(AppendError::Log(LogError::Unavailable(_)))));
    assert_eq!(fixture.sound().await, 50);
}
