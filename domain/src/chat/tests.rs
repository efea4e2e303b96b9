//! Given what happened to a chat, when something is asked of it, then this happens.

use super::{Chat, ChatCommand, ChatError, ChatEvent, ChatStatus};
use crate::testing::{assert_repeating_changes_nothing, at, given, state, uuid, value};
use crate::{ChatId, CustomerId, DisplayName, InstanceId, MessageId};

const ID: ChatId = ChatId::new(uuid(1));
const INSTANCE: InstanceId = InstanceId::new(uuid(2));
const CUSTOMER: CustomerId = CustomerId::new(uuid(3));
const FIRST: MessageId = MessageId::new(uuid(4));
const SECOND: MessageId = MessageId::new(uuid(5));

const fn open_chat() -> ChatCommand {
    ChatCommand::OpenChat { chat_id: ID, instance_id: INSTANCE, customer_id: CUSTOMER }
}

fn opened() -> Vec<ChatEvent> {
    vec![ChatEvent::ChatOpened { chat_id: ID, instance_id: INSTANCE, customer_id: CUSTOMER }]
}

fn with(mut events: Vec<ChatEvent>, event: ChatEvent) -> Vec<ChatEvent> {
    events.push(event);
    events
}

fn assigned() -> Vec<ChatEvent> {
    with(opened(), ChatEvent::ChatAssigned { assignee: Some(ana()) })
}

fn snoozed() -> Vec<ChatEvent> {
    with(opened(), ChatEvent::ChatSnoozed { until: Some(at(60)) })
}

fn closed() -> Vec<ChatEvent> {
    with(assigned(), ChatEvent::ChatClosed {})
}

fn ana() -> DisplayName {
    value("Ana")
}

fn every_command() -> Vec<ChatCommand> {
    vec![
        open_chat(),
        ChatCommand::AssignChat { assignee: Some(ana()) },
        ChatCommand::AssignChat { assignee: None },
        ChatCommand::SnoozeChat { until: Some(at(60)) },
        ChatCommand::SnoozeChat { until: None },
        ChatCommand::CloseChat,
        ChatCommand::ReopenChat,
        ChatCommand::ReadChat { up_to: FIRST },
    ]
}

#[test]
fn a_chat_is_opened_between_an_instance_and_a_customer() {
    given::<Chat>(vec![]).when(open_chat()).then_expect_events(opened());

    let chat: Chat = state(opened());
    assert!(chat.exists());
    assert_eq!(chat.id(), Some(ID));
    assert_eq!(chat.status(), Some(ChatStatus::Open));
    assert_eq!(chat.instance_id(), Some(INSTANCE));
    assert_eq!(chat.customer_id(), Some(CUSTOMER));
    assert_eq!(chat.assignee(), None);
}

#[test]
fn what_was_never_opened_is_nothing() {
    let chat = Chat::default();
    assert!(!chat.exists());
    assert_eq!(chat.status(), None);
    assert_eq!(chat.id(), None);
    assert_eq!(chat.instance_id(), None);
    assert_eq!(chat.customer_id(), None);
    assert_eq!(chat.assignee(), None);
}

#[test]
fn nothing_is_asked_of_a_chat_before_it_is_opened() {
    for command in every_command().into_iter().filter(|command| *command != open_chat()) {
        given::<Chat>(vec![]).when(command).then_expect_error(ChatError::NotOpened);
    }
}

#[test]
fn a_chat_is_opened_once() {
    for history in [opened(), snoozed(), closed()] {
        given::<Chat>(history).when(open_chat()).then_expect_error(ChatError::AlreadyOpened);
    }
}

#[test]
fn somebody_or_nobody_is_put_in_charge() {
    for assignee in [Some(value("Bia")), None] {
        for history in [assigned(), with(assigned(), ChatEvent::ChatSnoozed { until: None })] {
            given::<Chat>(history)
                .when(ChatCommand::AssignChat { assignee: assignee.clone() })
                .then_expect_events(vec![ChatEvent::ChatAssigned { assignee: assignee.clone() }]);
        }
    }
    assert_eq!(state::<Chat>(assigned()).assignee(), Some(&ana()));
    assert_eq!(state::<Chat>(with(assigned(), ChatEvent::ChatAssigned { assignee: None })).assignee(), None);
}

