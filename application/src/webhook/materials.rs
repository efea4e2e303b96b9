//! What was known when an event was recorded: all that a body is made of.

use interflow_domain::{ChatId, CheckpointId, CustomerId, InstanceId, WorkspaceId};

use super::Lane;
use super::portrait::{
    ChannelPortrait, ChatPortrait, CheckpointPortrait, CustomerPortrait, EndpointPortrait, MessagePortrait,
    Portrait,
};
use crate::log::{Event, EventLog, LogError, RecordedEvent, StreamId};

/// Where an event belongs. A function of the first event of its stream, so it can be had without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The stream of the event.
    pub stream: StreamId,
    /// The chat of a message.
    pub chat: Option<ChatId>,
    /// The instance of a message or chat, and an instance's own.
    pub instance: Option<InstanceId>,
    /// The customer of a message or chat, and a customer's own.
    pub customer: Option<CustomerId>,
}

impl Placement {
    /// Where the events of a stream with this first event belong.
    #[must_use]
    pub fn of(stream: StreamId, first: &Event) -> Self {
        use interflow_domain::chat::ChatEvent;
        use interflow_domain::message::MessageEvent;

        let mut placement = Self { stream, chat: None, instance: None, customer: None };
        match (stream, first) {
            (StreamId::Instance(id), _) => placement.instance = Some(id),
            (StreamId::Customer(id), _) => placement.customer = Some(id),
            (
                _,
                Event::Message(
                    MessageEvent::MessageQueued { participants, .. }
                    | MessageEvent::MessageReceived { participants, .. }
                    | MessageEvent::MessageEchoed { participants, .. },
                ),
            ) => {
                placement.chat = Some(participants.chat_id);
                placement.instance = Some(participants.instance_id);
                placement.customer = Some(participants.customer_id);
            }
            (_, Event::Chat(ChatEvent::ChatOpened { instance_id, customer_id, .. })) => {
                placement.instance = Some(*instance_id);
                placement.customer = Some(*customer_id);
            }
            _ => {}
        }
        placement
    }

    /// What the stream's events are told in order with: those of a chat with each other, and checkpoints, each of which is
    /// a stream of its own.
    #[must_use]
    pub fn lane(self) -> Lane {
        if let StreamId::Checkpoint(_) = self.stream {
            return Lane(StreamId::Checkpoint(CheckpointId::default()));
        }
        Lane(self.chat.map_or(self.stream, StreamId::Chat))
    }
}

/// What was known when an event was recorded. A function of the log up to the event, but for what was erased since.
#[derive(Debug, Clone, PartialEq)]
pub struct Materials {
    /// The event.
    pub recorded: RecordedEvent,
    /// What it happened to, as of the event.
    pub subject: Subject,
    /// The channel of a message or chat, as of the event's position.
    pub channel: Option<ChannelPortrait>,
    /// The customer of a message or chat, as of the event's position.
    pub customer: Option<CustomerPortrait>,
}

/// What an event happened to.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A message.
    Message(Box<MessagePortrait>),
    /// A chat.
    Chat(Box<ChatPortrait>),
    /// A customer.
    Customer(Box<CustomerPortrait>),
    /// A channel.
    Channel(Box<ChannelPortrait>),
    /// A webhook.
    Webhook(Box<EndpointPortrait>),
    /// A checkpoint.
    Checkpoint(Box<CheckpointPortrait>),
}

impl Materials {
    /// Reads what was known when an event was recorded: its own stream up to it, and the streams of its channel and
    /// customer up to its position. Nothing for an event that is told to nobody.
    pub async fn gather(
        log: &dyn EventLog,
        workspace: WorkspaceId,
        recorded: RecordedEvent,
    ) -> Result<Option<Self>, LogError> {
        let position = recorded.position;
        let own = log.history(workspace, recorded.stream, 0, position, u32::MAX).await?;
        let Some(first) = own.first() else { return Ok(None) };
        let placement = Placement::of(recorded.stream, &first.event);
        let mut others = [vec![], vec![]];
        let streams =
            [placement.instance.map(StreamId::Instance), placement.customer.map(StreamId::Customer)];
        for (events, stream) in others.iter_mut().zip(streams) {
            if let Some(stream) = stream.filter(|stream| *stream != recorded.stream) {
                *events = log.history(workspace, stream, 0, position, u32::MAX).await?;
            }
        }
        let [channel, customer] = others;
        let [own, channel, customer] = [own, channel, customer].map(|events| Subject::of(&events));
        Ok(Self::of(recorded, own, channel, customer))
    }

    /// The instance it happened on: that of a message or chat, or an instance's own.
    #[must_use]
    pub fn instance(&self) -> Option<InstanceId> {
        match &self.subject {
            Subject::Channel(own) => Some(own.id),
            _ => self.channel.as_ref().map(|channel| channel.id),
        }
    }

    /// The same from what was read already: what its own stream, its channel's and its customer's amounted to up to the
    /// event's position.
    #[must_use]
    pub fn of(
        recorded: RecordedEvent,
        own: Option<Subject>,
        channel: Option<Subject>,
        customer: Option<Subject>,
    ) -> Option<Self> {
        let channel = match channel {
            Some(Subject::Channel(channel)) => Some(*channel),
            _ => None,
        };
        let customer = match customer {
            Some(Subject::Customer(customer)) => Some(*customer),
            _ => None,
        };
        Some(Self { recorded, subject: own?, channel, customer })
    }
}

impl Portrait for Subject {
    fn fold(subject: &mut Option<Self>, recorded: &RecordedEvent) {
        macro_rules! step {
            ($kind:ident) => {{
                let mut portrait = match subject.take() {
                    Some(Self::$kind(portrait)) => Some(*portrait),
                    _ => None,
                };
                Portrait::fold(&mut portrait, recorded);
                *subject = portrait.map(|portrait| Self::$kind(Box::new(portrait)));
            }};
        }
        match recorded.stream {
            StreamId::Workspace(_) | StreamId::Job(_) => {}
            StreamId::Message(_) => step!(Message),
            StreamId::Chat(_) => step!(Chat),
            StreamId::Customer(_) => step!(Customer),
            StreamId::Instance(_) => step!(Channel),
            StreamId::Webhook(_) => step!(Webhook),
            StreamId::Checkpoint(_) => step!(Checkpoint),
        }
    }
}
