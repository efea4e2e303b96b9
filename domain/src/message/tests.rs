//! Given what happened to a message, when something is asked of it, then this happens.

mod arriving;
mod sending;

use super::{
    Arrival, Content, ContentType, FailureReason, Message, MessageCommand, MessageEvent, Participants,
    Receipt,
};
use crate::testing::{assert_repeating_changes_nothing, at, uuid, value};
use crate::{ChatId, CustomerId, InstanceId, MessageId, Personal, Subject};

const ID: MessageId = MessageId::new(uuid(1));
const CUSTOMER: CustomerId = CustomerId::new(uuid(4));
const WHATSAPP_ID: &str = "3EB0C767D097B7C7C030";

const fn participants() -> Participants {
    Participants {
        chat_id: ChatId::new(uuid(2)),
        instance_id: InstanceId::new(uuid(3)),
        customer_id: CUSTOMER,
    }
}

fn personal<T>(value: T) -> Personal<T> {
    Personal::new(Subject::Customer(CUSTOMER), value)
}

fn said(content: Content) -> Personal<Content> {
    Personal::new(Subject::Messages(CUSTOMER), content)
}

fn hello() -> Content {
    Content::Text { text: value("Hello") }
}

fn queue() -> MessageCommand {
    MessageCommand::QueueMessage {
        message_id: ID,
        participants: participants(),
        to: value("5511999999999"),
        content: hello(),
        whatsapp_id: WHATSAPP_ID.into(),
        reply_to: None,
        deadline: at(60),
        job_id: None,
    }
}

fn queued() -> Vec<MessageEvent> {
    vec![MessageEvent::MessageQueued {
        message_id: ID,
        participants: participants(),
        to: personal(value("5511999999999")),
        content: said(hello()),
        content_type: ContentType::Text,
        whatsapp_id: WHATSAPP_ID.into(),
        reply_to: None,
        deadline: at(60),
        job_id: None,
    }]
}

fn arrival() -> Arrival {
    Arrival {
        message_id: ID,
        participants: participants(),
        phone: Some(value("5511999999999")),
        content: hello(),
        whatsapp_id: WHATSAPP_ID.into(),
        sent_at: at(1),
    }
}

fn received() -> Vec<MessageEvent> {
    vec![MessageEvent::MessageReceived {
        message_id: ID,
        participants: participants(),
        from: Some(personal(value("5511999999999"))),
        content: said(hello()),
        content_type: ContentType::Text,
        whatsapp_id: WHATSAPP_ID.into(),
        sent_at: at(1),
    }]
}

fn echoed() -> Vec<MessageEvent> {
    vec![MessageEvent::MessageEchoed {
        message_id: ID,
        participants: participants(),
        to: Some(personal(value("5511999999999"))),
        content: said(hello()),
        content_type: ContentType::Text,
        whatsapp_id: WHATSAPP_ID.into(),
        sent_at: at(1),
    }]
}

fn with(mut events: Vec<MessageEvent>, event: MessageEvent) -> Vec<MessageEvent> {
    events.push(event);
    events
}

fn sent() -> Vec<MessageEvent> {
    with(queued(), MessageEvent::MessageSent { at: at(2) })
}

fn delivered() -> Vec<MessageEvent> {
    with(sent(), MessageEvent::MessageDelivered { at: at(3) })
}

fn read() -> Vec<MessageEvent> {
    with(delivered(), MessageEvent::MessageRead { at: at(4) })
}

fn played() -> Vec<MessageEvent> {
    with(read(), MessageEvent::MessagePlayed { at: at(5) })
}

fn failed() -> Vec<MessageEvent> {
    with(queued(), MessageEvent::MessageFailed { reason: FailureReason::DeadlineExceeded })
}

fn record_sent() -> MessageCommand {
    MessageCommand::RecordSent { at: at(9) }
}

fn receipt(receipt: Receipt) -> MessageCommand {
    MessageCommand::RecordReceipt { receipt, at: at(9) }
}

fn every_reason() -> Vec<FailureReason> {
    vec![
        FailureReason::DeadlineExceeded,
        FailureReason::NotOnWhatsapp,
        FailureReason::Refused { code: "463".into() },
        FailureReason::LoggedOut,
        FailureReason::InstanceDeleted,
        FailureReason::CustomerErased,
        FailureReason::Expired,
    ]
}

/// What the gateway says of a message that goes out.
fn every_progress() -> Vec<MessageCommand> {
    let mut commands =
        vec![record_sent(), receipt(Receipt::Delivered), receipt(Receipt::Read), receipt(Receipt::Played)];
    commands.extend(every_reason().into_iter().map(|reason| MessageCommand::FailMessage { reason }));
    commands
}

#[test]
fn a_type_is_stored_by_its_name_and_is_the_one_its_content_is_tagged_with() {
    for content in [hello(), Content::Unsupported { kind: "image".into() }] {
        let content_type = content.content_type();
        assert_eq!(serde_json::to_value(content_type).unwrap(), content_type.name());
        assert_eq!(serde_json::to_value(content).unwrap()["type"], content_type.name());
    }
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    let histories = [vec![], queued(), sent(), delivered(), read(), played(), failed(), received(), echoed()];
    let mut commands = every_progress();
    commands.extend([
        queue(),
        MessageCommand::ReceiveMessage(arrival()),
        MessageCommand::EchoMessage(arrival()),
    ]);
    assert_repeating_changes_nothing::<Message>(&histories, &commands);
}
