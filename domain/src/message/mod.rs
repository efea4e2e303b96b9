//! A message is a short stream of its own that carries its chat's id.
//!
//! Outbound: queued, then sent (WhatsApp's server has it), delivered, read, played; or failed when its deadline passed
//! or WhatsApp refused it. Its status only moves forward, and a receipt proves all that comes before it: a read
//! message was delivered and sent. A receipt that arrives after a failure proves that the message got through after
//! all, and counts. Inbound: received, once, whatever WhatsApp delivers twice. Echoed: written by the account's owner
//! on the phone, recorded so that the conversation is whole.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{ChatId, CustomerId, InstanceId, MessageText};

pub use aggregate::Message;
pub use command::{Arrival, MessageCommand, Receipt};
pub use error::MessageError;
pub use event::MessageEvent;

/// Between whom a message passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Participants {
    /// The conversation.
    pub chat_id: ChatId,
    /// The instance it goes through.
    pub instance_id: InstanceId,
    /// The other side.
    pub customer_id: CustomerId,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// A text.
    Text {
        /// The text.
        text: MessageText,
    },
    /// Something this version cannot carry; that it came is recorded all the same.
    Unsupported {
        /// What WhatsApp's protocol calls it.
        kind: String,
    },
}

impl Content {
    /// Its type.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        match self {
            Self::Text { .. } => ContentType::Text,
            Self::Unsupported { .. } => ContentType::Unsupported,
        }
    }
}

/// What kind of thing a message says. It is nobody's personal data: it stays when the content is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// A text.
    Text,
    /// Something this version cannot carry.
    Unsupported,
}

impl ContentType {
    /// The type's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the customer.
    Outbound,
    /// From the customer.
    Inbound,
}

/// How far a message got. The order is that of progress; a receipt after a failure moves it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Accepted by us.
    Queued,
    /// Given up.
    Failed,
    /// At WhatsApp's server.
    Sent,
    /// At the recipient's phone. What comes in begins here.
    Delivered,
    /// Read by the recipient.
    Read,
    /// Played by the recipient.
    Played,
}

impl MessageStatus {
    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Failed => "failed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
        }
    }
}

/// Why a message was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureReason {
    /// No acknowledgement came before the deadline.
    DeadlineExceeded,
    /// The number has no WhatsApp account.
    NotOnWhatsapp,
    /// WhatsApp refused it.
    Refused {
        /// WhatsApp's code or text.
        code: String,
    },
    /// The device was unlinked before the message could be sent.
    LoggedOut,
    /// The instance was deleted before the message could be sent.
    InstanceDeleted,
    /// The job it belongs to was cancelled before the message could be sent.
    Cancelled,
    /// The customer was erased before the message could be sent.
    CustomerErased,
    /// What it says was forgotten, by the workspace's retention, before the message could be sent.
    Expired,
}

impl FailureReason {
    /// The reason's name in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotOnWhatsapp => "not_on_whatsapp",
            Self::Refused { .. } => "refused",
            Self::LoggedOut => "logged_out",
            Self::InstanceDeleted => "instance_deleted",
            Self::Cancelled => "cancelled",
            Self::CustomerErased => "customer_erased",
            Self::Expired => "expired",
        }
    }
}
