use super::*;
use crate::instance::{ConnectionStatus, InstanceError, Phase};
use crate::testing::{given, state};

#[test]
fn a_stopped_instance_logs_in_without_a_scan_when_asked() {
    given::<Instance>(stopped())
        .when(InstanceCommand::RequestConnection)
        .then_expect_events(vec![InstanceEvent::ConnectionRequested {}]);

    let instance: Instance = state(with(stopped(), InstanceEvent::ConnectionRequested {}));
    assert!(matches!(instance.phase(), Phase::LoggingIn { .. }));
    assert!(instance.is_linked());
    assert_eq!(instance.status(), Some(ConnectionStatus::Connecting));
}

#[test]
fn asking_for_what_is_connecting_or_open_changes_nothing() {
    for history in [pairing(), showing_qr(), logging_in(), open(), reconnecting()] {
        given::<Instance>(history).when(InstanceCommand::RequestConnection).then_expect_events(vec![]);
    }
}

#[test]
fn a_linked_instance_that_logs_in_is_open() {
    for history in [logging_in(), reconnecting(), stopped()] {
        given::<Instance>(history.clone()).when(record_connected()).then_expect_events(vec![connected()]);

        let instance: Instance = state(with(history, connected()));
        assert!(matches!(instance.phase(), Phase::Open { .. }));
        assert_eq!(instance.status(), Some(ConnectionStatus::Open));
        assert!(instance.is_linked());
    }
}

#[test]
fn a_login_without_a_link_is_refused() {
    for history in [registered(), pairing(), showing_qr(), logged_out()] {
        given::<Instance>(history).when(record_connected()).then_expect_error(InstanceError::NotLinked);
    }
}

#[test]
fn an_open_instance_does_not_open_again_with_the_same_account() {
    given::<Instance>(open()).when(record_connected()).then_expect_events(vec![]);
    given::<Instance>(open())
        .when(InstanceCommand::RecordConnected { phone: None, lid: None, profile_name: None })
        .then_expect_events(vec![]);
}

#[test]
fn an_open_instance_records_what_is_new_of_the_account() {
    given::<Instance>(open())
        .when(InstanceCommand::RecordConnected {
            phone: None,
            lid: None,
            profile_name: Some(value("Shop & Co")),
        })
        .then_expect_events(vec![InstanceEvent::InstanceConnected {
            phone: None,
            lid: None,
            profile_name: Some(personal(value("Shop & Co"))),
        }]);
}

#[test]
fn a_login_that_tells_less_of_the_account_forgets_nothing() {
    let quiet = InstanceEvent::InstanceConnected { phone: None, lid: None, profile_name: None };
    let instance: Instance = state(with(reconnecting(), quiet));
    let account = instance.phase().account().unwrap();
    assert_eq!(account.phone, Some(personal(value(PHONE))));
    assert_eq!(account.lid, Some(personal(value(LID))));
    assert_eq!(account.profile_name, Some(personal(value("Shop"))));
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    for reason in every_reason().into_iter().filter(DisconnectReason::is_retried) {
        for history in [logging_in(), open()] {
            given::<Instance>(history.clone())
                .when(record_disconnected(reason.clone()))
                .then_expect_events(vec![disconnected(reason.clone())]);

            let instance: Instance = state(with(history, disconnected(reason.clone())));
            assert!(matches!(instance.phase(), Phase::Reconnecting { reason: kept, .. } if *kept == reason));
            assert_eq!(instance.status(), Some(ConnectionStatus::Connecting));
            assert!(instance.is_linked());
        }
    }
}

#[test]
fn a_server_that_stops_leaves_the_instance_to_the_next_start() {
    let instance: Instance = state(with(open(), disconnected(DisconnectReason::ServerStopped)));
    assert!(matches!(instance.phase(), Phase::Reconnecting { reason: DisconnectReason::ServerStopped, .. }));
}

#[test]
fn a_connection_that_is_pointless_to_retry_stops() {
    for reason in [DisconnectReason::Replaced, DisconnectReason::ClientOutdated] {
        for history in [logging_in(), open(), reconnecting()] {
            given::<Instance>(history.clone())
                .when(record_disconnected(reason.clone()))
                .then_expect_events(vec![disconnected(reason.clone())]);

            let instance: Instance = state(with(history, disconnected(reason.clone())));
            assert!(matches!(instance.phase(), Phase::Stopped { reason: kept, .. } if *kept == reason));
            assert_eq!(instance.status(), Some(ConnectionStatus::Close));
            assert!(instance.is_linked());
        }
    }
}

#[test]
fn the_same_end_is_recorded_once_and_another_reason_is_news() {
    given::<Instance>(reconnecting())
        .when(record_disconnected(DisconnectReason::ConnectionLost))
        .then_expect_events(vec![]);
    let banned = DisconnectReason::TemporarilyBanned { code: "101".into() };
    given::<Instance>(reconnecting())
        .when(record_disconnected(banned.clone()))
        .then_expect_events(vec![disconnected(banned)]);
}

#[test]
fn the_end_of_a_connection_that_is_not_there_changes_nothing() {
    for history in [registered(), stopped(), logged_out()] {
        for reason in every_reason() {
            given::<Instance>(history.clone()).when(record_disconnected(reason)).then_expect_events(vec![]);
        }
    }
}
