//! What the events of an instance make of its row.
//!
//! `status` and `linked` together say as much of the instance's phase as its events need to be understood: a
//! connection that ended while somebody was to scan a QR ends otherwise than one of a linked device.

use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::{Channel, Disconnect};
use interflow_domain::instance::{ConnectionStatus, DisconnectReason, InstanceEvent};
use interflow_domain::{DisplayName, InstanceId, InstanceName, Personal, PhoneNumber};

use crate::read_models::columns::clear;

/// How `last_disconnect` names the end of a connection by the end of its link.
const LOGGED_OUT: &str = "logged_out";

/// A row of `channels`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: Channel,
    pub(in crate::read_models) created_position: u64,
}

pub(in crate::read_models) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent) {
    let Event::Instance(event) = &recorded.event else { return };
    match event {
        InstanceEvent::InstanceRegistered { instance_id, name } => {
            *row = Some(Row {
                view: registered(*instance_id, name, recorded),
                created_position: recorded.position,
            });
        }
        InstanceEvent::InstanceDeleted {} => *row = None,
        event => {
            if let Some(Row { view, .. }) = row {
                change(view, event, recorded);
                view.updated_at = recorded.recorded_at;
                view.version = recorded.version;
            }
        }
    }
}

fn registered(id: InstanceId, name: &InstanceName, recorded: &RecordedEvent) -> Channel {
    Channel {
        id,
        name: name.to_string(),
        status: ConnectionStatus::Close,
        linked: false,
        phone: None,
        profile_name: None,
        last_disconnect: None,
        created_at: recorded.recorded_at,
        updated_at: recorded.recorded_at,
        version: recorded.version,
    }
}

fn change(view: &mut Channel, event: &InstanceEvent, recorded: &RecordedEvent) {
    use InstanceEvent as E;

    match event {
        E::InstanceRenamed { name } => view.name = name.to_string(),
        E::ConnectionRequested {} => view.status = ConnectionStatus::Connecting,
        E::QrIssued { .. } => unlinked(view, ConnectionStatus::Connecting),
        E::PairingExpired {} => unlinked(view, ConnectionStatus::Close),
        E::InstancePaired { phone, .. } => {
            unlinked(view, ConnectionStatus::Connecting);
            view.linked = true;
            learn(view, phone.as_ref(), None);
        }
        E::InstanceConnected { phone, profile_name, .. } => {
            view.status = ConnectionStatus::Open;
            view.linked = true;
            learn(view, phone.as_ref(), profile_name.as_ref());
        }
        E::InstanceDisconnected { reason, .. } => {
            view.status = after_the_end(view, reason);
            view.last_disconnect =
                Some(Disconnect { reason: reason.name().to_owned(), at: recorded.recorded_at });
        }
        E::InstanceLoggedOut { .. } => {
            if view.linked {
                let reason = LOGGED_OUT.to_owned();
                view.last_disconnect = Some(Disconnect { reason, at: recorded.recorded_at });
            }
            unlinked(view, ConnectionStatus::Close);
        }
        E::InstanceRegistered { .. } | E::FlappingDetected { .. } | E::InstanceDeleted {} => {}
    }
}

/// The account is another's business once the device is not linked to it.
fn unlinked(view: &mut Channel, status: ConnectionStatus) {
    view.status = status;
    view.linked = false;
    view.phone = None;
    view.profile_name = None;
}

/// What is not told stays as it was.
fn learn(view: &mut Channel, phone: Option<&Personal<PhoneNumber>>, name: Option<&Personal<DisplayName>>) {
    if phone.is_some() {
        view.phone = clear(phone);
    }
    if name.is_some() {
        view.profile_name = clear(name);
    }
}

/// A connection is tried again by itself, unless that is pointless or nobody had asked for one.
fn after_the_end(view: &Channel, reason: &DisconnectReason) -> ConnectionStatus {
    let asked_for = view.linked || view.status == ConnectionStatus::Connecting;
    if asked_for && reason.is_retried() { ConnectionStatus::Connecting } else { ConnectionStatus::Close }
}
