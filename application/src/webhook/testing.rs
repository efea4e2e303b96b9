//! Histories for the tests of bodies: every stored event of the domain's fixtures, and a small world around it.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_domain::instance::InstanceEvent;
use interflow_domain::webhook::{DisableReason, PausedBy, WebhookEvent};
use interflow_domain::{
    ChatId, CheckpointId, CustomerId, EventId, InstanceId, JobId, MessageId, PERSONAL_MARK, WebhookId,
    WorkspaceId,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Materials;
use super::materials::Subject;
use super::portrait::Portrait as _;
use crate::log::{Event, RecordedEvent, StreamId};

static FIXTURE: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../domain/fixtures/events-1.0.json")).unwrap());

/// The ids of the fixture.
const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

fn stream(aggregate: &str) -> StreamId {
    match aggregate {
        "workspace" => StreamId::Workspace(WorkspaceId::new(id(1))),
        "instance" => StreamId::Instance(InstanceId::new(id(3))),
        "customer" => StreamId::Customer(CustomerId::new(id(4))),
        "chat" => StreamId::Chat(ChatId::new(id(5))),
        "message" => StreamId::Message(MessageId::new(id(6))),
        "webhook" => StreamId::Webhook(WebhookId::new(id(11))),
        "checkpoint" => StreamId::Checkpoint(CheckpointId::new(id(12))),
        "job" => StreamId::Job(JobId::new(id(9))),
        other => panic!("{other}"),
    }
}

fn parse(entry: &Value) -> (StreamId, Event) {
    let aggregate = entry["event_type"].as_str().unwrap().split('.').next().unwrap();
    let stream = stream(aggregate);
    (stream, Event::from_json(stream, entry["payload"].clone()).unwrap())
}

/// Every stored event, in the fixture's order.
pub(super) fn fixture() -> Vec<Event> {
    FIXTURE.iter().map(|entry| parse(entry).1).collect()
}

/// Events as they would be recorded, one after the other.
pub(super) fn record(events: impl IntoIterator<Item = (StreamId, Event)>) -> Vec<RecordedEvent> {
    let start: DateTime<Utc> = "2026-07-01T10:00:00Z".parse().unwrap();
    let mut versions = std::collections::BTreeMap::new();
    let recorded = events.into_iter().zip(1_u64..).map(|((stream, event), position)| {
        let version = versions.entry(stream).and_modify(|version| *version += 1).or_insert(1);
        RecordedEvent {
            id: EventId::new(Uuid::from_u128(u128::from(position))),
            position,
            stream,
            version: *version,
            recorded_at: start + TimeDelta::seconds(i64::try_from(position).unwrap()),
            event,
            metadata: crate::metadata::Metadata::default(),
        }
    });
    recorded.collect()
}

/// Materials of the last of these events, made as the log would give them.
pub(super) fn materials(log: &[RecordedEvent]) -> Option<Materials> {
    let last = log.last()?.clone();
    let of =
        |wanted: StreamId| -> Vec<_> { log.iter().filter(|event| event.stream == wanted).cloned().collect() };
    let own = of(last.stream);
    let placement = super::Placement::of(last.stream, &own.first()?.event);
    let channel = placement.instance.map(|id| of(StreamId::Instance(id))).unwrap_or_default();
    let customer = placement.customer.map(|id| of(StreamId::Customer(id))).unwrap_or_default();
    let [own, channel, customer] = [own, channel, customer].map(|events| Subject::of(&events));
    Materials::of(last, own, channel, customer)
}

/// The fixture's events, those that are newer than it, and the world they happen in.
fn events() -> Vec<(StreamId, Event)> {
    let all: Vec<_> = FIXTURE.iter().map(parse).collect();
    let lasting = |(_, event): &(StreamId, Event)| {
        let name = event.event_type();
        !name.ends_with(".deleted") && !name.starts_with("webhook.") && name != "instance.logged_out"
    };
    let ending = all.iter().filter(|entry| !lasting(entry)).cloned();
    let renamed = InstanceEvent::InstanceRenamed { name: "user_id_002".parse().unwrap() };
    let webhook = [
        WebhookEvent::WebhookPaused { by: PausedBy::Backlog },
        WebhookEvent::WebhookResumed {},
        WebhookEvent::WebhookDisabled { reason: DisableReason::Failing },
        WebhookEvent::WebhookEnabled {},
    ];
    let newer = webhook.map(|event| (stream("webhook"), Event::Webhook(event)));
    let lasting: Vec<_> = all.iter().filter(|entry| lasting(entry)).cloned().collect();
    let renamed = (stream("instance"), Event::Instance(renamed));
    lasting.into_iter().chain([renamed]).chain(ending).chain(newer).collect()
}

/// Materials of every event there is, in clear and after the erasure of everything personal.
pub(super) fn everything() -> Vec<Materials> {
    let clear = record(events());
    let forgotten: Vec<_> = clear.iter().map(erased).collect();
    let of = |log: &[RecordedEvent]| -> Vec<Materials> {
        (1..=log.len()).filter_map(|length| materials(&log[..length])).collect()
    };
    [of(&clear), of(&forgotten)].concat()
}

/// The same event once the keys of all its subjects were destroyed.
pub(super) fn erased(recorded: &RecordedEvent) -> RecordedEvent {
    fn erase(value: Value) -> Value {
        match value {
            Value::Object(fields) => match fields.get(PERSONAL_MARK) {
                Some(form) => json!({ PERSONAL_MARK: { "s": form["s"], "erased": true } }),
                None => Value::Object(fields.into_iter().map(|(name, value)| (name, erase(value))).collect()),
            },
            Value::Array(values) => values.into_iter().map(erase).collect(),
            plain => plain,
        }
    }
    let payload = erase(recorded.event.to_json().unwrap());
    RecordedEvent { event: Event::from_json(recorded.stream, payload).unwrap(), ..recorded.clone() }
}

/// A log that ends with a message coming in: the world of the reference's example.
pub(super) fn incoming() -> Vec<RecordedEvent> {
    let instance =
        json!({"type": "instance.registered", "instance_id": InstanceId::new(id(3)), "name": "user_id_001"});
    let personal = |subject: String, value: Value| json!({"$p": {"s": subject, "v": value}});
    let own = InstanceId::new(id(3)).to_string();
    let connected = json!({
        "type": "instance.connected",
        "phone": personal(own.clone(), json!("5511988887777")),
        "lid": null,
        "profile_name": personal(own, json!("Ana's Shop")),
    });
    let customer = CustomerId::new(id(4)).to_string();
    let created = json!({
        "type": "customer.created",
        "customer_id": customer,
        "profile": {
            "name": personal(customer.clone(), json!("Bruno")), "email": null,
            "phone": personal(customer.clone(), json!("5511999999999")), "external_id": null,
            "tags": [], "attributes": null,
        },
        "lid": personal(customer.clone(), json!("123456789012345")),
    });
    let chat = json!({
        "type": "chat.opened", "chat_id": ChatId::new(id(5)), "instance_id": InstanceId::new(id(3)),
        "customer_id": customer,
    });
    let message = json!({
        "type": "message.received", "message_id": MessageId::new(id(6)), "chat_id": ChatId::new(id(5)),
        "instance_id": InstanceId::new(id(3)), "customer_id": customer,
        "from": personal(customer.clone(), json!("5511999999999")),
        "content": personal(customer.clone(), json!({"type": "text", "text": "Hey! How can I buy?"})),
        "content_type": "text", "whatsapp_id": "3EB0C767D097B7C7C030", "sent_at": "2026-07-01T09:59:59Z",
    });
    let events = [
        ("instance", instance),
        ("instance", connected),
        ("customer", created),
        ("chat", chat),
        ("message", message),
    ];
    record(events.map(|(aggregate, payload)| {
        let stream = stream(aggregate);
        (stream, Event::from_json(stream, payload).unwrap())
    }))
}

/// Materials of a message coming in.
pub(super) fn received() -> Materials {
    materials(&incoming()).unwrap()
}
