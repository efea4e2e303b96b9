use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{ChatId, CustomerId, DisplayName, InstanceId, MessageId};

/// What happened to a chat. Its messages are streams of their own and carry the chat's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ChatEvent {
    /// The conversation began.
    #[serde(rename = "chat.opened")]
    ChatOpened {
        /// Its id.
        chat_id: ChatId,
        /// The instance it goes through.
        instance_id: InstanceId,
        /// The other side.
        customer_id: CustomerId,
    },
    /// Somebody, or nobody, is in charge.
    #[serde(rename = "chat.assigned")]
    ChatAssigned {
        /// Who.
        assignee: Option<DisplayName>,
    },
    /// Put aside.
    #[serde(rename = "chat.snoozed")]
    ChatSnoozed {
        /// Until when; absent means until somebody writes.
        until: Option<DateTime<Utc>>,
    },
    /// Done.
    #[serde(rename = "chat.closed")]
    ChatClosed {},
    /// Taken up again, from snoozed or closed.
    #[serde(rename = "chat.reopened")]
    ChatReopened {},
    /// Read by an agent, up to and including this message.
    #[serde(rename = "chat.read")]
    ChatRead {
        /// The last message that was read.
        up_to: MessageId,
    },
}

impl DomainEvent for ChatEvent {
    fn event_type(&self) -> String {
        match self {
            Self::ChatOpened { .. } => "chat.opened",
            Self::ChatAssigned { .. } => "chat.assigned",
            Self::ChatSnoozed { .. } => "chat.snoozed",
            Self::ChatClosed {} => "chat.closed",
            Self::ChatReopened {} => "chat.reopened",
            Self::ChatRead { .. } => "chat.read",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
