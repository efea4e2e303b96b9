use std::sync::Arc;

use interflow_application::log::{Event, EventLog, LogError, RecordedEvent, StreamId};
use interflow_domain::CustomerId;
use interflow_domain::customer::CustomerEvent;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_vault::MasterKey;
use sqlx::Executor;

use super::fixture::{Build, Fixture, created, new_chat, new_customer, new_message, queued};

const TABLES: [&str; 8] =
    ["heads", "streams", "events", "claims", "commands", "outbox", "data_keys", "leases"];

async fn personal(fixture: &Fixture, customer: CustomerId) -> Vec<RecordedEvent> {
    let (chat, message) = (new_chat(), new_message());
    let append = fixture
        .created(customer, "+5511999990000")
        .on(StreamId::Chat(chat), 0, [super::fixture::opened(chat)])
        .on(StreamId::Message(message), 0, [queued(message, chat, customer, "the secret of the day")]);
    fixture.append(append).await.unwrap()
}

fn name(event: &RecordedEvent) -> Option<&str> {
    match &event.event {
        Event::Customer(CustomerEvent::CustomerCreated { profile, .. }) => {
            profile.name.as_ref()?.get().map(|name| name.as_str())
        }
        _ => None,
    }
}

/// What whoever erases a subject does, under the lock of the head.
async fn destroy_keys(fixture: &Fixture, customer: CustomerId) {
    let mut head = fixture.lock_head().await;
    sqlx::query(
        "UPDATE data_keys SET wrapped = NULL, destroyed_at = now() WHERE workspace_id = $1 AND subject = $2",
    )
    .bind(fixture.workspace.uuid())
    .bind(customer.to_string())
    .execute(&mut head)
    .await
    .unwrap();
    let counted = "UPDATE heads SET erasures = erasures + 1 WHERE workspace_id = $1";
    sqlx::query(counted).bind(fixture.workspace.uuid()).execute(&mut head).await.unwrap();
    head.execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn nothing_personal_lies_in_clear_and_all_of_it_opens_again() {
    let fixture = Fixture::new().await;
    let appended = personal(&fixture, new_customer()).await;
    for table in TABLES {
        let rows: Vec<(String,)> =
            sqlx::query_as(&format!("SELECT t::text FROM {table} t")).fetch_all(&fixture.pool).await.unwrap();
        for (row,) in rows {
            for value in ["Ana", "Maria", "5511999990000", "example.com", "secret"] {
                assert!(!row.contains(value), "{table} holds {value}: {row}");
            }
        }
    }
    assert_eq!(fixture.another_process().await.read(fixture.workspace, 0, 10).await.unwrap(), appended);
    // One key for the subject and month.
    assert_eq!(fixture.count("SELECT count(*) FROM data_keys WHERE workspace_id = $1").await, 1);
}

#[tokio::test]
async fn a_destroyed_key_erases_what_was_and_nothing_that_comes() {
    let fixture = Fixture::new().await;
    let (customer, other) = (new_customer(), new_customer());
    personal(&fixture, customer).await;
    fixture.append(fixture.created(other, "+5511999990001")).await.unwrap();
    destroy_keys(&fixture, customer).await;

    let read = fixture.another_process().await.read(fixture.workspace, 0, 10).await.unwrap();
    assert_eq!((name(&read[0]), name(&read[3])), (None, Some("Ana Maria")));
    assert!(read[2].event.to_json().unwrap()["content"]["$p"]["erased"].as_bool().unwrap());

    // This process remembers the key it used; it must not use it again, although the month is the same.
    let stream = StreamId::Customer(customer);
    fixture.append(fixture.empty().on(stream, 1, [created(customer, "Bea", "5511999990002")])).await.unwrap();
    let log = fixture.another_process().await;
    let read = log.read(fixture.workspace, 4, 10).await.unwrap();
    assert_eq!(name(&read[0]), Some("Bea"));
    assert_eq!(fixture.count("SELECT count(*) FROM data_keys WHERE workspace_id = $1").await, 3);
    // And a state with erased values is loaded like any other.
    assert_eq!(log.load(fixture.workspace, stream).await.unwrap().version, 2);
}

#[tokio::test]
async fn an_append_that_did_not_come_about_leaves_no_key_behind() {
    let fixture = Fixture::new().await;
    let customer = new_customer();
    let rule = "ALTER TABLE events ADD CONSTRAINT poison CHECK (metadata->>'request_id' <> 'poison')";
    fixture.pool.execute(rule).await.unwrap();
    let mut poison = fixture.created(customer, "+5511999990000");
    poison.context.request_id = "poison".to_owned();
    fixture.append(poison).await.unwrap_err();
    assert_eq!(fixture.count("SELECT count(*) FROM data_keys WHERE workspace_id = $1").await, 0);
    fixture.append(fixture.created(customer, "+5511999990000")).await.unwrap();
    let read = fixture.another_process().await.read(fixture.workspace, 0, 10).await.unwrap();
    assert_eq!(name(&read[0]), Some("Ana Maria"));
}

#[tokio::test]
async fn a_value_moved_to_another_event_or_field_does_not_open() {
    let moves = [
        // From one event to another of the same subject; from one field to another; a value from another subject.
        "UPDATE events e SET payload = o.payload FROM events o WHERE e.position = 1 AND o.position = 2",
        "UPDATE events SET payload = jsonb_set(payload::jsonb, '{profile,name}', payload::jsonb #> '{profile,email}') \
         WHERE position = 1",
        "UPDATE events SET payload = jsonb_set(payload::jsonb, '{profile,name,$p,s}', \
         (SELECT to_jsonb(aggregate_id) FROM events WHERE position = 3)) WHERE position = 1",
        "UPDATE events SET payload = jsonb_set(payload::jsonb, '{profile,name,$p}', \
         jsonb_build_object('s', aggregate_id, 'v', 'Eve')) WHERE position = 1",
    ];
    for change in moves {
        let fixture = Fixture::new().await;
        let customer = new_customer();
        let events = [created(customer, "Ana", "5511999990000"), created(customer, "Bea", "5511999990001")];
        fixture.append(fixture.empty().on(StreamId::Customer(customer), 0, events)).await.unwrap();
        fixture.append(fixture.created(new_customer(), "5511999990002")).await.unwrap();
        fixture.pool.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only").await.unwrap();
        fixture.pool.execute(change).await.unwrap();
        let log = fixture.another_process().await;
        let read = log.read(fixture.workspace, 0, 1).await;
        assert!(
            matches!(&read, Err(LogError::Corrupt(what)) if what.contains("event 1")),
            "{change} {read:?}"
        );
        assert!(log.load(fixture.workspace, StreamId::Customer(customer)).await.is_err(), "{change}");
    }
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_says_so() {
    let fixture = Fixture::new().await;
    personal(&fixture, new_customer()).await;
    let other = MasterKey::parse(&"99".repeat(32)).unwrap();
    let log = PgEventLog::start(fixture.pool.clone(), &other, Arc::new(SystemIds), Settings::default());
    let read = log.read(fixture.workspace, 0, 10).await;
    assert!(matches!(&read, Err(LogError::Corrupt(what)) if what.contains("master key")), "{read:?}");
}
