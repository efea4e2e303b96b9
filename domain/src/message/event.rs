use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Content, ContentType, FailureReason, Participants};
use crate::{JobId, MessageId, Personal, PhoneNumber};

/// What happened to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum MessageEvent {
    /// Accepted to be sent: nothing but its deadline ends the attempts.
    #[serde(rename = "message.queued")]
    MessageQueued {
        /// Its id.
        message_id: MessageId,
        /// Between whom.
        #[serde(flatten)]
        participants: Participants,
        /// The number it goes to.
        to: Personal<PhoneNumber>,
        /// What it says.
        content: Personal<Content>,
        /// The content's type, in clear: an erasure does not take it.
        content_type: ContentType,
        /// The id it has on WhatsApp, chosen before the first attempt.
        whatsapp_id: String,
        /// The message it answers.
        reply_to: Option<MessageId>,
        /// When the attempts end.
        deadline: DateTime<Utc>,
        /// The job it belongs to. Not written when there is none: events of before there were jobs stay as they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job_id: Option<JobId>,
    },
    /// WhatsApp's server has it.
    #[serde(rename = "message.sent")]
    MessageSent {
        /// When.
        at: DateTime<Utc>,
    },
    /// The recipient's phone has it.
    #[serde(rename = "message.delivered")]
    MessageDelivered {
        /// When.
        at: DateTime<Utc>,
    },
    /// The recipient has read it.
    #[serde(rename = "message.read")]
    MessageRead {
        /// When.
        at: DateTime<Utc>,
    },
    /// The recipient has played it.
    #[serde(rename = "message.played")]
    MessagePlayed {
        /// When.
        at: DateTime<Utc>,
    },
    /// It was given up.
    #[serde(rename = "message.failed")]
    MessageFailed {
        /// Why.
        reason: FailureReason,
    },
    /// A customer wrote.
    #[serde(rename = "message.received")]
    MessageReceived {
        /// Its id, derived from what WhatsApp calls it.
        message_id: MessageId,
        /// Between whom.
        #[serde(flatten)]
        participants: Participants,
        /// The number it came from, where WhatsApp told it.
        from: Option<Personal<PhoneNumber>>,
        /// What it says.
        content: Personal<Content>,
        /// The content's type, in clear: an erasure does not take it.
        content_type: ContentType,
        /// The id it has on WhatsApp.
        whatsapp_id: String,
        /// When WhatsApp's server took it.
        sent_at: DateTime<Utc>,
    },
    /// The account's owner wrote, on the phone or another linked device.
    #[serde(rename = "message.echoed")]
    MessageEchoed {
        /// Its id, derived from what WhatsApp calls it.
        message_id: MessageId,
        /// Between whom.
        #[serde(flatten)]
        participants: Participants,
        /// The number it went to, where WhatsApp told it.
        to: Option<Personal<PhoneNumber>>,
        /// What it says.
        content: Personal<Content>,
        /// The content's type, in clear: an erasure does not take it.
        content_type: ContentType,
        /// The id it has on WhatsApp.
        whatsapp_id: String,
        /// When WhatsApp's server took it.
        sent_at: DateTime<Utc>,
    },
}

impl DomainEvent for MessageEvent {
    fn event_type(&self) -> String {
        match self {
            Self::MessageQueued { .. } => "message.queued",
            Self::MessageSent { .. } => "message.sent",
            Self::MessageDelivered { .. } => "message.delivered",
            Self::MessageRead { .. } => "message.read",
            Self::MessagePlayed { .. } => "message.played",
            Self::MessageFailed { .. } => "message.failed",
            Self::MessageReceived { .. } => "message.received",
            Self::MessageEchoed { .. } => "message.echoed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