#[test]
fn putting_in_charge_who_is_in_charge_changes_nothing() {
    given::<Chat>(assigned())
        .when(ChatCommand::AssignChat { assignee: Some(ana()) })
        .then_expect_events(vec![]);
    given::<Chat>(opened()).when(ChatCommand::AssignChat { assignee: None }).then_expect_events(vec![]);
}

#[test]
fn a_chat_is_put_aside_until_a_time_or_until_somebody_writes() {
    for until in [Some(at(60)), None] {
        given::<Chat>(opened())
            .when(ChatCommand::SnoozeChat { until })
            .then_expect_events(vec![ChatEvent::ChatSnoozed { until }]);
    }
    assert_eq!(state::<Chat>(snoozed()).status(), Some(ChatStatus::Snoozed));
}

#[test]
fn a_chat_says_until_when_it_is_put_aside_and_no_longer_than_it_is() {
    assert_eq!(state::<Chat>(snoozed()).snoozed_until(), Some(at(60)));
    assert_eq!(state::<Chat>(with(opened(), ChatEvent::ChatSnoozed { until: None })).snoozed_until(), None);
    for after in [ChatEvent::ChatReopened {}, ChatEvent::ChatClosed {}] {
        assert_eq!(state::<Chat>(with(snoozed(), after)).snoozed_until(), None);
    }
}

#[test]
fn snoozing_until_the_same_time_changes_nothing_and_until_another_does() {
    given::<Chat>(snoozed()).when(ChatCommand::SnoozeChat { until: Some(at(60)) }).then_expect_events(vec![]);
    for until in [Some(at(61)), None] {
        given::<Chat>(snoozed())
            .when(ChatCommand::SnoozeChat { until })
            .then_expect_events(vec![ChatEvent::ChatSnoozed { until }]);
    }
}

#[test]
fn a_closed_chat_is_neither_assigned_nor_snoozed() {
    for assignee in [Some(ana()), Some(value("Bia")), None] {
        given::<Chat>(closed())
            .when(ChatCommand::AssignChat { assignee })
            .then_expect_error(ChatError::Closed);
    }
    for until in [Some(at(60)), None] {
        given::<Chat>(closed()).when(ChatCommand::SnoozeChat { until }).then_expect_error(ChatError::Closed);
    }
}

#[test]
fn an_open_or_snoozed_chat_is_closed() {
    for history in [opened(), snoozed()] {
        given::<Chat>(history)
            .when(ChatCommand::CloseChat)
            .then_expect_events(vec![ChatEvent::ChatClosed {}]);
    }
    assert_eq!(state::<Chat>(closed()).status(), Some(ChatStatus::Closed));
    assert!(state::<Chat>(closed()).exists());
}

#[test]
fn closing_a_closed_chat_changes_nothing() {
    given::<Chat>(closed()).when(ChatCommand::CloseChat).then_expect_events(vec![]);
}

#[test]
fn a_snoozed_or_closed_chat_is_taken_up_again_by_whoever_had_it() {
    for history in [snoozed(), closed()] {
        given::<Chat>(history)
            .when(ChatCommand::ReopenChat)
            .then_expect_events(vec![ChatEvent::ChatReopened {}]);
    }
    let chat: Chat = state(with(closed(), ChatEvent::ChatReopened {}));
    assert_eq!(chat.status(), Some(ChatStatus::Open));
    assert_eq!(chat.assignee(), Some(&ana()));
}

#[test]
fn reopening_an_open_chat_changes_nothing() {
    given::<Chat>(opened()).when(ChatCommand::ReopenChat).then_expect_events(vec![]);
}

#[test]
fn a_chat_is_read_up_to_a_message_whatever_its_status() {
    for history in [opened(), snoozed(), closed(), with(opened(), ChatEvent::ChatRead { up_to: FIRST })] {
        given::<Chat>(history.clone())
            .when(ChatCommand::ReadChat { up_to: SECOND })
            .then_expect_events(vec![ChatEvent::ChatRead { up_to: SECOND }]);
        let before = state::<Chat>(history.clone()).status();
        assert_eq!(state::<Chat>(with(history, ChatEvent::ChatRead { up_to: SECOND })).status(), before);
    }
}

#[test]
fn reading_up_to_the_same_message_changes_nothing() {
    given::<Chat>(with(opened(), ChatEvent::ChatRead { up_to: FIRST }))
        .when(ChatCommand::ReadChat { up_to: FIRST })
        .then_expect_events(vec![]);
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    assert_repeating_changes_nothing::<Chat>(&[opened(), assigned(), snoozed(), closed()], &every_command());
}
