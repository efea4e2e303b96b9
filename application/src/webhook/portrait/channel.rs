use chrono::{DateTime, Utc};
use interflow_domain::instance::{ConnectionStatus, DisconnectReason, InstanceEvent};
use interflow_domain::{DisplayName, InstanceId, Lid, Personal, PhoneNumber};

use super::{Known, Portrait};
use crate::log::{Event, RecordedEvent};

/// A channel at a moment, also after it was deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelPortrait {
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// What the outside was told of its connection.
    pub status: ConnectionStatus,
    /// Whether a device was linked to an account.
    pub linked: bool,
    /// The account's number.
    pub phone: Known<String>,
    /// The account's LID.
    pub lid: Known<String>,
    /// The name the account showed.
    pub profile_name: Known<String>,
    /// The last end of a connection.
    pub last_disconnect: Option<Disconnect>,
    /// Until when the QR that waits is accepted.
    pub qr_expires_at: Option<DateTime<Utc>>,
    /// That its connection keeps breaking; told until it is connected again.
    pub flapping: Option<Flapping>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When its latest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// How many events it had.
    pub version: u64,
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect {
    /// Why, by its name in the API.
    pub reason: &'static str,
    /// When.
    pub at: DateTime<Utc>,
}

/// That a connection keeps breaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flapping {
    /// When the first of these connections ended.
    pub since: DateTime<Utc>,
    /// How many ended since then.
    pub disconnects: u32,
}

/// How `last_disconnect` names the end of a connection by the end of its link.
const LOGGED_OUT: &str = "logged_out";

impl ChannelPortrait {
    fn registered(id: InstanceId, name: String, at: DateTime<Utc>) -> Self {
        Self {
            id,
            name,
            status: ConnectionStatus::Close,
            linked: false,
            phone: Known::Absent,
            lid: Known::Absent,
            profile_name: Known::Absent,
            last_disconnect: None,
            qr_expires_at: None,
            flapping: None,
            created_at: at,
            updated_at: at,
            version: 0,
        }
    }

    fn change(&mut self, event: &InstanceEvent, recorded_at: DateTime<Utc>) {
        use InstanceEvent as E;

        match event {
            E::InstanceRegistered { .. } => {}
            E::InstanceRenamed { name } => self.name = name.to_string(),
            E::ConnectionRequested {} => self.status = ConnectionStatus::Connecting,
            E::QrIssued { expires_at, .. } => {
                self.unlink(ConnectionStatus::Connecting);
                self.qr_expires_at = Some(*expires_at);
            }
            E::PairingExpired {} => self.unlink(ConnectionStatus::Close),
            E::InstancePaired { phone, lid } => {
                self.unlink(ConnectionStatus::Connecting);
                self.linked = true;
                self.learn(phone.as_ref(), lid.as_ref(), None);
            }
            E::InstanceConnected { phone, lid, profile_name } => {
                self.status = ConnectionStatus::Open;
                self.linked = true;
                self.flapping = None;
                self.learn(phone.as_ref(), lid.as_ref(), profile_name.as_ref());
            }
            E::InstanceDisconnected { reason, at } => {
                self.status = self.after_the_end(reason);
                self.last_disconnect =
                    Some(Disconnect { reason: reason.name(), at: at.unwrap_or(recorded_at) });
            }
            E::FlappingDetected { since, disconnects } => {
                self.flapping = Some(Flapping { since: *since, disconnects: *disconnects });
            }
            E::InstanceLoggedOut { .. } => {
                if self.linked {
                    self.last_disconnect = Some(Disconnect { reason: LOGGED_OUT, at: recorded_at });
                }
                self.unlink(ConnectionStatus::Close);
            }
            E::InstanceDeleted {} => self.unlink(ConnectionStatus::Close),
        }
    }

    /// The account is another's business once the device is not linked to it, and so is a QR.
    fn unlink(&mut self, status: ConnectionStatus) {
        self.status = status;
        self.linked = false;
        (self.phone, self.lid, self.profile_name) = (Known::Absent, Known::Absent, Known::Absent);
        self.qr_expires_at = None;
    }

    /// What is not told stays as it was.
    fn learn(
        &mut self,
        phone: Option<&Personal<PhoneNumber>>,
        lid: Option<&Personal<Lid>>,
        name: Option<&Personal<DisplayName>>,
    ) {
        self.phone = Known::text(phone).or(std::mem::take(&mut self.phone));
        self.lid = Known::text(lid).or(std::mem::take(&mut self.lid));
        self.profile_name = Known::text(name).or(std::mem::take(&mut self.profile_name));
    }

    /// A connection is tried again by itself, unless that is pointless or nobody had asked for one.
    const fn after_the_end(&self, reason: &DisconnectReason) -> ConnectionStatus {
        let asked_for = self.linked || matches!(self.status, ConnectionStatus::Connecting);
        if asked_for && reason.is_retried() { ConnectionStatus::Connecting } else { ConnectionStatus::Close }
    }
}

impl Portrait for ChannelPortrait {
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent) {
        let Event::Instance(event) = &recorded.event else { return };
        if let InstanceEvent::InstanceRegistered { instance_id, name } = event {
            *portrait = Some(Self::registered(*instance_id, name.to_string(), recorded.recorded_at));
        }
        let Some(channel) = portrait else { return };
        channel.change(event, recorded.recorded_at);
        channel.updated_at = recorded.recorded_at;
        channel.version = recorded.version;
    }
}
