//! Rebuilds and verifications while other processes write and read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use interflow_application::log::{EventLog, StreamId};
use interflow_application::read::{ChatFilter, Listing, Reads};
use interflow_domain::WorkspaceId;
use interflow_domain::chat::ChatEvent;
use interflow_domain::customer::CustomerEvent;
use interflow_domain::message::MessageEvent;
use interflow_infrastructure::event_log::PgEventLog;
use interflow_infrastructure::projections::Projections;
use interflow_infrastructure::read_models::PgReads;
use tokio::task::JoinHandle;

use super::{generations, history, live, play, verified};
use crate::event_log::fixture::{
    Build, Fixture, assigned, created, empty, later, new_chat, new_customer, new_message, opened, queued,
};

/// One round of what callers do: rows come, change and go.
async fn write(log: &PgEventLog, workspace: WorkspaceId, round: u64) {
    let (customer, chat, message) = (new_customer(), new_chat(), new_message());
    let (of_customer, of_chat, of_message) =
        (StreamId::Customer(customer), StreamId::Chat(chat), StreamId::Message(message));
    let phone = format!("+55119{:08}", round % 100_000_000);
    let begun = empty(workspace)
        .on(of_customer, 0, [created(customer, "Ana", &phone)])
        .on(of_chat, 0, [opened(chat)])
        .on(of_message, 0, [queued(message, chat, customer, &format!("message {round}"))]);
    log.append(begun).await.unwrap();
    let went_on = empty(workspace).on(of_message, 1, [MessageEvent::MessageSent { at: later(0) }.into()]).on(
        of_chat,
        1,
        [assigned("Bea"), ChatEvent::ChatClosed {}.into()],
    );
    log.append(went_on).await.unwrap();
    if round.is_multiple_of(3) {
        let gone = empty(workspace).on(of_customer, 1, [CustomerEvent::CustomerDeleted {}.into()]);
        log.append(gone).await.unwrap();
    }
}

/// Writes until it is told to stop; says how many rounds it wrote.
fn writer(log: PgEventLog, workspace: WorkspaceId, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    tokio::spawn(async move {
        let mut round = 0;
        while !stop.load(Ordering::SeqCst) {
            write(&log, workspace, round).await;
            round += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        round
    })
}

/// Looks at a list of which nothing is ever deleted, until it is told to stop; says how often.
fn reader(fixture: &Fixture, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (reads, workspace, stop) = (PgReads::new(fixture.pool.clone()), fixture.workspace, Arc::clone(stop));
    tokio::spawn(async move {
        let (mut seen, mut looks) = (0, 0);
        while !stop.load(Ordering::SeqCst) {
            let total =
                reads.chats(workspace, &Listing::first(ChatFilter::default(), 5)).await.unwrap().total;
            assert!(total >= seen, "a generation that was not whole was read: {total} chats after {seen}");
            seen = total;
            looks += 1;
        }
        looks
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_while_two_other_processes_write_loses_and_doubles_nothing() {
    let fixture = Fixture::new().await;
    play(&fixture.log, fixture.workspace, history(150)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let reading = reader(&fixture, &stop);
    let writers = [
        writer(fixture.another_process().await, fixture.workspace, &stop),
        writer(fixture.another_process().await, fixture.workspace, &stop),
    ];
    let log = fixture.another_process().await;
    let projections = Projections::new(&log).in_batches_of(40);
    for generation in [2, 3] {
        let head = "SELECT position FROM heads WHERE workspace_id = $1";
        let begun = fixture.count(head).await.unsigned_abs();
        let rebuilt = projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap();
        assert_eq!(rebuilt.generation, generation);
        assert!(rebuilt.position > begun, "others wrote meanwhile");
        assert_eq!(verified(&projections, fixture.workspace).await.1, []);
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }
    assert!(reading.await.unwrap() > 0);
    fixture.sound().await;
    let (verified, differences) = verified(&projections, fixture.workspace).await;
    assert_eq!((verified.generation, differences), (3, vec![]));
    assert_eq!(generations(&fixture).await, live(3));
}
