use super::*;
use crate::instance::{ConnectionStatus, InstanceError, Phase};
use crate::testing::{given, state};

#[test]
fn an_instance_that_is_not_linked_pairs_when_asked_to_connect() {
    for history in [registered(), logged_out(), with(pairing(), InstanceEvent::PairingExpired {})] {
        given::<Instance>(history.clone())
            .when(InstanceCommand::RequestConnection)
            .then_expect_events(vec![InstanceEvent::ConnectionRequested {}]);

        let instance: Instance = state(with(history, InstanceEvent::ConnectionRequested {}));
        assert_eq!(instance.phase(), &Phase::Pairing { qr_sha256: None, interrupted: None });
        assert_eq!(instance.status(), Some(ConnectionStatus::Connecting));
        assert!(!instance.is_linked());
    }
}

#[test]
fn one_qr_follows_the_other_while_pairing() {
    given::<Instance>(pairing()).when(record_qr("aa")).then_expect_events(vec![qr("aa")]);
    given::<Instance>(showing_qr()).when(record_qr("bb")).then_expect_events(vec![qr("bb")]);
}

#[test]
fn the_same_qr_is_recorded_once() {
    given::<Instance>(showing_qr()).when(record_qr("aa")).then_expect_events(vec![]);
}

#[test]
fn a_qr_outside_pairing_is_refused() {
    for history in [registered(), logging_in(), open(), reconnecting(), stopped(), logged_out()] {
        given::<Instance>(history).when(record_qr("aa")).then_expect_error(InstanceError::NotPairing);
    }
}

#[test]
fn a_pairing_that_nobody_scanned_expires() {
    for history in [pairing(), showing_qr()] {
        given::<Instance>(history)
            .when(InstanceCommand::RecordPairingExpired)
            .then_expect_events(vec![InstanceEvent::PairingExpired {}]);
    }
    let instance: Instance = state(with(showing_qr(), InstanceEvent::PairingExpired {}));
    assert_eq!(instance.phase(), &Phase::Idle);
    assert_eq!(instance.status(), Some(ConnectionStatus::Close));
}

#[test]
fn a_pairing_that_is_over_does_not_expire_again() {
    for history in [registered(), with(pairing(), InstanceEvent::PairingExpired {}), logged_out()] {
        given::<Instance>(history).when(InstanceCommand::RecordPairingExpired).then_expect_events(vec![]);
    }
}

#[test]
fn a_pairing_that_succeeded_cannot_expire() {
    for history in [logging_in(), open(), reconnecting(), stopped()] {
        given::<Instance>(history)
            .when(InstanceCommand::RecordPairingExpired)
            .then_expect_error(InstanceError::NotPairing);
    }
}

#[test]
fn a_scan_links_the_instance_to_the_account() {
    for history in [pairing(), showing_qr()] {
        given::<Instance>(history).when(record_paired()).then_expect_events(vec![paired()]);
    }
    let instance: Instance = state(logging_in());
    assert!(instance.is_linked());
    assert_eq!(instance.status(), Some(ConnectionStatus::Connecting));
    assert!(matches!(instance.phase(), Phase::LoggingIn { .. }));
    let account = instance.phase().account().unwrap();
    assert_eq!(account.phone, Some(personal(value(PHONE))));
    assert_eq!(account.lid, Some(personal(value(LID))));
}

#[test]
fn the_same_scan_is_recorded_once() {
    for history in [logging_in(), open(), reconnecting(), stopped()] {
        given::<Instance>(history).when(record_paired()).then_expect_events(vec![]);
    }
}

#[test]
fn a_scan_outside_pairing_or_by_another_account_is_refused() {
    for history in [registered(), logged_out()] {
        given::<Instance>(history).when(record_paired()).then_expect_error(InstanceError::NotPairing);
    }
    for history in [logging_in(), open(), reconnecting(), stopped()] {
        given::<Instance>(history)
            .when(InstanceCommand::RecordPaired { phone: Some(value("4930123456")), lid: None })
            .then_expect_error(InstanceError::NotPairing);
    }
}

#[test]
fn a_connection_lost_while_pairing_does_not_end_the_pairing() {
    for reason in every_reason().into_iter().filter(DisconnectReason::is_retried) {
        given::<Instance>(showing_qr())
            .when(record_disconnected(reason.clone()))
            .then_expect_events(vec![disconnected(reason.clone())]);

        let interrupted = with(showing_qr(), disconnected(reason.clone()));
        given::<Instance>(interrupted.clone())
            .when(record_disconnected(reason.clone()))
            .then_expect_events(vec![]);
        let phase = Phase::Pairing { qr_sha256: Some("aa".into()), interrupted: Some(reason) };
        assert_eq!(state::<Instance>(interrupted).phase(), &phase);
    }
}

#[test]
fn the_next_qr_ends_an_interruption() {
    let interrupted = with(showing_qr(), disconnected(DisconnectReason::ConnectionLost));
    let resumed = with(interrupted, qr("bb"));
    given::<Instance>(resumed)
        .when(record_disconnected(DisconnectReason::ConnectionLost))
        .then_expect_events(vec![disconnected(DisconnectReason::ConnectionLost)]);
}

#[test]
fn a_pairing_that_cannot_go_on_is_over() {
    for reason in [DisconnectReason::ClientOutdated, DisconnectReason::Replaced] {
        given::<Instance>(showing_qr())
            .when(record_disconnected(reason.clone()))
            .then_expect_events(vec![disconnected(reason.clone())]);
        assert_eq!(state::<Instance>(with(showing_qr(), disconnected(reason))).phase(), &Phase::Idle);
    }
}
