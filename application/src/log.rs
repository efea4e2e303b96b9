//! The port to the event log: streams, the unit of an append, and what may go wrong.
//!
//! A workspace's log is one sequence of positions 1, 2, 3 … without a gap, in commit order. An [`Append`] is atomic:
//! its events, claims and riders are all there, or none is, and the read models show it as soon as it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, DomainEvent};
use interflow_domain::chat::{Chat, ChatEvent};
use interflow_domain::checkpoint::{Checkpoint, CheckpointEvent};
use interflow_domain::customer::{Customer, CustomerEvent};
use interflow_domain::instance::{Instance, InstanceEvent};
use interflow_domain::job::{Job, JobEvent};
use interflow_domain::message::{Message, MessageEvent};
use interflow_domain::webhook::{Webhook, WebhookEvent};
use interflow_domain::workspace::{Workspace, WorkspaceEvent};
use interflow_domain::{
    ChatId, CheckpointId, CustomerId, Decide, EventId, InstanceId, JobId, MessageId, WebhookId, WorkspaceId,
};
use serde::{Deserialize, Deserializer};

use crate::metadata::{Cause, CausedBy, Metadata, Origin};
use crate::{Claim, Command, Context, RecordedCommand, ResourceRef};

/// Names a stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// A workspace.
    Workspace(WorkspaceId),
    /// An instance.
    Instance(InstanceId),
    /// A customer.
    Customer(CustomerId),
    /// A chat.
    Chat(ChatId),
    /// A message.
    Message(MessageId),
    /// A job.
    Job(JobId),
    /// A webhook.
    Webhook(WebhookId),
    /// A checkpoint.
    Checkpoint(CheckpointId),
}

impl StreamId {
    /// The aggregate type in storage.
    #[must_use]
    pub const fn aggregate_type(self) -> &'static str {
        match self {
            Self::Workspace(_) => Workspace::TYPE,
            Self::Instance(_) => Instance::TYPE,
            Self::Customer(_) => Customer::TYPE,
            Self::Chat(_) => Chat::TYPE,
            Self::Message(_) => Message::TYPE,
            Self::Job(_) => Job::TYPE,
            Self::Webhook(_) => Webhook::TYPE,
            Self::Checkpoint(_) => Checkpoint::TYPE,
        }
    }

    /// The aggregate id in storage: the printed form of the id.
    #[must_use]
    pub fn aggregate_id(self) -> String {
        match self {
            Self::Workspace(id) => id.to_string(),
            Self::Instance(id) => id.to_string(),
            Self::Customer(id) => id.to_string(),
            Self::Chat(id) => id.to_string(),
            Self::Message(id) => id.to_string(),
            Self::Job(id) => id.to_string(),
            Self::Webhook(id) => id.to_string(),
            Self::Checkpoint(id) => id.to_string(),
        }
    }

    /// The stream of an aggregate type and id, as storage has them.
    #[must_use]
    pub fn parse(aggregate_type: &str, aggregate_id: &str) -> Option<Self> {
        match aggregate_type {
            Workspace::TYPE => aggregate_id.parse().ok().map(Self::Workspace),
            Instance::TYPE => aggregate_id.parse().ok().map(Self::Instance),
            Customer::TYPE => aggregate_id.parse().ok().map(Self::Customer),
            Chat::TYPE => aggregate_id.parse().ok().map(Self::Chat),
            Message::TYPE => aggregate_id.parse().ok().map(Self::Message),
            Job::TYPE => aggregate_id.parse().ok().map(Self::Job),
            Webhook::TYPE => aggregate_id.parse().ok().map(Self::Webhook),
            Checkpoint::TYPE => aggregate_id.parse().ok().map(Self::Checkpoint),
            _ => None,
        }
    }
}

