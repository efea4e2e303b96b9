use interflow_application::Claim;
use interflow_application::log::{AppendError, EventLog, StreamId};
use interflow_domain::InstanceName;

use super::fixture::{Build, Fixture, new_chat, new_customer, new_instance, phone};

const TAKEN: &str = "+5511999990000";

async fn holder(fixture: &Fixture, claim: &Claim) -> Option<StreamId> {
    fixture.log.holder(fixture.workspace, claim).await.unwrap()
}

#[tokio::test]
async fn a_claim_is_held_by_one_stream_until_that_stream_releases_it() {
    let fixture = Fixture::new().await;
    let (first, second) = (new_customer(), new_customer());
    fixture.append(fixture.created(first, TAKEN)).await.unwrap();
    assert!(matches!(fixture.append(fixture.created(second, TAKEN)).await, Err(AppendError::Conflict)));
    assert_eq!(holder(&fixture, &phone(TAKEN)).await, Some(StreamId::Customer(first)));

    // Who does not hold it does not free it.
    let release = |owner| fixture.empty().releasing(phone(TAKEN), StreamId::Customer(owner));
    fixture.append(release(second)).await.unwrap();
    assert_eq!(holder(&fixture, &phone(TAKEN)).await, Some(StreamId::Customer(first)));
    fixture.append(release(first)).await.unwrap();
    assert_eq!(holder(&fixture, &phone(TAKEN)).await, None);
    fixture.append(fixture.created(second, TAKEN)).await.unwrap();
    assert_eq!(holder(&fixture, &phone(TAKEN)).await, Some(StreamId::Customer(second)));
}

#[tokio::test]
async fn claims_are_released_before_they_are_taken() {
    let fixture = Fixture::new().await;
    let (first, second) = (StreamId::Customer(new_customer()), StreamId::Customer(new_customer()));
    fixture.append(fixture.empty().taking(phone(TAKEN), first)).await.unwrap();
    let pass_on = fixture.empty().taking(phone(TAKEN), second).releasing(phone(TAKEN), first);
    fixture.append(pass_on).await.unwrap();
    assert_eq!(holder(&fixture, &phone(TAKEN)).await, Some(second));

    // The same among commands of one group: freed by one, taken by the next, and held against the last.
    let answers = fixture
        .append_together(vec![
            fixture.empty().taking(phone(TAKEN), first),
            fixture.empty().releasing(phone(TAKEN), second),
            fixture.empty().taking(phone(TAKEN), first),
            fixture.empty().taking(phone(TAKEN), second),
        ])
        .await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(holder(&fixture, &phone(TAKEN)).await, Some(first));
}

#[tokio::test]
async fn kinds_do_not_meet_and_values_are_not_stored_in_clear() {
    let fixture = Fixture::new().await;
    let name: InstanceName = "5511999990000".parse().unwrap();
    let (customer, instance) = (StreamId::Customer(new_customer()), StreamId::Instance(new_instance()));
    fixture.append(fixture.empty().taking(phone("5511999990000"), customer)).await.unwrap();
    fixture.append(fixture.empty().taking(Claim::instance_name(&name), instance)).await.unwrap();
    assert_eq!(fixture.count("SELECT count(*) FROM claims WHERE workspace_id = $1").await, 2);
    let clear =
        "SELECT count(*) FROM claims WHERE workspace_id = $1 AND encode(value_hash, 'escape') LIKE '%5511%'";
    assert_eq!(fixture.count(clear).await, 0);
}

#[tokio::test]
async fn a_duplicate_among_255_good_commands_costs_its_neighbours_nothing() {
    let fixture = Fixture::new().await;
    fixture.append(fixture.created(new_customer(), TAKEN)).await.unwrap();
    let mut appends: Vec<_> =
        (0..255).map(|number| fixture.created(new_customer(), &format!("+55119888{number:05}"))).collect();
    // The loser leaves with all it came with: its stream, and another claim that a neighbour wants as well.
    let (loser, chat) = (StreamId::Customer(new_customer()), new_chat());
    let duplicate = fixture.opened(chat).taking(phone("+5511988800100"), loser).taking(phone(TAKEN), loser);
    appends.insert(50, duplicate);

    let answers = fixture.append_together(appends).await;
    let lost: Vec<_> =
        answers.iter().enumerate().filter(|(_, answer)| answer.is_err()).map(|(n, _)| n).collect();
    assert_eq!(lost, [50]);
    assert!(matches!(answers[50], Err(AppendError::Conflict)));
    // One customer, the chat that opened the way, and the group; in one transaction each.
    assert_eq!(fixture.sound().await, 1 + 1 + 255);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM events WHERE workspace_id = $1";
    assert_eq!(fixture.count(transactions).await, 3);
    assert_eq!(fixture.count("SELECT count(*) FROM claims WHERE workspace_id = $1").await, 256);
}
