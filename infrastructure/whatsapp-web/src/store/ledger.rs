//! What became of the inbound messages this process has seen, for when one of them is delivered again.
//!
//! The engine writes ratchets behind: also of messages whose buffered copy is not stored yet. After a crash between the
//! two such a message comes again, its key is spent, and there is no copy. To the engine that looks like a message it
//! was done with, which it would acknowledge: nobody would ever read it. So only those that are noted here count as
//! done with; what became of the others nobody knows, and their sender is asked for them again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many are remembered: more than the engine commits at once. One that is forgotten is asked for without need,
/// and found in the event log.
const REMEMBERED: usize = 512;

/// A message that came again, and nobody knows whether it was ever read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unaccounted {
    pub(crate) chat: String,
    pub(crate) sender: String,
    pub(crate) id: String,
}

/// What became of inbound messages, for all clients of a session.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    notes: Mutex<Notes>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Notes {
    done: HashSet<Vec<u8>>,
    order: VecDeque<Vec<u8>>,
    unaccounted: Vec<Unaccounted>,
}

impl Ledger {
    /// The sink has these, by what their rows are found by.
    pub(super) fn done(&self, keys: &[Vec<u8>]) {
        let mut notes = self.notes();
        for key in keys {
            if notes.done.insert(key.clone()) {
                notes.order.push_back(key.clone());
            }
            if notes.order.len() > REMEMBERED
                && let Some(oldest) = notes.order.pop_front()
            {
                notes.done.remove(&oldest);
            }
        }
    }

    /// Whether this process was done with a message that has no copy.
    pub(super) fn is_done(&self, key: &[u8]) -> bool {
        self.notes().done.contains(key)
    }

    pub(super) fn missing(&self, message: Unaccounted) {
        self.notes().unaccounted.push(message);
        self.news.notify_one();
    }

    /// Waits for messages that are to be asked for again.
    pub(crate) async fn unaccounted(&self) -> Vec<Unaccounted> {
        self.news.notified().await;
        std::mem::take(&mut self.notes().unaccounted)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_messages_are_remembered_each_once() {
        let ledger = Ledger::default();
        let key = |number: usize| number.to_be_bytes().to_vec();
        for number in 0..=REMEMBERED {
            ledger.done(&[key(number), key(number)]);
        }
        assert!(!ledger.is_done(&key(0)));
        assert!(ledger.is_done(&key(1)) && ledger.is_done(&key(REMEMBERED)));
        assert_eq!(ledger.notes().done.len(), REMEMBERED);
    }
}
