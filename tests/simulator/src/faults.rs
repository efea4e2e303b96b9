//! Faults that a test can ask for.
//!
//! `POST /faults` replaces all of them: what is left out goes back to its default, so `{}` heals the
//! network. Counters go down as they are used up, and `GET /faults` shows what is left.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::locked;

/// Which receipts the customers' phones send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receipts {
    /// Delivered, then read.
    #[default]
    All,
    /// Delivered only.
    Delivered,
    /// None at all.
    None,
}

/// How the server refuses every login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRefusal {
    /// WhatsApp's reason: 401 unlinked, 402 banned for a time, 405 too old a client, 403, 503 and others.
    pub reason: u16,
    /// With 402: why the account is banned.
    pub code: Option<u16>,
    /// With 402: for how many seconds.
    pub expire: Option<u32>,
}

impl LoginRefusal {
    /// The server does not know the device (any more).
    pub(crate) const fn unlinked() -> Self {
        Self { reason: 401, code: None, expire: None }
    }
}

/// What goes wrong, or takes its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How long the server waits before it acknowledges a message of the client. Default 0.
    pub ack_delay_ms: u64,
    /// This many messages of clients are delivered but never acknowledged. Default 0.
    pub drop_acks: u32,
    /// This many messages of clients are lost: neither delivered nor acknowledged. Default 0.
    pub drop_messages: u32,
    /// This many messages of customers come twice, under one id, each encrypted on its own. Default 0.
    pub duplicate_inbound: u32,
    /// This many messages of customers cannot be decrypted, so that the client must ask again. Default 0.
    pub corrupt_inbound: u32,
    /// This many messages of customers come after the account's next one, or after a quarter of a second. Default 0.
    pub reorder_inbound: u32,
    /// The receipts for this many messages come twice. Default 0.
    pub duplicate_receipts: u32,
    /// This many messages are reported as read before they are reported as delivered. Default 0.
    pub reorder_receipts: u32,
    /// Which receipts customers' phones send. Default all.
    pub receipts: Receipts,
    /// How long after the message the customer's phone reports delivery. Default 50.
    pub receipt_delay_ms: u64,
    /// How long after that the customer reads. Default 150.
    pub read_delay_ms: u64,
    /// Whether the server drops every new connection. Default false.
    pub refuse_connections: bool,
    /// How the server refuses every login; those that are open stay. Default not at all.
    pub refuse_logins: Option<LoginRefusal>,
    /// How long the server waits before it gives a new client the first QR references. Default 0.
    pub first_qr_delay_ms: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            ack_delay_ms: 0,
            drop_acks: 0,
            drop_messages: 0,
            duplicate_inbound: 0,
            corrupt_inbound: 0,
            reorder_inbound: 0,
            duplicate_receipts: 0,
            reorder_receipts: 0,
            receipts: Receipts::All,
            receipt_delay_ms: 50,
            read_delay_ms: 150,
            refuse_connections: false,
            refuse_logins: None,
            first_qr_delay_ms: 0,
        }
    }
}

/// The faults in force.
#[derive(Default)]
pub(crate) struct FaultBook(Mutex<Faults>);

impl FaultBook {
    /// What is in force now.
    pub(crate) fn current(&self) -> Faults {
        locked(&self.0).clone()
    }

    /// Replaces everything.
    pub(crate) fn replace(&self, faults: Faults) {
        *locked(&self.0) = faults;
    }

    /// Uses up one of a counter; false when none is left.
    pub(crate) fn use_up(&self, counter: fn(&mut Faults) -> &mut u32) -> bool {
        let mut faults = locked(&self.0);
        let left = counter(&mut faults);
        let any = *left > 0;
        *left = left.saturating_sub(1);
        any
    }
}

/// Waits, unless there is nothing to wait for.
pub(crate) async fn pause(milliseconds: u64) {
    if milliseconds > 0 {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}
