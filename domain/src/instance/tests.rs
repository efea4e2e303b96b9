//! Given what happened to an instance, when something is asked of it, then this happens.

mod connection;
mod ending;
mod pairing;
mod registration;
mod stability;

use super::{DisconnectReason, Instance, InstanceCommand, InstanceEvent, LoggedOutBy};
use crate::testing::{assert_repeating_changes_nothing, at, uuid, value};
use crate::{InstanceId, Personal, Subject};

const ID: InstanceId = InstanceId::new(uuid(1));
const PHONE: &str = "5511999999999";
const LID: &str = "123456789012345";

fn personal<T>(value: T) -> Personal<T> {
    Personal::new(Subject::Instance(ID), value)
}

fn with(mut events: Vec<InstanceEvent>, event: InstanceEvent) -> Vec<InstanceEvent> {
    events.push(event);
    events
}

fn registered() -> Vec<InstanceEvent> {
    vec![InstanceEvent::InstanceRegistered { instance_id: ID, name: value("user_id_001") }]
}

fn pairing() -> Vec<InstanceEvent> {
    with(registered(), InstanceEvent::ConnectionRequested {})
}

fn showing_qr() -> Vec<InstanceEvent> {
    with(pairing(), qr("aa"))
}

fn logging_in() -> Vec<InstanceEvent> {
    with(showing_qr(), paired())
}

fn open() -> Vec<InstanceEvent> {
    with(logging_in(), connected())
}

fn reconnecting() -> Vec<InstanceEvent> {
    with(open(), disconnected(DisconnectReason::ConnectionLost))
}

fn stopped() -> Vec<InstanceEvent> {
    with(open(), disconnected(DisconnectReason::Replaced))
}

fn logged_out() -> Vec<InstanceEvent> {
    with(open(), InstanceEvent::InstanceLoggedOut { by: LoggedOutBy::Phone })
}

fn deleted() -> Vec<InstanceEvent> {
    with(open(), InstanceEvent::InstanceDeleted {})
}

/// Registered and not deleted, in every phase.
fn every_living_history() -> Vec<Vec<InstanceEvent>> {
    vec![
        registered(),
        pairing(),
        showing_qr(),
        with(showing_qr(), disconnected(DisconnectReason::ConnectionLost)),
        logging_in(),
        open(),
        reconnecting(),
        stopped(),
        logged_out(),
    ]
}

fn every_command() -> Vec<InstanceCommand> {
    let mut commands = vec![
        register(),
        rename("Shop"),
        InstanceCommand::RequestConnection,
        record_qr("bb"),
        InstanceCommand::RecordPairingExpired,
        record_paired(),
        record_connected(),
        InstanceCommand::RecordLoggedOut { by: LoggedOutBy::Api },
        InstanceCommand::RecordLoggedOut { by: LoggedOutBy::Phone },
        InstanceCommand::DeleteInstance,
    ];
    commands.extend(every_reason().into_iter().map(record_disconnected));
    commands
}

fn every_reason() -> Vec<DisconnectReason> {
    vec![
        DisconnectReason::ConnectionLost,
        DisconnectReason::ServerStopped,
        DisconnectReason::RestartRequested,
        DisconnectReason::Replaced,
        DisconnectReason::TemporarilyBanned { code: "101".into() },
        DisconnectReason::ClientOutdated,
        DisconnectReason::Refused { code: "403".into() },
    ]
}

fn register() -> InstanceCommand {
    InstanceCommand::RegisterInstance { instance_id: ID, name: value("user_id_001") }
}

fn rename(name: &str) -> InstanceCommand {
    InstanceCommand::RenameInstance { name: value(name) }
}

fn renamed(name: &str) -> InstanceEvent {
    InstanceEvent::InstanceRenamed { name: value(name) }
}

fn record_qr(hash: &str) -> InstanceCommand {
    InstanceCommand::RecordQr { qr_sha256: hash.into(), expires_at: at(20) }
}

fn qr(hash: &str) -> InstanceEvent {
    InstanceEvent::QrIssued { qr_sha256: hash.into(), expires_at: at(20) }
}

fn record_paired() -> InstanceCommand {
    InstanceCommand::RecordPaired { phone: Some(value(PHONE)), lid: Some(value(LID)) }
}

fn paired() -> InstanceEvent {
    InstanceEvent::InstancePaired { phone: Some(personal(value(PHONE))), lid: Some(personal(value(LID))) }
}

fn record_connected() -> InstanceCommand {
    InstanceCommand::RecordConnected {
        phone: Some(value(PHONE)),
        lid: Some(value(LID)),
        profile_name: Some(value("Shop")),
    }
}

fn connected() -> InstanceEvent {
    InstanceEvent::InstanceConnected {
        phone: Some(personal(value(PHONE))),
        lid: Some(personal(value(LID))),
        profile_name: Some(personal(value("Shop"))),
    }
}

fn record_disconnected(reason: DisconnectReason) -> InstanceCommand {
    InstanceCommand::RecordDisconnected { reason, at: at(0) }
}

fn disconnected(reason: DisconnectReason) -> InstanceEvent {
    InstanceEvent::InstanceDisconnected { reason, at: Some(at(0)) }
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    assert_repeating_changes_nothing::<Instance>(&every_living_history(), &every_command());
}
