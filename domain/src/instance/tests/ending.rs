use super::*;
use crate::instance::{ConnectionStatus, Phase};
use crate::testing::{given, state};

const fn record_logged_out(by: LoggedOutBy) -> InstanceCommand {
    InstanceCommand::RecordLoggedOut { by }
}

#[test]
fn a_linked_instance_is_logged_out_by_either_side() {
    for by in [LoggedOutBy::Api, LoggedOutBy::Phone] {
        for history in [logging_in(), open(), reconnecting(), stopped()] {
            given::<Instance>(history.clone())
                .when(record_logged_out(by))
                .then_expect_events(vec![InstanceEvent::InstanceLoggedOut { by }]);

            let instance: Instance = state(with(history, InstanceEvent::InstanceLoggedOut { by }));
            assert_eq!(instance.phase(), &Phase::LoggedOut { by });
            assert_eq!(instance.status(), Some(ConnectionStatus::Close));
            assert!(!instance.is_linked());
            assert!(instance.exists());
        }
    }
}

#[test]
fn a_caller_who_logs_out_while_pairing_gives_the_pairing_up() {
    for history in [pairing(), showing_qr()] {
        given::<Instance>(history)
            .when(record_logged_out(LoggedOutBy::Api))
            .then_expect_events(vec![InstanceEvent::InstanceLoggedOut { by: LoggedOutBy::Api }]);
    }
}

#[test]
fn a_phone_cannot_end_a_link_that_is_not_there_yet() {
    for history in [pairing(), showing_qr()] {
        given::<Instance>(history).when(record_logged_out(LoggedOutBy::Phone)).then_expect_events(vec![]);
    }
}

#[test]
fn logging_out_what_is_not_linked_changes_nothing() {
    for by in [LoggedOutBy::Api, LoggedOutBy::Phone] {
        for history in [registered(), logged_out()] {
            given::<Instance>(history).when(record_logged_out(by)).then_expect_events(vec![]);
        }
    }
}

#[test]
fn what_was_known_of_the_account_ends_with_the_link() {
    let again = with(with(logged_out(), InstanceEvent::ConnectionRequested {}), qr("cc"));
    let paired = InstanceEvent::InstancePaired { phone: None, lid: None };
    let instance: Instance = state(with(again, paired));
    assert_eq!(instance.phase().account().unwrap().phone, None);
}