/// An event of any aggregate.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Of a workspace.
    Workspace(WorkspaceEvent),
    /// Of an instance.
    Instance(InstanceEvent),
    /// Of a customer.
    Customer(CustomerEvent),
    /// Of a chat.
    Chat(ChatEvent),
    /// Of a message.
    Message(MessageEvent),
    /// Of a job.
    Job(JobEvent),
    /// Of a webhook.
    Webhook(WebhookEvent),
    /// Of a checkpoint.
    Checkpoint(CheckpointEvent),
}

impl Event {
    /// The event's wire name.
    #[must_use]
    pub fn event_type(&self) -> String {
        match self {
            Self::Workspace(event) => event.event_type(),
            Self::Instance(event) => event.event_type(),
            Self::Customer(event) => event.event_type(),
            Self::Chat(event) => event.event_type(),
            Self::Message(event) => event.event_type(),
            Self::Job(event) => event.event_type(),
            Self::Webhook(event) => event.event_type(),
            Self::Checkpoint(event) => event.event_type(),
        }
    }

    /// The version of the event's shape.
    #[must_use]
    pub fn event_version(&self) -> String {
        match self {
            Self::Workspace(event) => event.event_version(),
            Self::Instance(event) => event.event_version(),
            Self::Customer(event) => event.event_version(),
            Self::Chat(event) => event.event_version(),
            Self::Message(event) => event.event_version(),
            Self::Job(event) => event.event_version(),
            Self::Webhook(event) => event.event_version(),
            Self::Checkpoint(event) => event.event_version(),
        }
    }

    /// The event in the form in which the store seals personal values ([`interflow_domain::PersonalForm`]).
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Self::Workspace(event) => serde_json::to_value(event),
            Self::Instance(event) => serde_json::to_value(event),
            Self::Customer(event) => serde_json::to_value(event),
            Self::Chat(event) => serde_json::to_value(event),
            Self::Message(event) => serde_json::to_value(event),
            Self::Job(event) => serde_json::to_value(event),
            Self::Webhook(event) => serde_json::to_value(event),
            Self::Checkpoint(event) => serde_json::to_value(event),
        }
    }

    /// The event of a stream from its opened form: a [`serde_json::Value`], or a deserialiser of its text.
    pub fn from_json<'de, D: Deserializer<'de>>(stream: StreamId, payload: D) -> Result<Self, D::Error> {
        Ok(match stream {
            StreamId::Workspace(_) => Self::Workspace(Deserialize::deserialize(payload)?),
            StreamId::Instance(_) => Self::Instance(Deserialize::deserialize(payload)?),
            StreamId::Customer(_) => Self::Customer(Deserialize::deserialize(payload)?),
            StreamId::Chat(_) => Self::Chat(Deserialize::deserialize(payload)?),
            StreamId::Message(_) => Self::Message(Deserialize::deserialize(payload)?),
            StreamId::Job(_) => Self::Job(Deserialize::deserialize(payload)?),
            StreamId::Webhook(_) => Self::Webhook(Deserialize::deserialize(payload)?),
            StreamId::Checkpoint(_) => Self::Checkpoint(Deserialize::deserialize(payload)?),
        })
    }
}

/// The state of any aggregate, shared with the cache it came from.
#[derive(Debug, Clone)]
pub enum State {
    /// Of a workspace.
    Workspace(Arc<Workspace>),
    /// Of an instance.
    Instance(Arc<Instance>),
    /// Of a customer.
    Customer(Arc<Customer>),
    /// Of a chat.
    Chat(Arc<Chat>),
    /// Of a message.
    Message(Arc<Message>),
    /// Of a job.
    Job(Arc<Job>),
    /// Of a webhook.
    Webhook(Arc<Webhook>),
    /// Of a checkpoint.
    Checkpoint(Arc<Checkpoint>),
}

impl State {
    /// The state of a stream before its first event.
    #[must_use]
    pub fn initial(stream: StreamId) -> Self {
        match stream {
            StreamId::Workspace(_) => Self::Workspace(Arc::default()),
            StreamId::Instance(_) => Self::Instance(Arc::default()),
            StreamId::Customer(_) => Self::Customer(Arc::default()),
            StreamId::Chat(_) => Self::Chat(Arc::default()),
            StreamId::Message(_) => Self::Message(Arc::default()),
            StreamId::Job(_) => Self::Job(Arc::default()),
            StreamId::Webhook(_) => Self::Webhook(Arc::default()),
            StreamId::Checkpoint(_) => Self::Checkpoint(Arc::default()),
        }
    }

