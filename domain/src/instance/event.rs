use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{DisconnectReason, LoggedOutBy};
use crate::{DisplayName, InstanceId, InstanceName, Lid, Personal, PhoneNumber};

/// What happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum InstanceEvent {
    /// The instance exists, not connected to anything.
    #[serde(rename = "instance.registered")]
    InstanceRegistered {
        /// Its id.
        instance_id: InstanceId,
        /// Its name.
        name: InstanceName,
    },
    /// It goes by another name; the old one is free.
    #[serde(rename = "instance.renamed")]
    InstanceRenamed {
        /// The new name.
        name: InstanceName,
    },
    /// Somebody asked for the connection: pairing begins, or a paired device logs in.
    #[serde(rename = "instance.connecting")]
    ConnectionRequested {},
    /// A QR is waiting to be scanned. The secret behind it is not recorded.
    #[serde(rename = "instance.qr_issued")]
    QrIssued {
        /// SHA-256 of the QR's string, in hexadecimal.
        qr_sha256: String,
        /// Until when WhatsApp accepts it.
        expires_at: DateTime<Utc>,
    },
    /// Nobody scanned.
    #[serde(rename = "instance.pairing_expired")]
    PairingExpired {},
    /// A phone scanned: the device is linked to its account.
    #[serde(rename = "instance.paired")]
    InstancePaired {
        /// The account's number.
        phone: Option<Personal<PhoneNumber>>,
        /// The account's LID.
        lid: Option<Personal<Lid>>,
    },
    /// Logged in and able to send.
    #[serde(rename = "instance.connected")]
    InstanceConnected {
        /// The account's number.
        phone: Option<Personal<PhoneNumber>>,
        /// The account's LID.
        lid: Option<Personal<Lid>>,
        /// The name the account shows.
        profile_name: Option<Personal<DisplayName>>,
    },
    /// The connection ended, for this reason.
    #[serde(rename = "instance.disconnected")]
    InstanceDisconnected {
        /// Why.
        reason: DisconnectReason,
        /// When; the first events of this kind did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<DateTime<Utc>>,
    },
    /// The connection keeps breaking. Raised once, until it has been stable again.
    #[serde(rename = "instance.flapping_detected")]
    FlappingDetected {
        /// When the first of these connections ended.
        since: DateTime<Utc>,
        /// How many ended since then.
        disconnects: u32,
    },
    /// The device is no longer linked. Connecting again needs a new QR.
    #[serde(rename = "instance.logged_out")]
    InstanceLoggedOut {
        /// Who ended the link.
        by: LoggedOutBy,
    },
    /// The instance is gone; its name is free.
    #[serde(rename = "instance.deleted")]
    InstanceDeleted {},
}

impl DomainEvent for InstanceEvent {
    fn event_type(&self) -> String {
        match self {
            Self::InstanceRegistered { .. } => "instance.registered",
            Self::InstanceRenamed { .. } => "instance.renamed",
            Self::ConnectionRequested {} => "instance.connecting",
            Self::QrIssued { .. } => "instance.qr_issued",
            Self::PairingExpired {} => "instance.pairing_expired",
            Self::InstancePaired { .. } => "instance.paired",
            Self::InstanceConnected { .. } => "instance.connected",
            Self::InstanceDisconnected { .. } => "instance.disconnected",
            Self::FlappingDetected { .. } => "instance.flapping_detected",
            Self::InstanceLoggedOut { .. } => "instance.logged_out",
            Self::InstanceDeleted {} => "instance.deleted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
