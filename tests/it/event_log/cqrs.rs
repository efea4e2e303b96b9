use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use interflow_application::Actor;
use interflow_domain::customer::{Customer, CustomerCommand, CustomerError, CustomerEvent, ProfileDraft};
use interflow_infrastructure::clock::SystemClock;
use interflow_infrastructure::event_log::{CqrsStore, PgEventLog};

use super::fixture::{Fixture, new_customer};

fn store(fixture: &Fixture, log: &PgEventLog) -> CqrsStore {
    CqrsStore::new(log.clone(), fixture.workspace, Actor::Operator, Arc::new(SystemClock))
}

fn draft(name: &str) -> ProfileDraft {
    let (name, phone) = (Some(name.parse().unwrap()), Some("5511999990000".parse().unwrap()));
    ProfileDraft { name, phone, ..ProfileDraft::default() }
}

#[tokio::test]
async fn the_framework_of_cqrs_es_runs_on_the_log() {
    let fixture = Fixture::new().await;
    let framework = CqrsFramework::<Customer, _>::new(store(&fixture, &fixture.log), vec![], ());
    let customer_id = new_customer();
    let id = customer_id.to_string();

    let missing = framework.execute(&id, CustomerCommand::DeleteCustomer).await;
    assert!(matches!(missing, Err(AggregateError::UserError(CustomerError::NotCreated))));
    let create = CustomerCommand::CreateCustomer { customer_id, profile: draft("Ana"), lid: None };
    let metadata = HashMap::from([("request_id".to_owned(), "req-7".to_owned())]);
    framework.execute_with_metadata(&id, create, metadata).await.unwrap();
    for name in ["Ana", "Bea", "Bea", "Caio"] {
        framework.execute(&id, CustomerCommand::UpdateCustomer { profile: draft(name) }).await.unwrap();
    }
    framework.execute(&id, CustomerCommand::DeleteCustomer).await.unwrap();

    let there = store(&fixture, &fixture.another_process().await);
    let events = EventStore::<Customer>::load_events(&there, &id).await.unwrap();
    // Created, two changes of name (the others changed nothing), deleted.
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(
        matches!(&events[0].payload, CustomerEvent::CustomerCreated { customer_id: made, .. } if *made == customer_id)
    );
    assert_eq!(events[0].metadata["request_id"], "req-7");
    assert_eq!(
        (events[0].metadata["actor"].as_str(), events[0].metadata["correlation_id"].as_str()),
        ("operator", "req-7")
    );
    assert_eq!(fixture.sound().await, 4);
}

#[tokio::test]
async fn a_commit_behind_a_stale_load_is_a_conflict() {
    let fixture = Fixture::new().await;
    let store = store(&fixture, &fixture.log);
    let customer_id = new_customer();
    let id = customer_id.to_string();
    let created = || {
        let profile = draft("Ana").belonging_to(customer_id);
        vec![CustomerEvent::CustomerCreated { customer_id, profile, lid: None }]
    };
    let (first, second) = (
        EventStore::<Customer>::load_aggregate(&store, &id).await.unwrap(),
        EventStore::<Customer>::load_aggregate(&store, &id).await.unwrap(),
    );
    let committed = EventStore::<Customer>::commit(&store, created(), first, HashMap::new()).await.unwrap();
    assert_eq!((committed[0].sequence, &committed[0].aggregate_id), (1, &id));
    let conflict = EventStore::<Customer>::commit(&store, created(), second, HashMap::new()).await;
    assert!(matches!(conflict, Err(AggregateError::AggregateConflict)));
    let wrong = EventStore::<Customer>::load_aggregate(&store, "cht_01h455vb4pex5vsknk084sn02q").await;
    assert!(matches!(wrong, Err(AggregateError::UnexpectedError(_))));
}
