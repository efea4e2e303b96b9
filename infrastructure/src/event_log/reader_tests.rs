use cqrs_es::persist::{EventUpcaster, SemanticVersionEventUpcaster};
use interflow_domain::ChatId;
use interflow_domain::chat::ChatEvent;
use serde_json::json;

use super::*;

/// Everything that any version has written: `events-<version>.json`, one file for each.
fn history() -> Vec<Value> {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/fixtures");
    let mut files: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("events-"));
    files.sort();
    assert!(!files.is_empty());
    let events = |path| serde_json::from_str::<Vec<Value>>(&std::fs::read_to_string(path).unwrap()).unwrap();
    files.into_iter().flat_map(events).collect()
}

fn opened(event_type: &str, event_version: &str, payload: Value) -> Opened {
    let id = Uuid::from_u128(7).to_string();
    let aggregate = event_type.split('.').next().unwrap();
    Opened {
        id: EventId::new(Uuid::from_u128(1)),
        stream: StreamId::parse(aggregate, &id).unwrap(),
        position: 3,
        version: 2,
        recorded_at: DateTime::default(),
        metadata: "{}".to_owned(),
        event_type: event_type.to_owned(),
        event_version: event_version.to_owned(),
        payload: Payload::stored(payload.to_string()).unwrap(),
    }
}

/// What would have been, had an assignment once named its `agent`: by number first, then by name.
fn of_another_past() -> Vec<Box<dyn EventUpcaster>> {
    let named = |mut payload: Value| {
        let agent = payload.as_object_mut().unwrap().remove("agent_number").unwrap();
        payload["agent"] = json!(format!("agent {agent}"));
        payload
    };
    let renamed = |mut payload: Value| {
        payload["assignee"] = payload.as_object_mut().unwrap().remove("agent").unwrap();
        payload
    };
    struct To10(Box<dyn Fn(Value) -> Value + Send + Sync>);
    impl EventUpcaster for To10 {
        fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
            event_type == "chat.assigned" && event_version == "0.9.0"
        }

        fn upcast(&self, event: SerializedEvent) -> SerializedEvent {
            let payload = self.0(event.payload);
            SerializedEvent { payload, event_version: "1.0".to_owned(), ..event }
        }
    }
    vec![
        Box::new(SemanticVersionEventUpcaster::new("chat.assigned", "0.9.0", Box::new(named))),
        Box::new(To10(Box::new(renamed))),
    ]
}

#[test]
fn what_any_version_has_written_is_read_in_todays_shape() {
    for entry in history() {
        let (event_type, version) =
            (entry["event_type"].as_str().unwrap(), entry["event_version"].as_str().unwrap());
        let event = opened(event_type, version, entry["payload"].clone()).lifted(upcasting::known()).unwrap();
        let event = event.recorded().unwrap_or_else(|failure| panic!("{failure:?}")).event;
        if version == event.event_version() {
            assert_eq!(event.to_json().unwrap(), entry["payload"], "{event_type} {version}");
        }
    }
}

#[test]
fn an_older_event_is_lifted_step_by_step_and_a_newer_or_another_is_left_alone() {
    let upcasters = of_another_past();
    let lifted = |version: &str, payload: Value| {
        opened("chat.assigned", version, payload)
            .lifted(&upcasters)
            .unwrap()
            .recorded()
            .map(|read| read.event)
    };
    let assigned = |to: &str| Event::from(ChatEvent::ChatAssigned { assignee: Some(to.parse().unwrap()) });
    let oldest = json!({"type": "chat.assigned", "agent_number": 4});
    assert_eq!(lifted("0.8", oldest).unwrap(), assigned("agent 4"));
    let older = json!({"type": "chat.assigned", "agent": "Bea"});
    assert_eq!(lifted("0.9.0", older).unwrap(), assigned("Bea"));
    let todays = json!({"type": "chat.assigned", "assignee": "Caio"});
    assert_eq!(lifted("1.0", todays).unwrap(), assigned("Caio"));

    let closed = opened("chat.closed", "0.8", json!({"type": "chat.closed"}));
    assert!(closed.lifted(&upcasters).unwrap().recorded().is_err(), "no upcaster is for this type");
}

#[test]
fn what_this_build_does_not_know_is_an_error_that_names_type_version_and_position() {
    let chat_id = ChatId::default();
    let closed = json!({"type": "chat.closed"});
    for (event_type, version, payload) in [
        ("chat.of_tomorrow", "1.0", json!({"type": "chat.of_tomorrow"})),
        ("chat.closed", "2.0", closed.clone()),
        ("chat.closed", "", closed.clone()),
        ("chat.opened", "1.0", json!({"type": "chat.opened", "chat_id": chat_id})),
        ("chat.opened", "1.0", closed),
    ] {
        let named = format!("event 3 ({event_type} {version})");
        let event = || opened(event_type, version, payload.clone()).lifted(upcasting::known()).unwrap();
        let Err(Failure::Refused(what)) = event().recorded() else { panic!("{named} was read") };
        assert!(what.starts_with(&named), "{what}");
        let Err(Failure::Refused(what)) = event().typed::<ChatEvent>() else { panic!("{named} was read") };
        assert!(what.starts_with(&named), "{what}");
    }
}
