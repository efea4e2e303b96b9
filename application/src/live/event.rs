use std::sync::OnceLock;

use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};

use crate::webhook::catalogue::PublicType;
use crate::webhook::portrait::MessagePortrait;
use crate::webhook::{FeedEvent, Materials, Subject};

/// An event as the outside is told of it, shared by everybody who is.
#[derive(Debug)]
pub struct LiveEvent {
    /// What it is told as.
    pub public: PublicType,
    /// What was known when it was recorded.
    pub materials: Materials,
    rendered: OnceLock<String>,
}

impl From<FeedEvent> for LiveEvent {
    fn from(event: FeedEvent) -> Self {
        Self::new(event.public, event.materials)
    }
}

impl LiveEvent {
    pub(super) const fn new(public: PublicType, materials: Materials) -> Self {
        Self { public, materials, rendered: OnceLock::new() }
    }

    /// Its place in the workspace's log.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.materials.recorded.position
    }

    /// The text a face makes of it, made once. One face alone may use it.
    pub fn rendered(&self, render: impl FnOnce(&Self) -> String) -> &str {
        self.rendered.get_or_init(|| render(self))
    }

    /// The channel it happened on.
    #[must_use]
    pub fn channel(&self) -> Option<InstanceId> {
        self.materials.instance()
    }

    /// The chat it happened in, or to.
    #[must_use]
    pub fn chat(&self) -> Option<ChatId> {
        match &self.materials.subject {
            Subject::Chat(chat) => Some(chat.id),
            _ => self.portrait_of_message().map(|message| message.participants.chat_id),
        }
    }

    /// The customer it is about.
    #[must_use]
    pub fn customer(&self) -> Option<CustomerId> {
        match &self.materials.subject {
            Subject::Customer(customer) => Some(customer.id),
            _ => self.materials.customer.as_ref().map(|customer| customer.id),
        }
    }

    /// The message it happened to.
    #[must_use]
    pub fn message(&self) -> Option<MessageId> {
        self.portrait_of_message().map(|message| message.id)
    }

    fn portrait_of_message(&self) -> Option<&MessagePortrait> {
        if let Subject::Message(message) = &self.materials.subject { Some(message) } else { None }
    }
}
