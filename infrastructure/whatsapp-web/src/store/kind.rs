//! What a row of `wa_keys` is. The numbers are stored: never change or reuse one.

/// What a row is, and what its `stamp` and `until` mean where they mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum Kind {
    /// The device itself: its long-term keys, its account. One row.
    Device = 1,
    /// Somebody's identity key, by Signal address; scope: the user of the address.
    Identity = 2,
    /// A ratchet, by Signal address; scope: the user of the address.
    Session = 3,
    /// A one-time pre-key, by id; `stamp` is 1 when WhatsApp has it.
    PreKey = 4,
    /// A signed pre-key, by id.
    SignedPreKey = 5,
    /// A group's sender key, by address; scope: whose it is.
    SenderKey = 6,
    /// An app-state key, by its id; `stamp`: when it was stored, in milliseconds.
    SyncKey = 7,
    /// The version of an app-state collection, by name.
    SyncVersion = 8,
    /// The MAC of an app-state entry, by collection and index; scope: the collection.
    MutationMac = 9,
    /// Whether a device has our sender key, by group then device (16 bytes each); scope: the group.
    SenderKeyDevice = 10,
    /// A LID and its phone number, by LID; scope: the phone number; `stamp`: when it was learned last.
    LidMapping = 11,
    /// The base key of a ratchet at a retry, by address and message; scope: the user of the address.
    BaseKey = 12,
    /// Somebody's devices, by user.
    DeviceList = 13,
    /// What is known of a group, by group.
    GroupMetadata = 14,
    /// A privacy token, by JID; scope: its user; `stamp`: of the token received, `until`: when ours was sent last.
    TcToken = 15,
    /// A message we sent, for those who ask again, by chat and id; scope: the chat's user; `stamp`: when.
    SentMessage = 16,
    /// A message decrypted and not yet in the event log, by chat, sender and id; scope: the chat's user; `stamp`:
    /// when.
    PendingInbound = 17,
    /// The secret of a message, by chat, sender and id; scope: the chat's user; `stamp`: when the message was sent, `until`: 0 is for ever.
    MessageSecret = 18,
}

impl Kind {
    pub(crate) const fn number(self) -> i16 {
        self as i16
    }
}
