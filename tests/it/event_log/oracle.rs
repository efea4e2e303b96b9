//! Stock cqrs-es and postgres-es load what we wrote.

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};
use cqrs_es::{Aggregate, AggregateContext, DomainEvent, EventStore};
use interflow_application::log::{EventLog, State, StreamId};
use interflow_domain::chat::Chat;
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fixture::{Build, Fixture, assigned, created, new_chat, new_customer};

/// Customers as they are stored: whatever the payload holds.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Raw;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct RawEvent(Value);

impl DomainEvent for RawEvent {
    fn event_type(&self) -> String {
        self.0["type"].to_string()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Raw {
    const TYPE: &'static str = "customer";
    type Command = ();
    type Event = RawEvent;
    type Error = std::io::Error;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn apply(&mut self, _: RawEvent) {}
}

#[tokio::test]
async fn postgres_es_loads_our_rows_in_their_sealed_form() {
    let fixture = Fixture::new().await;
    let customer = new_customer();
    let stream = StreamId::Customer(customer);
    let events = |phone| [created(customer, "Ana Maria", phone), created(customer, "Bea", phone)];
    fixture.append(fixture.empty().on(stream, 0, events("5511999990000"))).await.unwrap();
    fixture.append(fixture.empty().on(stream, 2, events("5511999990001"))).await.unwrap();
    let stored: Vec<(String,)> = sqlx::query_as("SELECT payload::text FROM events ORDER BY sequence")
        .fetch_all(&fixture.pool)
        .await
        .unwrap();

    let repository = PostgresEventRepository::new(fixture.pool.clone());
    let rows = repository.get_events::<Raw>(&customer.to_string()).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (row, (stored,)) in rows.iter().zip(&stored) {
        assert_eq!(row.payload, serde_json::from_str::<Value>(stored).unwrap());
        assert!(row.payload["profile"]["name"]["$p"]["c"].is_string(), "{}", row.payload);
        assert_eq!((row.aggregate_type.as_str(), row.event_type.as_str()), ("customer", "customer.created"));
        assert_eq!(
            (row.event_version.as_str(), row.metadata["actor"].as_str()),
            ("1.0", Some("system:test"))
        );
    }
    let store = PersistedEventStore::<_, Raw>::new_event_store(repository);
    let envelopes = store.load_events(&customer.to_string()).await.unwrap();
    assert!(envelopes.iter().zip(&rows).all(|(envelope, row)| envelope.payload.0 == row.payload));
    assert!(envelopes.iter().all(|envelope| envelope.metadata["request_id"] == "req-1"));
}

#[tokio::test]
async fn an_aggregate_without_personal_data_has_the_same_state_in_both() {
    let fixture = Fixture::new().await;
    let chat = new_chat();
    fixture.append(fixture.opened(chat)).await.unwrap();
    fixture
        .append(fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea"), assigned("Caio")]))
        .await
        .unwrap();

    let repository = PostgresEventRepository::new(fixture.pool.clone());
    let store = PersistedEventStore::<_, Chat>::new_event_store(repository);
    let mut stock = store.load_aggregate(&chat.to_string()).await.unwrap();
    let ours = fixture.another_process().await.load(fixture.workspace, StreamId::Chat(chat)).await.unwrap();
    let State::Chat(ours) = ours.state else { panic!() };
    assert_eq!((stock.current_sequence, stock.aggregate()), (3, &mut Chat::clone(&ours)));
}
