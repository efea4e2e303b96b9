use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{ChatCommand, ChatError, ChatEvent, ChatStatus};
use crate::{ChatId, CustomerId, Decide, DisplayName, InstanceId, MessageId};

/// What the events of a chat amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Chat {
    opened: Option<Opened>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Opened {
    chat_id: ChatId,
    instance_id: InstanceId,
    customer_id: CustomerId,
    assignee: Option<DisplayName>,
    attention: Attention,
    read_up_to: Option<MessageId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Attention {
    Open,
    Snoozed { until: Option<DateTime<Utc>> },
    Closed,
}

impl Chat {
    /// Whether it was ever opened; a closed chat exists.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.opened.is_some()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<ChatId> {
        self.opened.as_ref().map(|chat| chat.chat_id)
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Option<ChatStatus> {
        self.opened.as_ref().map(|chat| match chat.attention {
            Attention::Open => ChatStatus::Open,
            Attention::Snoozed { .. } => ChatStatus::Snoozed,
            Attention::Closed => ChatStatus::Closed,
        })
    }

    /// Until when it is put aside, where a time was given.
    #[must_use]
    pub fn snoozed_until(&self) -> Option<DateTime<Utc>> {
        match self.opened.as_ref()?.attention {
            Attention::Snoozed { until } => until,
            Attention::Open | Attention::Closed => None,
        }
    }

    /// The instance it goes through.
    #[must_use]
    pub fn instance_id(&self) -> Option<InstanceId> {
        self.opened.as_ref().map(|chat| chat.instance_id)
    }

    /// The other side.
    #[must_use]
    pub fn customer_id(&self) -> Option<CustomerId> {
        self.opened.as_ref().map(|chat| chat.customer_id)
    }

    /// Who is in charge.
    #[must_use]
    pub fn assignee(&self) -> Option<&DisplayName> {
        self.opened.as_ref().and_then(|chat| chat.assignee.as_ref())
    }
}

impl Opened {
    const fn refuse_closed(&self) -> Result<(), ChatError> {
        match self.attention {
            Attention::Closed => Err(ChatError::Closed),
            Attention::Open | Attention::Snoozed { .. } => Ok(()),
        }
    }
}

impl Decide for Chat {
    fn decide(&self, command: ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
        use ChatCommand as C;
        use ChatEvent as E;

        let Some(chat) = &self.opened else {
            return match command {
                C::OpenChat { chat_id, instance_id, customer_id } => {
                    Ok(vec![E::ChatOpened { chat_id, instance_id, customer_id }])
                }
                _ => Err(ChatError::NotOpened),
            };
        };
        let (changes, event) = match command {
            C::OpenChat { .. } => return Err(ChatError::AlreadyOpened),
            C::AssignChat { assignee } => {
                chat.refuse_closed()?;
                (assignee != chat.assignee, E::ChatAssigned { assignee })
            }
            C::SnoozeChat { until } => {
                chat.refuse_closed()?;
                (chat.attention != Attention::Snoozed { until }, E::ChatSnoozed { until })
            }
            C::CloseChat => (chat.attention != Attention::Closed, E::ChatClosed {}),
            C::ReopenChat => (chat.attention != Attention::Open, E::ChatReopened {}),
            C::ReadChat { up_to } => (chat.read_up_to != Some(up_to), E::ChatRead { up_to }),
        };
        Ok(if changes { vec![event] } else { vec![] })
    }
}

impl Aggregate for Chat {
    const TYPE: &'static str = "chat";
    type Command = ChatCommand;
    type Event = ChatEvent;
    type Error = ChatError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ChatCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ChatError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: ChatEvent) {
        use ChatEvent as E;

        if let E::ChatOpened { chat_id, instance_id, customer_id } = event {
            self.opened = Some(Opened {
                chat_id,
                instance_id,
                customer_id,
                assignee: None,
                attention: Attention::Open,
                read_up_to: None,
            });
            return;
        }
        let Some(chat) = &mut self.opened else { return };
        match event {
            E::ChatOpened { .. } => {}
            E::ChatAssigned { assignee } => chat.assignee = assignee,
            E::ChatSnoozed { until } => chat.attention = Attention::Snoozed { until },
            E::ChatClosed {} => chat.attention = Attention::Closed,
            E::ChatReopened {} => chat.attention = Attention::Open,
            E::ChatRead { up_to } => chat.read_up_to = Some(up_to),
        }
    }
}
