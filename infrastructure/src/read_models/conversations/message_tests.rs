use interflow_application::log::StreamId;
use interflow_application::read::Message;
use interflow_domain::message::{
    Content, ContentType, Direction, FailureReason, MessageEvent as E, MessageStatus,
};
use interflow_domain::{JobId, MessageId};
use uuid::Uuid;

use super::message::{Row, fold};
use crate::read_models::testing::{
    CHAT, CUSTOMER, INSTANCE, MESSAGE, PARTICIPANTS, Recorder, at, erased, of_customer, recorded_at, text,
};

const REPLIED: MessageId = MessageId::new(Uuid::from_u128(99));
const JOB: JobId = JobId::new(Uuid::from_u128(9));

fn folded(events: impl IntoIterator<Item = E>) -> Option<Row> {
    let mut recorder = Recorder::default();
    let mut row = None;
    for event in events {
        fold(&mut row, &recorder.record(StreamId::Message(MESSAGE), event), 7);
    }
    row
}

fn queued() -> E {
    E::MessageQueued {
        message_id: MESSAGE,
        participants: PARTICIPANTS,
        to: of_customer("5511999999999".parse().unwrap()),
        content: text("Hello"),
        content_type: ContentType::Text,
        whatsapp_id: "3EB0".to_owned(),
        reply_to: Some(REPLIED),
        deadline: at(500),
        job_id: Some(JOB),
    }
}

fn received() -> E {
    E::MessageReceived {
        message_id: MESSAGE,
        participants: PARTICIPANTS,
        from: Some(of_customer("5511999999999".parse().unwrap())),
        content: text("Hi"),
        content_type: ContentType::Text,
        whatsapp_id: "AB\0CD".to_owned(),
        sent_at: at(100),
    }
}

fn echoed() -> E {
    let content = of_customer(Content::Unsupported { kind: "image".to_owned() });
    let whatsapp_id = "ABCD".to_owned();
    E::MessageEchoed {
        message_id: MESSAGE,
        participants: PARTICIPANTS,
        to: None,
        content,
        content_type: ContentType::Unsupported,
        whatsapp_id,
        sent_at: at(100),
    }
}

fn failed() -> E {
    E::MessageFailed { reason: FailureReason::DeadlineExceeded }
}

/// The message after these.
fn after<const N: usize>(events: [E; N]) -> Message {
    folded(events).unwrap().view
}

#[test]
fn a_queued_message_goes_out_and_got_nowhere_yet() {
    let Row { view, inbound_ordinal, created_position } = folded([queued()]).unwrap();
    let expected = Message {
        id: MESSAGE,
        chat: CHAT,
        instance: INSTANCE,
        customer: CUSTOMER,
        direction: Direction::Outbound,
        phone: Some("5511999999999".to_owned()),
        content: Some(Content::Text { text: "Hello".parse().unwrap() }),
        kind: "text".to_owned(),
        status: MessageStatus::Queued,
        status_reason: None,
        whatsapp_id: "3EB0".to_owned(),
        reply_to: Some(REPLIED),
        job: Some(JOB),
        created_at: recorded_at(1),
        sent_at: None,
        delivered_at: None,
        read_at: None,
        failed_at: None,
        version: 1,
    };
    assert_eq!((view, inbound_ordinal, created_position), (expected, 7, 1));
}

#[test]
fn every_step_moves_the_status_on_and_keeps_its_time() {
    let steps = [
        queued(),
        E::MessageSent { at: at(10) },
        E::MessageDelivered { at: at(20) },
        E::MessageRead { at: at(30) },
        E::MessagePlayed { at: at(40) },
    ];
    let statuses = [
        MessageStatus::Queued,
        MessageStatus::Sent,
        MessageStatus::Delivered,
        MessageStatus::Read,
        MessageStatus::Played,
    ];
    for (count, status) in statuses.into_iter().enumerate() {
        let row = folded(steps[..=count].iter().cloned()).unwrap();
        assert_eq!((row.view.status, row.view.version), (status, count as u64 + 1));
        assert_eq!((row.created_position, row.inbound_ordinal), (1, 7));
    }
    let played = after(steps);
    assert_eq!(played.sent_at, Some(at(10)));
    assert_eq!(played.delivered_at, Some(at(20)));
    assert_eq!(played.read_at, Some(at(30)));
    assert_eq!(played.created_at, recorded_at(1));
}

