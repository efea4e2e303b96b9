use chrono::{DateTime, Utc};

use super::{Content, FailureReason, Participants};
use crate::{JobId, MessageId, PhoneNumber};

/// What may be asked of a message, by people and by the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageCommand {
    /// Accept it to be sent.
    QueueMessage {
        /// Its id.
        message_id: MessageId,
        /// Between whom.
        participants: Participants,
        /// The number it goes to.
        to: PhoneNumber,
        /// What it says.
        content: Content,
        /// The id it will have on WhatsApp.
        whatsapp_id: String,
        /// The message it answers.
        reply_to: Option<MessageId>,
        /// When the attempts end.
        deadline: DateTime<Utc>,
        /// The job it belongs to.
        job_id: Option<JobId>,
    },
    /// Record that WhatsApp's server has it.
    RecordSent {
        /// When.
        at: DateTime<Utc>,
    },
    /// Record a receipt. Receipts only move forward; a read message was delivered.
    RecordReceipt {
        /// How far it got.
        receipt: Receipt,
        /// When.
        at: DateTime<Utc>,
    },
    /// Give it up, if it is still queued.
    FailMessage {
        /// Why.
        reason: FailureReason,
    },
    /// Record what a customer wrote. Does nothing when it is recorded already.
    ReceiveMessage(Arrival),
    /// Record what the account's owner wrote elsewhere. Does nothing when it is recorded already.
    EchoMessage(Arrival),
}

/// A message that came from WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its id, derived from what WhatsApp calls it.
    pub message_id: MessageId,
    /// Between whom.
    pub participants: Participants,
    /// The customer's number, where WhatsApp told it.
    pub phone: Option<PhoneNumber>,
    /// What it says.
    pub content: Content,
    /// The id it has on WhatsApp.
    pub whatsapp_id: String,
    /// When WhatsApp's server took it.
    pub sent_at: DateTime<Utc>,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Receipt {
    /// At the phone.
    Delivered,
    /// Read.
    Read,
    /// Played.
    Played,
}
