//! Clocks that jump.

use chrono::TimeDelta;
use interflow_application::log::{AppendError, EventLog, Rider, StreamId};
use interflow_application::{Command, ResourceRef};

use super::load::{customer_created, opens};
use crate::event_log::fixture::{Build, Fixture, assigned, later, new_chat, new_customer, phone};
use crate::support::invariants;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_changes_no_order_and_opens_every_seal() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    let mut told = fixture.append(opens(fixture.empty(), chat)).await.unwrap();
    // To and fro over months, as each has its own data keys.
    for (n, days) in (0..).zip([0, -1, -400, 31, -31, 0, 3650, -3650, 1]) {
        let (customer, number) = (new_customer(), format!("551199999000{n}"));
        let stream = StreamId::Customer(customer);
        let mut append = fixture
            .empty()
            .on(stream, 0, [customer_created(customer, &number)])
            .on(StreamId::Chat(chat), n + 1, [assigned(&format!("agent {n}"))])
            .taking(phone(&number), stream);
        append.recorded_at += TimeDelta::days(days);
        told.extend(fixture.append(append).await.unwrap());
    }
    let census = invariants::hold(&fixture.pool, &fixture.log).await;
    census.has_once(fixture.workspace, &told);
    assert_eq!(census.of(fixture.workspace), told, "the order of positions is the order of commits");
    let loaded = fixture.another_process().await.load(fixture.workspace, StreamId::Chat(chat)).await.unwrap();
    assert_eq!(loaded.version, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_repeated_to_a_caller_whose_clock_jumped_back() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    let command = Command { id: [7; 32], request_hash: [7; 32], expires_at: later(3600) };
    let append = |days| {
        let rider = Rider::Command { command: command.clone(), resource: ResourceRef::Chat(chat) };
        let mut append = opens(fixture.empty(), chat).with(rider);
        append.recorded_at += TimeDelta::days(days);
        append
    };
    fixture.append(append(0)).await.unwrap();
    let again = fixture.append(append(-30)).await;
    assert!(matches!(again, Err(AppendError::Repeated(_))), "{again:?}");
    assert_eq!(invariants::hold(&fixture.pool, &fixture.log).await.of(fixture.workspace).len(), 1);
}
