use super::*;
use crate::message::{Direction, MessageError, MessageStatus};
use crate::testing::{given, state};

#[test]
fn what_a_customer_wrote_is_received_and_was_delivered() {
    given::<Message>(vec![]).when(MessageCommand::ReceiveMessage(arrival())).then_expect_events(received());

    let message: Message = state(received());
    assert!(message.exists());
    assert_eq!(message.id(), Some(ID));
    assert_eq!(message.status(), Some(MessageStatus::Delivered));
    assert_eq!(message.direction(), Some(Direction::Inbound));
    assert_eq!(message.participants(), Some(&participants()));
    assert_eq!(message.phone(), Some(&value("5511999999999")));
    assert_eq!(message.whatsapp_id(), Some(WHATSAPP_ID));
    assert_eq!(message.deadline(), None);
    assert_eq!(message.content(), Some(&hello()));
    assert_eq!(message.content_type(), Some(ContentType::Text));
}

#[test]
fn what_the_owner_wrote_elsewhere_is_an_outbound_message_that_was_sent() {
    given::<Message>(vec![]).when(MessageCommand::EchoMessage(arrival())).then_expect_events(echoed());

    let message: Message = state(echoed());
    assert_eq!(message.status(), Some(MessageStatus::Sent));
    assert_eq!(message.direction(), Some(Direction::Outbound));
    assert_eq!(message.phone(), Some(&value("5511999999999")));
    assert_eq!(message.deadline(), None);
}

#[test]
fn a_message_of_a_hidden_number_is_received_without_one() {
    let hidden = Arrival { phone: None, ..arrival() };
    for command in [MessageCommand::ReceiveMessage(hidden.clone()), MessageCommand::EchoMessage(hidden)] {
        let events = given::<Message>(vec![]).when(command).inspect_result().unwrap();
        assert_eq!(state::<Message>(events).phone(), None);
    }
}

#[test]
fn what_we_cannot_carry_is_recorded_all_the_same() {
    let odd = Content::Unsupported { kind: "pollCreationMessageV3".into() };
    let arrival = Arrival { content: odd.clone(), ..arrival() };
    for command in [MessageCommand::ReceiveMessage(arrival.clone()), MessageCommand::EchoMessage(arrival)] {
        let events = given::<Message>(vec![]).when(command).inspect_result().unwrap();
        let message: Message = state(events);
        assert_eq!(message.content(), Some(&odd));
        assert_eq!(message.content_type(), Some(ContentType::Unsupported));
    }
}

#[test]
fn a_message_that_whatsapp_delivers_twice_is_recorded_once() {
    for history in [received(), echoed(), queued(), sent(), failed()] {
        for command in [MessageCommand::ReceiveMessage(arrival()), MessageCommand::EchoMessage(arrival())] {
            given::<Message>(history.clone()).when(command).then_expect_events(vec![]);
        }
    }
}

#[test]
fn a_message_that_came_in_has_no_delivery_of_its_own() {
    for command in every_progress() {
        given::<Message>(received()).when(command).then_expect_error(MessageError::NotOutbound);
    }
}

#[test]
fn an_echo_takes_receipts() {
    given::<Message>(echoed()).when(receipt(Receipt::Read)).then_expect_events(vec![
        MessageEvent::MessageDelivered { at: at(9) },
        MessageEvent::MessageRead { at: at(9) },
    ]);
    let message: Message = state(with(echoed(), MessageEvent::MessageRead { at: at(9) }));
    assert_eq!(message.status(), Some(MessageStatus::Read));
}

#[test]
fn an_echo_was_sent_already() {
    given::<Message>(echoed()).when(record_sent()).then_expect_events(vec![]);
}
