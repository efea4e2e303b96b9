use chrono::{DateTime, Utc};

use super::{DisconnectReason, LoggedOutBy};
use crate::{DisplayName, InstanceId, InstanceName, Lid, PhoneNumber};

/// What may be asked of an instance, by people and by the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceCommand {
    /// Make it.
    RegisterInstance {
        /// Its id.
        instance_id: InstanceId,
        /// Its name.
        name: InstanceName,
    },
    /// Give it another name. Whether the name is free is not its business.
    RenameInstance {
        /// The new name.
        name: InstanceName,
    },
    /// Connect it: pair when it is not linked, else log in. Does nothing when it is connecting or open.
    RequestConnection,
    /// Record that a QR is waiting.
    RecordQr {
        /// SHA-256 of the QR's string, in hexadecimal.
        qr_sha256: String,
        /// Until when WhatsApp accepts it.
        expires_at: DateTime<Utc>,
    },
    /// Record that nobody scanned.
    RecordPairingExpired,
    /// Record that a phone scanned.
    RecordPaired {
        /// The account's number.
        phone: Option<PhoneNumber>,
        /// The account's LID.
        lid: Option<Lid>,
    },
    /// Record a login.
    RecordConnected {
        /// The account's number.
        phone: Option<PhoneNumber>,
        /// The account's LID.
        lid: Option<Lid>,
        /// The name the account shows.
        profile_name: Option<DisplayName>,
    },
    /// Record the end of a connection. Does nothing when the same end is recorded already.
    RecordDisconnected {
        /// Why.
        reason: DisconnectReason,
        /// When.
        at: DateTime<Utc>,
    },
    /// Record that the device is no longer linked.
    RecordLoggedOut {
        /// Who ended the link.
        by: LoggedOutBy,
    },
    /// Delete it.
    DeleteInstance,
}
