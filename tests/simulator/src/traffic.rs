//! Counts connections, so that a test can tell a client that stays away from one that knocks again and again.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;

use crate::locked;

/// The body of `GET /connections`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Connections that were accepted, whatever became of them.
    pub accepted: u64,
    /// Logins of linked devices, also refused ones, by the account's number.
    pub logins: BTreeMap<String, u64>,
    /// How many devices of an account are connected now, by its number.
    pub online: BTreeMap<String, usize>,
}

/// What was counted so far.
#[derive(Default)]
pub(crate) struct TrafficBook(Mutex<Traffic>);

impl TrafficBook {
    pub(crate) fn connection(&self) {
        locked(&self.0).accepted += 1;
    }

    pub(crate) fn login(&self, number: &str) {
        *locked(&self.0).logins.entry(number.to_owned()).or_default() += 1;
    }

    /// What was counted, and who is online.
    pub(crate) fn with_online(&self, online: BTreeMap<String, usize>) -> Traffic {
        Traffic { online, ..locked(&self.0).clone() }
    }
}
