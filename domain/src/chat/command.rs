use chrono::{DateTime, Utc};

use crate::{ChatId, CustomerId, DisplayName, InstanceId, MessageId};

/// What may be asked of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// Begin it.
    OpenChat {
        /// Its id.
        chat_id: ChatId,
        /// The instance it goes through.
        instance_id: InstanceId,
        /// The other side.
        customer_id: CustomerId,
    },
    /// Put somebody, or nobody, in charge. Not of a closed chat.
    AssignChat {
        /// Who.
        assignee: Option<DisplayName>,
    },
    /// Put it aside. Not a closed one.
    SnoozeChat {
        /// Until when; absent means until somebody writes.
        until: Option<DateTime<Utc>>,
    },
    /// Be done with it.
    CloseChat,
    /// Take it up again.
    ReopenChat,
    /// Read it up to and including this message.
    ReadChat {
        /// The last message that was read.
        up_to: MessageId,
    },
}
