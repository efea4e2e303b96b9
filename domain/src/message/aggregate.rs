use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{
    Arrival, Content, ContentType, Direction, MessageCommand, MessageError, MessageEvent, MessageStatus,
    Participants, Receipt,
};
use crate::{Decide, MessageId, Personal, PhoneNumber, Subject};

/// What the events of a message amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Message {
    recorded: Option<Recorded>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recorded {
    message_id: MessageId,
    participants: Participants,
    phone: Option<Personal<PhoneNumber>>,
    content: Personal<Content>,
    content_type: ContentType,
    whatsapp_id: String,
    course: Course,
    /// When it got as far as it got, by WhatsApp's clock. Unknown while it is queued.
    reached_at: Option<DateTime<Utc>>,
}

/// What can become of a message: only one that goes out makes progress, only one that we send has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Course {
    Received,
    Queued { deadline: DateTime<Utc>, status: MessageStatus },
    Echoed { status: MessageStatus },
}

impl Course {
    /// How far it got, if it goes out.
    const fn progress(self) -> Option<MessageStatus> {
        match self {
            Self::Received => None,
            Self::Queued { status, .. } | Self::Echoed { status } => Some(status),
        }
    }
}

impl Recorded {
    /// The message that an event begins, if it begins one.
    fn begun(event: MessageEvent) -> Option<Self> {
        use MessageEvent as E;

        let (phone, course, reached_at) = match &event {
            E::MessageQueued { to, deadline, .. } => {
                let course = Course::Queued { deadline: *deadline, status: MessageStatus::Queued };
                (Some(to.clone()), course, None)
            }
            E::MessageReceived { from, .. } => (from.clone(), Course::Received, None),
            E::MessageEchoed { to, sent_at, .. } => {
                (to.clone(), Course::Echoed { status: MessageStatus::Sent }, Some(*sent_at))
            }
            _ => return None,
        };
        match event {
            E::MessageQueued { message_id, participants, content, content_type, whatsapp_id, .. }
            | E::MessageReceived { message_id, participants, content, content_type, whatsapp_id, .. }
            | E::MessageEchoed { message_id, participants, content, content_type, whatsapp_id, .. } => {
                Some(Self {
                    message_id,
                    participants,
                    phone,
                    content,
                    content_type,
                    whatsapp_id,
                    course,
                    reached_at,
                })
            }
            _ => None,
        }
    }
}

impl Message {
    /// Whether there is one.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.recorded.is_some()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<MessageId> {
        self.recorded.as_ref().map(|message| message.message_id)
    }

    /// How far it got. What comes in was delivered.
    #[must_use]
    pub fn status(&self) -> Option<MessageStatus> {
        self.recorded.as_ref().map(|message| message.course.progress().unwrap_or(MessageStatus::Delivered))
    }

    /// Which way it goes. An echo goes out.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.recorded.as_ref().map(|message| match message.course {
            Course::Received => Direction::Inbound,
            Course::Queued { .. } | Course::Echoed { .. } => Direction::Outbound,
        })
    }

    /// Between whom it passes.
    #[must_use]
    pub fn participants(&self) -> Option<&Participants> {
        self.recorded.as_ref().map(|message| &message.participants)
    }

    /// The customer's number, where it is known and was not erased.
    #[must_use]
    pub fn phone(&self) -> Option<&PhoneNumber> {
        self.recorded.as_ref()?.phone.as_ref()?.get()
    }

    /// What it says, unless that was erased.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        self.recorded.as_ref()?.content.get()
    }

    /// What kind of thing it says, also after an erasure.
    #[must_use]
    pub fn content_type(&self) -> Option<ContentType> {
        self.recorded.as_ref().map(|message| message.content_type)
    }

    /// The id it has on WhatsApp.
    #[must_use]
    pub fn whatsapp_id(&self) -> Option<&str> {
        self.recorded.as_ref().map(|message| message.whatsapp_id.as_str())
    }

    /// When the attempts to send it end (or ended), if it was ours to send.
    #[must_use]
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        match self.recorded.as_ref()?.course {
            Course::Queued { deadline, .. } => Some(deadline),
            Course::Received | Course::Echoed { .. } => None,
        }
    }

    /// The steps up to this one that are still missing. WhatsApp tells times in whole seconds, and receipts may overtake
    /// each other; a later step is never earlier.
    fn advance(&self, to: MessageStatus, at: DateTime<Utc>) -> Result<Vec<MessageEvent>, MessageError> {
        let from = self.progress()?;
        let reached_at = self.recorded.as_ref().and_then(|message| message.reached_at);
        Ok(steps(from, to, reached_at.map_or(at, |earlier| earlier.max(at))))
    }

    /// How far it got; only a message that goes out gets anywhere.
    fn progress(&self) -> Result<MessageStatus, MessageError> {
        let message = self.recorded.as_ref().ok_or(MessageError::NotFound)?;
        message.course.progress().ok_or(MessageError::NotOutbound)
    }
}