    /// Folds an event in. An event of another aggregate changes nothing.
    pub fn apply(&mut self, event: Event) {
        match (self, event) {
            (Self::Workspace(state), Event::Workspace(event)) => Arc::make_mut(state).apply(event),
            (Self::Instance(state), Event::Instance(event)) => Arc::make_mut(state).apply(event),
            (Self::Customer(state), Event::Customer(event)) => Arc::make_mut(state).apply(event),
            (Self::Chat(state), Event::Chat(event)) => Arc::make_mut(state).apply(event),
            (Self::Message(state), Event::Message(event)) => Arc::make_mut(state).apply(event),
            (Self::Job(state), Event::Job(event)) => Arc::make_mut(state).apply(event),
            (Self::Webhook(state), Event::Webhook(event)) => Arc::make_mut(state).apply(event),
            (Self::Checkpoint(state), Event::Checkpoint(event)) => Arc::make_mut(state).apply(event),
            _ => {}
        }
    }
}

/// An aggregate that lives in the log.
pub trait Streamed:
    Decide<Event: Send + Into<Event>, Command: Send, Error: Into<crate::Error> + Send>
{
    /// The state, if it is of this aggregate.
    fn of(state: &State) -> Option<&Arc<Self>>;
}

macro_rules! streamed {
    ($($aggregate:ident, $event:ident);+) => {$(
        impl Streamed for $aggregate {
            fn of(state: &State) -> Option<&Arc<Self>> {
                if let State::$aggregate(state) = state { Some(state) } else { None }
            }
        }

        impl From<$event> for Event {
            fn from(event: $event) -> Self {
                Self::$aggregate(event)
            }
        }
    )+};
}

streamed!(
    Workspace, WorkspaceEvent;
    Instance, InstanceEvent;
    Customer, CustomerEvent;
    Chat, ChatEvent;
    Message, MessageEvent;
    Job, JobEvent;
    Webhook, WebhookEvent;
    Checkpoint, CheckpointEvent
);

/// A state and the number of events it was folded from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The state.
    pub state: State,
    /// How many events it was folded from.
    pub version: u64,
    /// Whether it may be older than the log: another process may have appended since it was read.
    pub cached: bool,
}

/// The events of one stream in an append.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamAppend {
    /// Which stream.
    pub stream: StreamId,
    /// How many events it must have.
    pub expected: u64,
    /// What to add.
    pub events: Vec<Event>,
    /// What they follow from, where that is not the command itself.
    pub cause: Option<CausedBy>,
}

/// What an append does to claims, and what it rests on. What must be held is looked at first; releases are carried
/// out before takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimChange {
    /// Nobody may hold it yet.
    Take {
        /// What.
        claim: Claim,
        /// For which stream.
        owner: StreamId,
    },
    /// Free it, if this stream holds it.
    Release {
        /// What.
        claim: Claim,
        /// Which stream holds it.
        owner: StreamId,
    },
    /// This stream must hold it: the append was decided on that.
    Held {
        /// What.
        claim: Claim,
        /// Which stream holds it.
        owner: StreamId,
    },
}

/// What else is durable with the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rider {
    /// A send to be carried out by the gateway.
    Send {
        /// The message.
        message: MessageId,
        /// Its instance.
        instance: InstanceId,
        /// Its chat: sends of one chat go out in order.
        chat: ChatId,
        /// When the attempts end.
        deadline: DateTime<Utc>,
        /// Whether it waits for its turn among the instance's bulk messages, and how long the attempts may go on from
        /// then. Whole milliseconds count.
        paced: Option<Duration>,
    },
    /// The send needs no more attempts.
    SendDone {
        /// The message.
        message: MessageId,
    },
    /// Only while this node holds the lease of the instance.
    Fence {
        /// The instance.
        instance: InstanceId,
        /// The epoch of the lease.
        epoch: i64,
    },
    /// The caller's idempotency key, and what the command made or changed.
    Command {
        /// The key.
        command: Command,
        /// What it made or changed.
        resource: ResourceRef,
    },
}