#[test]
fn a_failed_message_says_why_until_a_receipt_proves_that_it_got_through() {
    let given_up = after([queued(), failed()]);
    assert_eq!(given_up.status, MessageStatus::Failed);
    assert_eq!(given_up.status_reason.as_deref(), Some("deadline_exceeded"));
    assert_eq!(given_up.failed_at, Some(recorded_at(2)));

    let arrived = after([queued(), failed(), E::MessageSent { at: at(10) }]);
    assert_eq!(arrived.status, MessageStatus::Sent);
    assert_eq!((arrived.status_reason, arrived.failed_at), (None, None));
}

#[test]
fn a_received_message_was_delivered_and_gets_no_further() {
    let message = after([received()]);
    assert_eq!((message.direction, message.status), (Direction::Inbound, MessageStatus::Delivered));
    assert_eq!((message.sent_at, message.delivered_at), (Some(at(100)), Some(recorded_at(1))));
    assert_eq!(message.whatsapp_id, "AB\u{fffd}CD");
    let twice = after([received(), E::MessageRead { at: at(200) }]);
    assert_eq!((twice.status, twice.read_at, twice.version), (MessageStatus::Delivered, None, 2));
}

#[test]
fn an_echo_goes_out_and_was_sent() {
    let echo = after([echoed()]);
    assert_eq!((echo.direction, echo.status), (Direction::Outbound, MessageStatus::Sent));
    assert_eq!((echo.sent_at, echo.phone), (Some(at(100)), None));
    assert_eq!(echo.kind, "unsupported");
    assert_eq!(after([echoed(), E::MessageRead { at: at(200) }]).status, MessageStatus::Read);
}

/// The event as it reads once the customer's keys were destroyed.
fn forgotten(mut event: E) -> E {
    match &mut event {
        E::MessageQueued { to, content, .. } => (*to, *content) = (erased(), erased()),
        E::MessageReceived { from: phone, content, .. } | E::MessageEchoed { to: phone, content, .. } => {
            (*phone, *content) = (phone.take().map(|_| erased()), erased());
        }
        _ => {}
    }
    event
}

#[test]
fn a_message_that_was_erased_keeps_its_type_and_nothing_it_said() {
    for (event, kind) in [(queued(), "text"), (received(), "text"), (echoed(), "unsupported")] {
        let message = after([forgotten(event)]);
        assert_eq!((message.phone, message.content, message.kind.as_str()), (None, None, kind));
    }
}

#[test]
fn a_row_made_of_erased_events_is_the_row_scrubbed_in_place() {
    for first in [queued(), received(), echoed()] {
        let events = [first, E::MessageDelivered { at: at(20) }];
        let mut scrubbed = folded(events.clone()).unwrap();
        (scrubbed.view.phone, scrubbed.view.content) = (None, None);
        assert_eq!(folded(events.map(forgotten)), Some(scrubbed));
    }
}

#[test]
fn the_row_agrees_with_the_aggregate_after_every_sequence_of_events() {
    use cqrs_es::Aggregate;

    let steps = [
        E::MessageSent { at: at(1) },
        E::MessageDelivered { at: at(2) },
        E::MessageRead { at: at(3) },
        E::MessagePlayed { at: at(4) },
        failed(),
    ];
    for first in [queued(), received(), echoed()] {
        for (one, two) in (0..25).map(|pair| (pair / 5, pair % 5)) {
            let events = [first.clone(), steps[one].clone(), steps[two].clone()];
            let mut aggregate = interflow_domain::message::Message::default();
            events.iter().cloned().for_each(|event| aggregate.apply(event));
            let message = after(events);
            assert_eq!(Some(message.status), aggregate.status());
            assert_eq!(Some(message.direction), aggregate.direction());
            assert_eq!(Some(message.kind.as_str()), aggregate.content_type().map(ContentType::name));
        }
    }
}
