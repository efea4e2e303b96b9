use super::*;
use crate::message::{Direction, MessageError, MessageStatus};
use crate::testing::{given, state};

#[test]
fn a_message_is_queued_until_its_deadline() {
    given::<Message>(vec![]).when(queue()).then_expect_events(queued());

    let message: Message = state(queued());
    assert!(message.exists());
    assert_eq!(message.id(), Some(ID));
    assert_eq!(message.status(), Some(MessageStatus::Queued));
    assert_eq!(message.direction(), Some(Direction::Outbound));
    assert_eq!(message.participants(), Some(&participants()));
    assert_eq!(message.phone(), Some(&value("5511999999999")));
    assert_eq!(message.whatsapp_id(), Some(WHATSAPP_ID));
    assert_eq!(message.deadline(), Some(at(60)));
    assert_eq!(message.content(), Some(&hello()));
    assert_eq!(message.content_type(), Some(ContentType::Text));
}

#[test]
fn what_was_never_recorded_is_nothing() {
    let message = Message::default();
    assert!(!message.exists());
    assert_eq!(message.id(), None);
    assert_eq!(message.status(), None);
    assert_eq!(message.direction(), None);
    assert_eq!(message.participants(), None);
    assert_eq!(message.phone(), None);
    assert_eq!(message.whatsapp_id(), None);
    assert_eq!(message.deadline(), None);
    assert_eq!(message.content(), None);
    assert_eq!(message.content_type(), None);
}

#[test]
fn a_message_is_queued_once() {
    for history in [queued(), sent(), failed(), received(), echoed()] {
        given::<Message>(history).when(queue()).then_expect_error(MessageError::AlreadyQueued);
    }
}

#[test]
fn nothing_becomes_of_a_message_that_is_not_there() {
    for command in every_progress() {
        given::<Message>(vec![]).when(command).then_expect_error(MessageError::NotFound);
    }
}

#[test]
fn an_acknowledgement_makes_a_queued_message_sent() {
    given::<Message>(queued())
        .when(record_sent())
        .then_expect_events(vec![MessageEvent::MessageSent { at: at(9) }]);
    assert_eq!(state::<Message>(sent()).status(), Some(MessageStatus::Sent));
}

#[test]
fn an_acknowledgement_after_a_failure_counts() {
    given::<Message>(failed())
        .when(record_sent())
        .then_expect_events(vec![MessageEvent::MessageSent { at: at(9) }]);
    let message: Message = state(with(failed(), MessageEvent::MessageSent { at: at(9) }));
    assert_eq!(message.status(), Some(MessageStatus::Sent));
}

#[test]
fn an_acknowledgement_of_a_message_that_is_further_changes_nothing() {
    for history in [sent(), delivered(), read(), played()] {
        given::<Message>(history).when(record_sent()).then_expect_events(vec![]);
    }
}

#[test]
fn each_receipt_moves_the_message_one_step() {
    given::<Message>(sent())
        .when(receipt(Receipt::Delivered))
        .then_expect_events(vec![MessageEvent::MessageDelivered { at: at(9) }]);
    given::<Message>(delivered())
        .when(receipt(Receipt::Read))
        .then_expect_events(vec![MessageEvent::MessageRead { at: at(9) }]);
    given::<Message>(read())
        .when(receipt(Receipt::Played))
        .then_expect_events(vec![MessageEvent::MessagePlayed { at: at(9) }]);
    assert_eq!(state::<Message>(delivered()).status(), Some(MessageStatus::Delivered));
    assert_eq!(state::<Message>(read()).status(), Some(MessageStatus::Read));
    assert_eq!(state::<Message>(played()).status(), Some(MessageStatus::Played));
}

#[test]
fn a_delivery_receipt_proves_the_sending() {
    given::<Message>(queued()).when(receipt(Receipt::Delivered)).then_expect_events(vec![
        MessageEvent::MessageSent { at: at(9) },
        MessageEvent::MessageDelivered { at: at(9) },
    ]);
}

#[test]
fn a_read_receipt_proves_delivery() {
    let steps = vec![
        MessageEvent::MessageSent { at: at(9) },
        MessageEvent::MessageDelivered { at: at(9) },
        MessageEvent::MessageRead { at: at(9) },
    ];
    given::<Message>(queued()).when(receipt(Receipt::Read)).then_expect_events(steps.clone());
    given::<Message>(sent()).when(receipt(Receipt::Read)).then_expect_events(steps[1..].to_vec());
}

#[test]
fn a_played_message_was_read() {
    given::<Message>(sent()).when(receipt(Receipt::Played)).then_expect_events(vec![
        MessageEvent::MessageDelivered { at: at(9) },
        MessageEvent::MessageRead { at: at(9) },
        MessageEvent::MessagePlayed { at: at(9) },
    ]);
}

#[test]
fn a_receipt_after_a_failure_proves_that_the_message_got_through() {
    given::<Message>(failed()).when(receipt(Receipt::Read)).then_expect_events(vec![
        MessageEvent::MessageSent { at: at(9) },
        MessageEvent::MessageDelivered { at: at(9) },
        MessageEvent::MessageRead { at: at(9) },
    ]);
}

#[test]
fn a_receipt_for_less_than_is_known_changes_nothing() {
    for (history, known) in [
        (delivered(), vec![Receipt::Delivered]),
        (read(), vec![Receipt::Delivered, Receipt::Read]),
        (played(), vec![Receipt::Delivered, Receipt::Read, Receipt::Played]),
    ] {
        for late in known {
            given::<Message>(history.clone()).when(receipt(late)).then_expect_events(vec![]);
        }
    }
}

#[test]
fn a_queued_message_is_given_up_for_a_reason() {
    for reason in every_reason() {
        given::<Message>(queued())
            .when(MessageCommand::FailMessage { reason: reason.clone() })
            .then_expect_events(vec![MessageEvent::MessageFailed { reason }]);
    }
    assert_eq!(state::<Message>(failed()).status(), Some(MessageStatus::Failed));
}

#[test]
fn a_message_that_went_out_or_failed_does_not_fail_any_more() {
    for history in [sent(), delivered(), read(), played(), failed(), echoed()] {
        for reason in every_reason() {
            given::<Message>(history.clone())
                .when(MessageCommand::FailMessage { reason })
                .then_expect_events(vec![]);
        }
    }
}

#[test]
fn the_content_and_number_of_an_erased_message_are_gone_its_type_stays_and_its_progress_goes_on() {
    let subject = Subject::Customer(CUSTOMER);
    let history = vec![MessageEvent::MessageQueued {
        message_id: ID,
        participants: participants(),
        to: Personal::Erased { subject },
        content: Personal::Erased { subject },
        content_type: ContentType::Text,
        whatsapp_id: WHATSAPP_ID.into(),
        reply_to: None,
        deadline: at(60),
        job_id: None,
    }];
    let message: Message = state(history.clone());
    assert_eq!(message.content(), None);
    assert_eq!(message.content_type(), Some(ContentType::Text));
    assert_eq!(message.phone(), None);
    given::<Message>(history)
        .when(record_sent())
        .then_expect_events(vec![MessageEvent::MessageSent { at: at(9) }]);
}

#[test]
fn a_later_step_is_never_earlier_than_the_one_before() {
    let command = MessageCommand::RecordReceipt { receipt: Receipt::Delivered, at: at(1) };
    given::<Message>(sent())
        .when(command)
        .then_expect_events(vec![MessageEvent::MessageDelivered { at: at(2) }]);
}
