use chrono::{DateTime, Utc};
use interflow_domain::chat::{ChatEvent, ChatStatus};
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};

use super::Portrait;
use crate::log::{Event, RecordedEvent};

/// A chat at a moment, without what its messages make of it: they are streams of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPortrait {
    /// Its id.
    pub id: ChatId,
    /// The instance it goes through.
    pub instance: InstanceId,
    /// The other side.
    pub customer: CustomerId,
    /// Where it stood.
    pub status: ChatStatus,
    /// Who was in charge.
    pub assignee: Option<String>,
    /// Until when it was put aside.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// The last message an agent had read.
    pub read_up_to: Option<MessageId>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When its latest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// How many events it had.
    pub version: u64,
}

impl Portrait for ChatPortrait {
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent) {
        use ChatEvent as E;

        let Event::Chat(event) = &recorded.event else { return };
        if let E::ChatOpened { chat_id, instance_id, customer_id } = event {
            *portrait = Some(Self {
                id: *chat_id,
                instance: *instance_id,
                customer: *customer_id,
                status: ChatStatus::Open,
                assignee: None,
                snoozed_until: None,
                read_up_to: None,
                created_at: recorded.recorded_at,
                updated_at: recorded.recorded_at,
                version: recorded.version,
            });
        }
        let Some(chat) = portrait else { return };
        match event {
            E::ChatOpened { .. } => {}
            E::ChatAssigned { assignee } => chat.assignee = assignee.as_ref().map(ToString::to_string),
            E::ChatSnoozed { until } => (chat.status, chat.snoozed_until) = (ChatStatus::Snoozed, *until),
            E::ChatClosed {} => (chat.status, chat.snoozed_until) = (ChatStatus::Closed, None),
            E::ChatReopened {} => (chat.status, chat.snoozed_until) = (ChatStatus::Open, None),
            E::ChatRead { up_to } => chat.read_up_to = Some(*up_to),
        }
        chat.updated_at = recorded.recorded_at;
        chat.version = recorded.version;
    }
}
