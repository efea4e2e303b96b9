//! Events as a log would have recorded them, for the tests of the folds.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeZone, Utc};
use interflow_application::log::{Event, RecordedEvent, StreamId};
use interflow_domain::message::{Content, Participants};
use interflow_domain::{
    ChatId, CustomerId, EventId, InstanceId, KeyId, MessageId, Personal, Subject, WorkspaceId,
};
use uuid::Uuid;

pub(super) const WORKSPACE: WorkspaceId = WorkspaceId::new(Uuid::from_u128(1));
pub(super) const INSTANCE: InstanceId = InstanceId::new(Uuid::from_u128(2));
pub(super) const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(3));
pub(super) const CHAT: ChatId = ChatId::new(Uuid::from_u128(4));
pub(super) const MESSAGE: MessageId = MessageId::new(Uuid::from_u128(5));
pub(super) const KEY: KeyId = KeyId::new(Uuid::from_u128(6));
pub(super) const PARTICIPANTS: Participants =
    Participants { chat_id: CHAT, instance_id: INSTANCE, customer_id: CUSTOMER };

/// When the event at a position was recorded.
pub(super) fn recorded_at(position: u64) -> DateTime<Utc> {
    at(1_000_000 + i64::try_from(position).unwrap())
}

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(seconds, 0).unwrap()
}

pub(super) fn of_customer<T>(value: T) -> Personal<T> {
    Personal::new(Subject::Customer(CUSTOMER), value)
}

pub(super) fn of_instance<T>(value: T) -> Personal<T> {
    Personal::new(Subject::Instance(INSTANCE), value)
}

pub(super) const fn erased<T>() -> Personal<T> {
    Personal::Erased { subject: Subject::Customer(CUSTOMER) }
}

pub(super) fn text(text: &str) -> Personal<Content> {
    of_customer(Content::Text { text: text.parse().unwrap() })
}

/// Gives events their positions and versions.
#[derive(Default)]
pub(super) struct Recorder {
    position: u64,
    versions: BTreeMap<StreamId, u64>,
}

impl Recorder {
    pub(super) fn record(&mut self, stream: StreamId, event: impl Into<Event>) -> RecordedEvent {
        self.position += 1;
        let version = self.versions.entry(stream).or_default();
        *version += 1;
        RecordedEvent {
            id: EventId::new(Uuid::from_u128(self.position.into())),
            position: self.position,
            stream,
            version: *version,
            recorded_at: recorded_at(self.position),
            event: event.into(),
            metadata: interflow_application::metadata::Metadata::default(),
        }
    }
}