/// The unit of an append: atomic.
#[derive(Debug, Clone)]
pub struct Append {
    /// Who, for whom, because of what.
    pub context: Context,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// The streams, each at most once.
    pub streams: Vec<StreamAppend>,
    /// What is taken and released.
    pub claims: Vec<ClaimChange>,
    /// What else is durable with it.
    pub riders: Vec<Rider>,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Its id.
    pub id: EventId,
    /// Its place in the workspace's log, from 1.
    pub position: u64,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
    /// Under which circumstances.
    pub metadata: Metadata,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream has moved on, or a claim is held: load and decide again.
    #[error("another command was there first")]
    Conflict,
    /// The command was carried out before.
    #[error("the command was carried out before")]
    Repeated(Box<RecordedCommand>),
    /// The lease on the instance is another node's.
    #[error("the lease on the instance was lost to another node")]
    Fenced,
    /// The workspace's queue is full.
    #[error("too many commands of this workspace are waiting")]
    Overloaded,
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database cannot be reached, or gave up: try again.
    #[error("the event log is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not what this build can read or write.
    #[error("the event log holds something this build cannot handle: {0}")]
    Corrupt(String),
}

/// The event log.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// The state of a stream, from a cache or the log. A stream without events is at version 0.
    async fn load(&self, workspace: WorkspaceId, stream: StreamId) -> Result<Loaded, LogError>;

    /// Appends, and returns once it is durable and the read models show it. The events come back in order.
    async fn append(&self, append: Append) -> Result<Vec<RecordedEvent>, AppendError>;

    /// Whether the streams still have these versions. Those that do not leave the cache.
    async fn are_current(
        &self,
        workspace: WorkspaceId,
        versions: &[(StreamId, u64)],
    ) -> Result<bool, LogError>;

    /// The stream that holds a claim.
    async fn holder(&self, workspace: WorkspaceId, claim: &Claim) -> Result<Option<StreamId>, LogError>;

    /// The stream that is remembered to hold a claim. It may be so no more: what is decided on it is to be appended
    /// with [`ClaimChange::Held`], or confirmed by asking for the [holder](Self::holder).
    fn remembered_holder(&self, workspace: WorkspaceId, claim: &Claim) -> Option<StreamId>;

    /// Up to `limit` events of a stream whose versions are below `before` (of all, when it is absent), the latest
    /// first: what a person pages through.
    async fn latest(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LogError>;

    /// The events of a stream after a version and up to a position, both of them 0 and more, in order: what was known
    /// of it when the event at that position was recorded. At most `limit` of them, the first.
    async fn history(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LogError>;

    /// The position of a workspace's last event; 0 while there is none.
    async fn head(&self, workspace: WorkspaceId) -> Result<u64, LogError>;

    /// How often something in a workspace's log was erased: what was read before another count may hold it. What this
    /// log remembers from before is forgotten when this returns.
    async fn erasures(&self, workspace: WorkspaceId) -> Result<u64, LogError>;

    /// The same for whoever has learned the count elsewhere.
    fn note_erasures(&self, workspace: WorkspaceId, erasures: u64);

    /// The first event of each of these streams that has one, in no order.
    async fn beginnings(
        &self,
        workspace: WorkspaceId,
        streams: &[StreamId],
    ) -> Result<Vec<RecordedEvent>, LogError>;

    /// Which event of each of these streams others follow from, where there is one.
    async fn causes(
        &self,
        workspace: WorkspaceId,
        streams: &[StreamId],
        origin: Origin,
    ) -> Result<HashMap<StreamId, Cause>, LogError>;

    /// Up to `limit` events after a position, in order: what a replay or a reader reads.
    async fn read(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LogError>;
}
