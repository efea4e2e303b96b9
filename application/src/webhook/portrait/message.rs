use chrono::{DateTime, Utc};
use interflow_domain::message::{Content, ContentType, Direction, MessageEvent, MessageStatus, Participants};
use interflow_domain::{MessageId, Personal, PhoneNumber};

use super::{Known, Portrait};
use crate::log::{Event, RecordedEvent};

/// A message at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct MessagePortrait {
    /// Its id.
    pub id: MessageId,
    /// Between whom it passes.
    pub participants: Participants,
    /// Which way it goes.
    pub direction: Direction,
    /// Whether the account's owner wrote it on another device.
    pub echoed: bool,
    /// The customer's number, where WhatsApp told it.
    pub phone: Known<String>,
    /// What it says.
    pub content: Known<Content>,
    /// What kind of thing it says.
    pub content_type: ContentType,
    /// How far it got.
    pub status: MessageStatus,
    /// Why it failed.
    pub status_reason: Option<&'static str>,
    /// The id it has on WhatsApp.
    pub whatsapp_id: String,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When WhatsApp's server took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the phone had it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was given up.
    pub failed_at: Option<DateTime<Utc>>,
    /// How many events it had.
    pub version: u64,
}

/// What every first event of a message tells.
struct First<'e> {
    id: MessageId,
    participants: &'e Participants,
    phone: Option<&'e Personal<PhoneNumber>>,
    content: &'e Personal<Content>,
    content_type: ContentType,
    whatsapp_id: &'e str,
}

impl First<'_> {
    fn portrait(self, direction: Direction, recorded: &RecordedEvent) -> MessagePortrait {
        MessagePortrait {
            id: self.id,
            participants: *self.participants,
            direction,
            echoed: false,
            phone: Known::text(self.phone),
            content: Known::from(Some(self.content), Clone::clone),
            content_type: self.content_type,
            status: MessageStatus::Queued,
            status_reason: None,
            whatsapp_id: self.whatsapp_id.to_owned(),
            reply_to: None,
            created_at: recorded.recorded_at,
            sent_at: None,
            delivered_at: None,
            read_at: None,
            failed_at: None,
            version: recorded.version,
        }
    }
}

impl MessagePortrait {
    fn begun(event: &MessageEvent, recorded: &RecordedEvent) -> Option<Self> {
        use MessageEvent as E;

        let (first, direction) = match event {
            E::MessageQueued { message_id, participants, to, content, content_type, whatsapp_id, .. } => {
                let (id, phone, content_type) = (*message_id, Some(to), *content_type);
                let first = First { id, participants, phone, content, content_type, whatsapp_id };
                (first, Direction::Outbound)
            }
            E::MessageReceived {
                message_id, participants, from, content, content_type, whatsapp_id, ..
            } => {
                let (id, phone, content_type) = (*message_id, from.as_ref(), *content_type);
                let first = First { id, participants, phone, content, content_type, whatsapp_id };
                (first, Direction::Inbound)
            }
            E::MessageEchoed { message_id, participants, to, content, content_type, whatsapp_id, .. } => {
                let (id, phone, content_type) = (*message_id, to.as_ref(), *content_type);
                let first = First { id, participants, phone, content, content_type, whatsapp_id };
                (first, Direction::Outbound)
            }
            E::MessageSent { .. }
            | E::MessageDelivered { .. }
            | E::MessageRead { .. }
            | E::MessagePlayed { .. }
            | E::MessageFailed { .. } => return None,
        };
        let begun = first.portrait(direction, recorded);
        Some(match event {
            E::MessageQueued { reply_to, .. } => Self { reply_to: *reply_to, ..begun },
            E::MessageReceived { sent_at, .. } => Self {
                status: MessageStatus::Delivered,
                sent_at: Some(*sent_at),
                delivered_at: Some(recorded.recorded_at),
                ..begun
            },
            E::MessageEchoed { sent_at, .. } => {
                Self { status: MessageStatus::Sent, sent_at: Some(*sent_at), echoed: true, ..begun }
            }
            _ => begun,
        })
    }

    fn progress(&mut self, event: &MessageEvent, recorded: &RecordedEvent) {
        use MessageEvent as E;

        self.version = recorded.version;
        // Only what goes out gets anywhere.
        if self.direction == Direction::Inbound {
            return;
        }
        match event {
            E::MessageSent { at } => {
                (self.status, self.sent_at) = (MessageStatus::Sent, Some(*at));
            }
            E::MessageDelivered { at } => {
                (self.status, self.delivered_at) = (MessageStatus::Delivered, Some(*at));
            }
            E::MessageRead { at } => {
                (self.status, self.read_at) = (MessageStatus::Read, Some(*at));
            }
            E::MessagePlayed { .. } => self.status = MessageStatus::Played,
            E::MessageFailed { reason } => {
                (self.status, self.failed_at) = (MessageStatus::Failed, Some(recorded.recorded_at));
                self.status_reason = Some(reason.name());
                return;
            }
            E::MessageQueued { .. } | E::MessageReceived { .. } | E::MessageEchoed { .. } => return,
        }
        // A receipt after a failure proves that the message got through after all.
        (self.failed_at, self.status_reason) = (None, None);
    }
}

impl Portrait for MessagePortrait {
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent) {
        let Event::Message(event) = &recorded.event else { return };
        match (portrait.as_mut(), Self::begun(event, recorded)) {
            (_, Some(begun)) => *portrait = Some(begun),
            (Some(message), None) => message.progress(event, recorded),
            (None, None) => {}
        }
    }
}
