//! Groups that are appended by whoever knows the head, and what happens when the head says something else.

use interflow_application::log::{Append, AppendError, ClaimChange, EventLog, StreamId};

use super::fixture::{Build, Fixture, assigned, new_chat, new_customer, phone};

const PHONE: &str = "5511999990000";

fn resting_on(mut append: Append, holder: StreamId) -> Append {
    append.claims.push(ClaimChange::Held { claim: phone(PHONE), owner: holder });
    append
}

#[tokio::test]
async fn two_processes_that_take_turns_leave_no_gap_and_lose_nothing() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process().await;
    let (mine, theirs) = (new_chat(), new_chat());
    fixture.append(fixture.opened(mine)).await.unwrap();
    other.append(fixture.opened(theirs)).await.unwrap();
    for version in 1..20 {
        let change = |chat| fixture.empty().on(StreamId::Chat(chat), version, [assigned("Bea")]);
        fixture.append(change(mine)).await.unwrap();
        other.append(change(theirs)).await.unwrap();
        // And each finds out at once that the other has moved its own.
        assert!(matches!(fixture.append(change(theirs)).await, Err(AppendError::Conflict)));
        assert!(matches!(other.append(change(mine)).await, Err(AppendError::Conflict)));
    }
    assert_eq!(fixture.sound().await, 40);
}

#[tokio::test]
async fn an_append_that_rests_on_a_holder_is_refused_once_another_process_let_go_of_the_claim() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process().await;
    let (customer, chat) = (new_customer(), new_chat());
    let stream = StreamId::Customer(customer);
    fixture.append(fixture.created(customer, PHONE)).await.unwrap();
    assert_eq!(fixture.log.remembered_holder(fixture.workspace, &phone(PHONE)), Some(stream));
    fixture.append(resting_on(fixture.opened(chat), stream)).await.unwrap();
    // Without an event, so that the position stays as it is.
    other.append(fixture.empty().releasing(phone(PHONE), stream)).await.unwrap();
    let refused = fixture.append(resting_on(fixture.opened(new_chat()), stream)).await;
    assert!(matches!(refused, Err(AppendError::Conflict)), "{refused:?}");
    assert_eq!(fixture.log.remembered_holder(fixture.workspace, &phone(PHONE)), None);
    assert_eq!(fixture.sound().await, 2);
}

#[tokio::test]
async fn a_claim_that_another_process_took_costs_its_neighbours_nothing() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process().await;
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    other.append(fixture.created(new_customer(), PHONE)).await.unwrap();
    let (loser, winner) = tokio::join!(
        fixture.append(fixture.created(new_customer(), PHONE)),
        fixture.append(fixture.created(new_customer(), "5511999990001")),
    );
    assert!(matches!(loser, Err(AppendError::Conflict)), "{loser:?}");
    winner.unwrap();
    assert_eq!(fixture.sound().await, 3);
}
