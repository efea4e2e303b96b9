//! The events of version 1.0, locked as they are stored: `fixtures/events-1.0.json` is what later versions (and their
//! upcasters) must keep reading. A change that breaks a test here needs a new event version, never a new fixture.

mod samples;

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::chat::{Chat, ChatEvent};
use crate::checkpoint::Checkpoint;
use crate::customer::{Customer, CustomerEvent};
use crate::instance::{Instance, InstanceEvent};
use crate::job::Job;
use crate::message::{Message, MessageEvent};
use crate::webhook::Webhook;
use crate::workspace::{Workspace, WorkspaceEvent};
use crate::{Decide, PERSONAL_MARK};

const FIXTURE: &str = include_str!("../fixtures/events-1.0.json");

/// The sources in which events are named.
const SOURCES: [&str; 8] = [
    include_str!("workspace/event.rs"),
    include_str!("instance/event.rs"),
    include_str!("customer/event.rs"),
    include_str!("chat/event.rs"),
    include_str!("message/event.rs"),
    include_str!("job/event.rs"),
    include_str!("webhook/event.rs"),
    include_str!("checkpoint/event.rs"),
];

fn fixture() -> Vec<Value> {
    serde_json::from_str(FIXTURE).unwrap()
}

fn recorded<E: DomainEvent>(events: &[E]) -> Vec<Value> {
    let record = |event: &E| {
        json!({
            "event_type": event.event_type(),
            "event_version": event.event_version(),
            "payload": serde_json::to_value(event).unwrap(),
        })
    };
    events.iter().map(record).collect()
}

/// The stored events of one aggregate, read back.
fn read<E: DomainEvent>(aggregate: &str) -> Vec<E> {
    let prefix = format!("{aggregate}.");
    let of_aggregate = |entry: &Value| entry["event_type"].as_str().unwrap().starts_with(&prefix);
    fixture()
        .into_iter()
        .filter(of_aggregate)
        .map(|entry| serde_json::from_str(&entry["payload"].to_string()).unwrap())
        .collect()
}

/// The same JSON after the keys of all its subjects were destroyed.
fn erased(value: Value) -> Value {
    match value {
        Value::Object(fields) => match fields.get(PERSONAL_MARK) {
            Some(form) => json!({ PERSONAL_MARK: { "s": form["s"], "erased": true } }),
            None => fields.into_iter().map(|(name, value)| (name, erased(value))).collect(),
        },
        Value::Array(values) => values.into_iter().map(erased).collect(),
        plain => plain,
    }
}

fn assert_survives_json<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    let tree = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(tree).unwrap(), value, "{text}");
}

/// One aggregate's events are written as they were, read as they were, and survive JSON in clear and erased.
fn assert_history_of<A>(written: &[A::Event])
where
    A: Decide<Event: Serialize + DeserializeOwned> + PartialEq + std::fmt::Debug,
{
    let events: Vec<A::Event> = read(A::TYPE);
    assert_eq!(events, written, "what was stored reads as it was meant");

    let mut clear = A::default();
    let mut forgotten = A::default();
    for event in events {
        let payload = serde_json::to_value(&event).unwrap();
        assert_eq!(payload["type"], event.event_type());
        assert_eq!(event.event_version(), "1.0");
        assert_survives_json(&event);

        let without_persons = erased(payload);
        let reread: A::Event = serde_json::from_str(&without_persons.to_string()).unwrap();
        assert_eq!(serde_json::to_value(&reread).unwrap(), without_persons);
        assert_survives_json(&reread);

        // A snapshot of the state survives too, after whatever happened.
        clear.apply(event);
        assert_survives_json(&clear);
        forgotten.apply(reread);
        assert_survives_json(&forgotten);
    }
}

#[test]
fn the_events_of_today_are_written_as_version_1_0_wrote_them() {
    let today = [
        recorded(&samples::workspace()),
        recorded(&samples::instance()),
        recorded(&samples::customer()),
        recorded(&samples::chat()),
        recorded(&samples::message()),
        recorded(&samples::job()),
        recorded(&samples::webhook()),
        recorded(&samples::checkpoint()),
    ];
    let (today, stored) = (today.concat(), fixture());
    for (written, kept) in today.iter().zip(&stored) {
        assert_eq!(written, kept);
    }
    assert_eq!(today.len(), stored.len());
}

#[test]
fn the_events_of_a_workspace_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Workspace>(&samples::workspace());
}

#[test]
fn the_events_of_an_instance_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Instance>(&samples::instance());
}

#[test]
fn the_events_of_a_customer_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Customer>(&samples::customer());
}

#[test]
fn the_events_of_a_chat_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Chat>(&samples::chat());
}

#[test]
fn the_events_of_a_message_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Message>(&samples::message());
}

#[test]
fn the_events_of_a_job_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Job>(&samples::job());
}

#[test]
fn the_events_of_a_webhook_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Webhook>(&samples::webhook());
}

#[test]
fn the_events_of_a_checkpoint_are_read_as_version_1_0_meant_them() {
    assert_history_of::<Checkpoint>(&samples::checkpoint());
}

#[test]
fn a_message_of_no_job_is_written_as_before_there_were_jobs() {
    let (of_none, of_a_job) = (&samples::message()[0], &samples::message()[17]);
    assert_eq!(serde_json::to_value(of_none).unwrap().get("job_id"), None);
    assert!(serde_json::to_value(of_a_job).unwrap()["job_id"].is_string());
}

#[test]
fn every_event_there_is_has_a_stored_example() {
    let named: BTreeSet<String> = SOURCES
        .iter()
        .flat_map(|source| source.split("#[serde(rename = \"").skip(1))
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let stored: BTreeSet<String> =
        fixture().iter().map(|entry| entry["event_type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(named, stored);
    assert!(named.iter().eq(crate::EVENT_TYPES), "and is in the list of types, which is sorted");
    assert_eq!(named.len(), 10 + 11 + 7 + 6 + 8 + 5 + 8 + 1);
}

#[test]
fn an_event_of_an_unknown_type_or_without_a_field_is_not_read() {
    assert!(serde_json::from_value::<ChatEvent>(json!({"type": "chat.painted"})).is_err());
    assert!(serde_json::from_value::<MessageEvent>(json!({"type": "message.sent"})).is_err());
    assert!(serde_json::from_value::<InstanceEvent>(json!({"type": "instance.disconnected"})).is_err());
    assert!(serde_json::from_value::<CustomerEvent>(json!({"type": "customer.updated"})).is_err());
    assert!(serde_json::from_value::<WorkspaceEvent>(json!({"type": "workspace.key_revoked"})).is_err());
}

#[test]
fn a_message_that_lost_one_of_its_participants_or_its_type_is_not_read() {
    let whole = serde_json::to_value(&samples::message()[0]).unwrap();
    for field in ["chat_id", "instance_id", "customer_id", "content_type"] {
        let mut payload = whole.clone();
        payload.as_object_mut().unwrap().remove(field);
        assert!(serde_json::from_value::<MessageEvent>(payload).is_err(), "{field}");
    }
}
