use interflow_application::log::StreamId;
use interflow_application::read::{Channel, Disconnect};
use interflow_domain::instance::{ConnectionStatus, DisconnectReason, InstanceEvent as E, LoggedOutBy};

use super::{Row, fold};
use crate::read_models::testing::{INSTANCE, Recorder, at, of_instance, recorded_at};

fn folded(events: impl IntoIterator<Item = E>) -> Option<Row> {
    let mut recorder = Recorder::default();
    let mut row = None;
    for event in events {
        fold(&mut row, &recorder.record(StreamId::Instance(INSTANCE), event));
    }
    row
}

fn registered() -> E {
    E::InstanceRegistered { instance_id: INSTANCE, name: "user_id_001".parse().unwrap() }
}

fn qr() -> E {
    E::QrIssued { qr_sha256: "00".to_owned(), expires_at: at(9) }
}

fn paired() -> E {
    E::InstancePaired { phone: Some(of_instance("5511888888888".parse().unwrap())), lid: None }
}

fn connected() -> E {
    let profile_name = Some(of_instance("Shop".parse().unwrap()));
    E::InstanceConnected { phone: None, lid: None, profile_name }
}

fn lost() -> E {
    E::InstanceDisconnected { reason: DisconnectReason::ConnectionLost, at: None }
}

fn replaced() -> E {
    E::InstanceDisconnected { reason: DisconnectReason::Replaced, at: None }
}

/// The channel after being registered and this.
fn after<const N: usize>(events: [E; N]) -> Channel {
    folded([registered()].into_iter().chain(events)).unwrap().view
}

fn state(channel: &Channel) -> (ConnectionStatus, bool) {
    (channel.status, channel.linked)
}

#[test]
fn a_registered_channel_is_closed_and_not_linked() {
    let Row { view, created_position } = folded([registered()]).unwrap();
    let expected = Channel {
        id: INSTANCE,
        name: "user_id_001".to_owned(),
        status: ConnectionStatus::Close,
        linked: false,
        phone: None,
        profile_name: None,
        last_disconnect: None,
        created_at: recorded_at(1),
        updated_at: recorded_at(1),
        version: 1,
    };
    assert_eq!((view, created_position), (expected, 1));
}

#[test]
fn pairing_goes_from_connecting_to_open_and_the_account_becomes_known() {
    use ConnectionStatus::{Connecting, Open};

    assert_eq!(state(&after([E::ConnectionRequested {}])), (Connecting, false));
    assert_eq!(state(&after([E::ConnectionRequested {}, qr()])), (Connecting, false));
    assert_eq!(state(&after([E::ConnectionRequested {}, qr(), paired()])), (Connecting, true));
    let open = after([E::ConnectionRequested {}, qr(), paired(), connected()]);
    assert_eq!(state(&open), (Open, true));
    assert_eq!(open.phone.as_deref(), Some("5511888888888"));
    assert_eq!(open.profile_name.as_deref(), Some("Shop"));
    assert_eq!((open.version, open.updated_at), (5, recorded_at(5)));
}

#[test]
fn a_qr_that_nobody_scans_leaves_the_channel_closed() {
    let expired = after([E::ConnectionRequested {}, qr(), E::PairingExpired {}]);
    assert_eq!(state(&expired), (ConnectionStatus::Close, false));
}

#[test]
fn a_lost_connection_is_tried_again_and_a_replaced_one_is_not() {
    let reconnecting = after([paired(), connected(), lost()]);
    assert_eq!(state(&reconnecting), (ConnectionStatus::Connecting, true));
    let end = Disconnect { reason: "connection_lost".to_owned(), at: recorded_at(4) };
    assert_eq!(reconnecting.last_disconnect, Some(end));
    assert_eq!(reconnecting.phone.as_deref(), Some("5511888888888"));

    let stopped = after([paired(), connected(), replaced()]);
    assert_eq!(state(&stopped), (ConnectionStatus::Close, true));
    assert_eq!(stopped.last_disconnect.unwrap().reason, "replaced");
    assert_eq!(
        state(&after([paired(), replaced(), E::ConnectionRequested {}])),
        (ConnectionStatus::Connecting, true)
    );
}

#[test]
fn a_connection_that_breaks_while_pairing_brings_the_next_qr_or_ends_the_pairing() {
    let interrupted = after([E::ConnectionRequested {}, qr(), lost()]);
    assert_eq!(state(&interrupted), (ConnectionStatus::Connecting, false));
    let ended = after([E::ConnectionRequested {}, qr(), replaced()]);
    assert_eq!(state(&ended), (ConnectionStatus::Close, false));
    assert_eq!(state(&after([lost()])), (ConnectionStatus::Close, false));
}

#[test]
fn logged_out_it_forgets_the_account_and_keeps_the_reason() {
    let out = after([paired(), connected(), E::InstanceLoggedOut { by: LoggedOutBy::Phone }]);
    assert_eq!(state(&out), (ConnectionStatus::Close, false));
    assert_eq!((out.phone, out.profile_name), (None, None));
    assert_eq!(out.last_disconnect, Some(Disconnect { reason: "logged_out".to_owned(), at: recorded_at(4) }));

    let given_up = after([E::ConnectionRequested {}, E::InstanceLoggedOut { by: LoggedOutBy::Api }]);
    assert_eq!(state(&given_up), (ConnectionStatus::Close, false));
    assert_eq!(given_up.last_disconnect, None);
}

#[test]
fn a_renamed_channel_goes_by_its_new_name_and_stays_as_it_was() {
    let before = after([paired(), connected()]);
    let renamed = after([paired(), connected(), E::InstanceRenamed { name: "shop".parse().unwrap() }]);
    assert_eq!((renamed.name.as_str(), renamed.version), ("shop", 4));
    let expected = Channel { name: renamed.name.clone(), version: 4, updated_at: recorded_at(4), ..before };
    assert_eq!(renamed, expected);
}

#[test]
fn a_deleted_channel_leaves() {
    assert_eq!(folded([registered(), E::InstanceDeleted {}]), None);
}

#[test]
fn the_row_agrees_with_the_aggregate_after_every_sequence_of_events() {
    use cqrs_es::Aggregate;
    use interflow_domain::instance::Instance;

    let ban = DisconnectReason::TemporarilyBanned { code: "102".to_owned() };
    let alphabet = [
        E::ConnectionRequested {},
        qr(),
        E::PairingExpired {},
        paired(),
        connected(),
        lost(),
        replaced(),
        E::InstanceDisconnected { reason: ban, at: None },
        E::InstanceLoggedOut { by: LoggedOutBy::Api },
    ];
    // Every sequence of four, also those that no decision leads to.
    for sequence in 0..alphabet.len().pow(4) {
        let mut recorder = Recorder::default();
        let (mut row, mut aggregate) = (None, Instance::default());
        let digits = (0..4).map(|digit| sequence / alphabet.len().pow(digit) % alphabet.len());
        for event in [registered()].into_iter().chain(digits.map(|digit| alphabet[digit].clone())) {
            fold(&mut row, &recorder.record(StreamId::Instance(INSTANCE), event.clone()));
            aggregate.apply(event);
            let channel = &row.as_ref().unwrap().view;
            assert_eq!(Some(channel.status), aggregate.status(), "{sequence}");
            assert_eq!(channel.linked, aggregate.is_linked(), "{sequence}");
            let account = aggregate.phase().account();
            let phone = account.and_then(|account| account.phone.as_ref()?.get()).map(ToString::to_string);
            assert_eq!(channel.phone, phone, "{sequence}");
        }
    }
}