/// Whose the number is, and whose what is said.
const fn subjects(participants: Participants) -> (Subject, Subject) {
    let customer = participants.customer_id;
    (Subject::Customer(customer), Subject::Messages(customer))
}

/// Every step that is still missing up to and including this one: what is read was delivered.
fn steps(from: MessageStatus, to: MessageStatus, at: DateTime<Utc>) -> Vec<MessageEvent> {
    [
        (MessageStatus::Sent, MessageEvent::MessageSent { at }),
        (MessageStatus::Delivered, MessageEvent::MessageDelivered { at }),
        (MessageStatus::Read, MessageEvent::MessageRead { at }),
        (MessageStatus::Played, MessageEvent::MessagePlayed { at }),
    ]
    .into_iter()
    .filter(|(step, _)| from < *step && *step <= to)
    .map(|(_, event)| event)
    .collect()
}

impl Decide for Message {
    fn decide(&self, command: MessageCommand) -> Result<Vec<MessageEvent>, MessageError> {
        use MessageCommand as C;
        use MessageEvent as E;

        match command {
            C::QueueMessage { .. } if self.exists() => Err(MessageError::AlreadyQueued),
            C::QueueMessage {
                message_id,
                participants,
                to,
                content,
                whatsapp_id,
                reply_to,
                deadline,
                job_id,
            } => {
                let (subject, said) = subjects(participants);
                let to = Personal::new(subject, to);
                let content_type = content.content_type();
                let content = Personal::new(said, content);
                Ok(vec![E::MessageQueued {
                    message_id,
                    participants,
                    to,
                    content,
                    content_type,
                    whatsapp_id,
                    reply_to,
                    deadline,
                    job_id,
                }])
            }
            C::RecordSent { at } => self.advance(MessageStatus::Sent, at),
            C::RecordReceipt { receipt, at } => {
                let proven = match receipt {
                    Receipt::Delivered => MessageStatus::Delivered,
                    Receipt::Read => MessageStatus::Read,
                    Receipt::Played => MessageStatus::Played,
                };
                self.advance(proven, at)
            }
            C::FailMessage { reason } => {
                let queued = self.progress()? == MessageStatus::Queued;
                Ok(if queued { vec![E::MessageFailed { reason }] } else { vec![] })
            }
            C::ReceiveMessage(_) | C::EchoMessage(_) if self.exists() => Ok(vec![]),
            C::ReceiveMessage(arrival) => {
                let Arrival { message_id, participants, phone, content, whatsapp_id, sent_at } = arrival;
                let (subject, said) = subjects(participants);
                let from = phone.map(|value| Personal::new(subject, value));
                let content_type = content.content_type();
                let content = Personal::new(said, content);
                Ok(vec![E::MessageReceived {
                    message_id,
                    participants,
                    from,
                    content,
                    content_type,
                    whatsapp_id,
                    sent_at,
                }])
            }
            C::EchoMessage(arrival) => {
                let Arrival { message_id, participants, phone, content, whatsapp_id, sent_at } = arrival;
                let (subject, said) = subjects(participants);
                let to = phone.map(|value| Personal::new(subject, value));
                let content_type = content.content_type();
                let content = Personal::new(said, content);
                Ok(vec![E::MessageEchoed {
                    message_id,
                    participants,
                    to,
                    content,
                    content_type,
                    whatsapp_id,
                    sent_at,
                }])
            }
        }
    }
}

impl Aggregate for Message {
    const TYPE: &'static str = "message";
    type Command = MessageCommand;
    type Event = MessageEvent;
    type Error = MessageError;
    type Services = ();

    async fn handle(
        &mut self,
        command: MessageCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), MessageError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: MessageEvent) {
        use MessageEvent as E;

        let mut reached = |reached: MessageStatus, at: Option<DateTime<Utc>>| {
            if let Some(message) = &mut self.recorded {
                message.reached_at = at.or(message.reached_at);
                match &mut message.course {
                    Course::Received => {}
                    Course::Queued { status, .. } | Course::Echoed { status } => *status = reached,
                }
            }
        };
        match event {
            E::MessageSent { at } => reached(MessageStatus::Sent, Some(at)),
            E::MessageDelivered { at } => reached(MessageStatus::Delivered, Some(at)),
            E::MessageRead { at } => reached(MessageStatus::Read, Some(at)),
            E::MessagePlayed { at } => reached(MessageStatus::Played, Some(at)),
            E::MessageFailed { .. } => reached(MessageStatus::Failed, None),
            E::MessageQueued { .. } | E::MessageReceived { .. } | E::MessageEchoed { .. } => {
                self.recorded = Recorded::begun(event);
            }
        }
    }
}
