//! What the events of a message make of its row.

use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::Message;
use interflow_domain::message::{Content, ContentType, Direction, MessageEvent, MessageStatus, Participants};
use interflow_domain::{MessageId, Personal, PhoneNumber};

use crate::read_models::columns::{clear, microseconds, storable};

/// A row of `messages`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: Message,
    /// How many inbound messages the chat has, up to and with this one.
    pub(in crate::read_models) inbound_ordinal: u64,
    pub(in crate::read_models) created_position: u64,
}

/// `inbound_ordinal` counts the inbound messages of the chat once this event is folded into it.
pub(in crate::read_models) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent, inbound_ordinal: u64) {
    let Event::Message(event) = &recorded.event else { return };
    if let Some(view) = begun(event, recorded) {
        *row = Some(Row { view, inbound_ordinal, created_position: recorded.position });
    } else if let Some(Row { view, .. }) = row {
        // Only what goes out gets anywhere.
        if view.direction == Direction::Outbound {
            progress(view, event, recorded);
        }
        view.version = recorded.version;
    }
}

fn begun(event: &MessageEvent, recorded: &RecordedEvent) -> Option<Message> {
    use MessageEvent as E;

    match event {
        E::MessageQueued {
            message_id,
            participants,
            to,
            content,
            content_type,
            whatsapp_id,
            reply_to,
            job_id,
            ..
        } => {
            let said = Said { phone: Some(to), content, content_type: *content_type, whatsapp_id };
            let queued = message(*message_id, participants, said, recorded);
            Some(Message { reply_to: *reply_to, job: *job_id, ..queued })
        }
        E::MessageReceived {
            message_id,
            participants,
            from,
            content,
            content_type,
            whatsapp_id,
            sent_at,
        } => {
            let said = Said { phone: from.as_ref(), content, content_type: *content_type, whatsapp_id };
            Some(Message {
                direction: Direction::Inbound,
                status: MessageStatus::Delivered,
                sent_at: Some(microseconds(*sent_at)),
                delivered_at: Some(recorded.recorded_at),
                ..message(*message_id, participants, said, recorded)
            })
        }
        E::MessageEchoed { message_id, participants, to, content, content_type, whatsapp_id, sent_at } => {
            let said = Said { phone: to.as_ref(), content, content_type: *content_type, whatsapp_id };
            Some(Message {
                status: MessageStatus::Sent,
                sent_at: Some(microseconds(*sent_at)),
                ..message(*message_id, participants, said, recorded)
            })
        }
        E::MessageSent { .. }
        | E::MessageDelivered { .. }
        | E::MessageRead { .. }
        | E::MessagePlayed { .. }
        | E::MessageFailed { .. } => None,
    }
}

/// What all first events of a message tell.
struct Said<'e> {
    phone: Option<&'e Personal<PhoneNumber>>,
    content: &'e Personal<Content>,
    content_type: ContentType,
    whatsapp_id: &'e str,
}

/// A message that goes out and got nowhere yet.
fn message(id: MessageId, participants: &Participants, said: Said<'_>, recorded: &RecordedEvent) -> Message {
    let Said { phone, content, content_type, whatsapp_id } = said;
    Message {
        id,
        chat: participants.chat_id,
        instance: participants.instance_id,
        customer: participants.customer_id,
        direction: Direction::Outbound,
        phone: clear(phone),
        content: content.get().cloned(),
        kind: content_type.name().to_owned(),
        status: MessageStatus::Queued,
        status_reason: None,
        whatsapp_id: storable(whatsapp_id).into_owned(),
        reply_to: None,
        job: None,
        created_at: recorded.recorded_at,
        sent_at: None,
        delivered_at: None,
        read_at: None,
        failed_at: None,
        version: recorded.version,
    }
}

fn progress(view: &mut Message, event: &MessageEvent, recorded: &RecordedEvent) {
    use MessageEvent as E;

    let (status, reached) = match event {
        E::MessageSent { at } => {
            view.sent_at = Some(microseconds(*at));
            (MessageStatus::Sent, true)
        }
        E::MessageDelivered { at } => {
            view.delivered_at = Some(microseconds(*at));
            (MessageStatus::Delivered, true)
        }
        E::MessageRead { at } => {
            view.read_at = Some(microseconds(*at));
            (MessageStatus::Read, true)
        }
        E::MessagePlayed { .. } => (MessageStatus::Played, true),
        E::MessageFailed { reason } => {
            view.failed_at = Some(recorded.recorded_at);
            view.status_reason = Some(reason.name().to_owned());
            (MessageStatus::Failed, false)
        }
        E::MessageQueued { .. } | E::MessageReceived { .. } | E::MessageEchoed { .. } => return,
    };
    view.status = status;
    if reached {
        // It got through after all.
        view.failed_at = None;
        view.status_reason = None;
    }
}
