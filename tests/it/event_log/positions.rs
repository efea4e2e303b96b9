use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use interflow_application::log::{AppendError, EventLog, StreamId};
use interflow_application::wakeups::Wakeups;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::event_log::PgEventLog;
use uuid::Uuid;

use super::fixture::{Build, Fixture, assigned, empty, new_chat, opened};

/// Appends to one of a few streams that others append to as well, loading again when another was there first.
async fn busy(log: &PgEventLog, workspace: WorkspaceId, chats: &[StreamId], appends: usize, salt: usize) {
    for number in 0..appends {
        let stream = chats[(number * 7 + salt) % chats.len()];
        loop {
            let loaded = log.load(workspace, stream).await.unwrap();
            let events = [assigned(&format!("agent {salt}")), assigned(&format!("agent {number}"))];
            match log.append(empty(workspace).on(stream, loaded.version, events)).await {
                Ok(events) => {
                    let positions: Vec<_> = events.iter().map(|event| event.position).collect();
                    assert_eq!(positions, [positions[0], positions[0] + 1]);
                    assert_eq!(events[0].version, loaded.version + 1);
                    break;
                }
                Err(AppendError::Conflict) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test]
async fn positions_have_no_gap_and_are_read_in_order_while_two_processes_append() {
    let fixture = Fixture::new().await;
    let (here, there, workspace) = (fixture.log.clone(), fixture.another_process().await, fixture.workspace);
    let chats: Vec<_> = (0..5).map(|_| new_chat()).collect();
    for chat in &chats {
        fixture.append(fixture.opened(*chat)).await.unwrap();
    }
    let chats: Vec<_> = chats.into_iter().map(StreamId::Chat).collect();

    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (log, done) = (fixture.another_process().await, Arc::clone(&done));
        async move {
            let mut position = 0;
            loop {
                let last = done.load(Ordering::SeqCst);
                let events = log.read(workspace, position, 13).await.unwrap();
                for event in &events {
                    position += 1;
                    assert_eq!(event.position, position);
                }
                if events.is_empty() && last {
                    return position;
                }
            }
        }
    });
    let tasks =
        (0..16).map(|salt| busy(if salt % 2 == 0 { &here } else { &there }, workspace, &chats, 6, salt));
    join_all(tasks).await;
    done.store(true, Ordering::SeqCst);

    let events = fixture.sound().await;
    assert_eq!(events, 5 + 16 * 6 * 2);
    assert_eq!(reader.await.unwrap(), events.unsigned_abs());
}

#[tokio::test]
async fn every_workspace_has_its_own_log() {
    let fixture = Fixture::new().await;
    let other = WorkspaceId::new(Uuid::from_u128(2));
    let chat = new_chat();
    // The same stream id and the same claim, in both.
    for workspace in [fixture.workspace, other] {
        let stream = StreamId::Chat(chat);
        let append = empty(workspace)
            .on(stream, 0, [opened(chat)])
            .taking(super::fixture::phone("+5511999990000"), stream);
        let events = fixture.append(append).await.unwrap();
        assert_eq!((events[0].position, events[0].version), (1, 1));
    }
    let append = empty(other).on(StreamId::Chat(chat), 1, [assigned("Bea")]);
    assert_eq!(fixture.append(append).await.unwrap()[0].position, 2);
    assert_eq!(fixture.log.read(fixture.workspace, 0, 100).await.unwrap().len(), 1);
    assert_eq!(fixture.log.read(other, 0, 100).await.unwrap().len(), 2);
    assert_eq!(fixture.log.load(fixture.workspace, StreamId::Chat(chat)).await.unwrap().version, 1);
    assert_eq!(fixture.sound().await, 1);
}

#[tokio::test]
async fn a_workspace_whose_head_is_locked_elsewhere_stalls_nobody_else() {
    let fixture = Fixture::new().await;
    let holder = fixture.lock_head().await;
    let stalled = fixture.log.append(fixture.opened(new_chat()));
    let others = async {
        fixture.wait_for_waiter().await;
        for number in 0..20 {
            let chat = new_chat();
            let other =
                empty(WorkspaceId::new(Uuid::from_u128(number))).on(StreamId::Chat(chat), 0, [opened(chat)]);
            fixture.append(other).await.unwrap();
        }
        drop(holder);
    };
    let (stalled, ()) = tokio::join!(stalled, others);
    assert_eq!(stalled.unwrap()[0].position, 1);
}

#[tokio::test]
async fn whoever_listens_is_told_of_events_and_of_nothing_else() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    let opened = fixture.opened(chat);
    let mut position = fixture.log.bell().positions(opened.context.workspace);
    let theirs = fixture.log.bell().positions(WorkspaceId::new(Uuid::from_u128(77)));
    fixture.append(opened).await.unwrap();
    assert!(position.has_changed().unwrap());
    assert_eq!(*position.borrow_and_update(), 1);
    fixture.append(fixture.opened(chat)).await.unwrap_err();
    assert!(!position.has_changed().unwrap());
    assert!(!theirs.has_changed().unwrap());
}
