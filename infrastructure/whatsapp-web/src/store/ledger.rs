//! What became of the inbound messages this process has seen, for when one of them is delivered again.
//!
//! The engine writes ratchets behind: also of messages whose buffered copy is not stored yet. After a crash between the
//! two such a message comes again, its key is spent, and there is no copy. To the engine that looks like a message it
//! was done with, which it would acknowledge: nobody would ever read it. So only those that are noted here count as
//! done with; what became of the others nobody knows, and their sender is asked for them again.
//!
//! Until such a message is there, what its chat brings behind it is left unacknowledged, so that WhatsApp delivers that
//! again at the next connection: behind it, as it was written.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

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

/// What came of waiting for a message that was asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nobody waits for it any more: it came, or it was given up.
    Settled,
    /// A new connection began, which brings it again.
    Reconnected,
}

/// What became of inbound messages, for all clients of a session.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    notes: Mutex<Notes>,
    news: Notify,
    /// Counts connections; sent anew with each message that was waited for.
    settled: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Notes {
    done: HashSet<Vec<u8>>,
    order: VecDeque<Vec<u8>>,
    unaccounted: Vec<Unaccounted>,
    /// The chats that wait for messages.
    held: HashMap<String, Held>,
}

/// A chat that waits.
#[derive(Debug, Default)]
struct Held {
    /// The messages it waits for.
    awaited: HashSet<String>,
    /// Something was left unacknowledged meanwhile.
    refused: bool,
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

    /// Nobody knows what became of this one; its chat waits for it, if it is one that is `carried`.
    pub(super) fn missing(&self, message: Unaccounted, carried: bool) {
        let mut notes = self.notes();
        if carried {
            notes.held.entry(message.chat.clone()).or_default().awaited.insert(message.id.clone());
        }
        notes.unaccounted.push(message);
        drop(notes);
        self.news.notify_one();
    }

    /// Whether a message of a chat may be taken now. One that may not comes again at the next connection.
    pub(crate) fn admits(&self, chat: &str, id: &str) -> bool {
        let mut notes = self.notes();
        let Some(held) = notes.held.get_mut(chat) else { return true };
        let is_awaited = held.awaited.contains(id);
        held.refused |= !is_awaited;
        is_awaited
    }

    /// A message is not waited for any more: the sink has it, or it was given up. Tells whether it was the last one, and
    /// something was refused, which is to come again; until then its chat is held.
    pub(crate) fn settle(&self, chat: &str, id: &str) -> bool {
        let mut notes = self.notes();
        let Some(held) = notes.held.get_mut(chat) else { return false };
        let news = held.awaited.remove(id);
        if held.awaited.is_empty() && !held.refused {
            notes.held.remove(chat);
        }
        let is_over = !notes.held.is_empty() && notes.held.values().all(|held| held.awaited.is_empty());
        drop(notes);
        self.settled.send_modify(|_| {});
        news && is_over
    }

    /// A connection begins: what is unacknowledged comes again, in its order.
    pub(crate) fn connecting(&self) {
        self.notes().held.clear();
        self.settled.send_modify(|connections| *connections += 1);
    }

    /// How many connections there were, for [`Self::outcome`].
    pub(crate) fn connection(&self) -> u64 {
        *self.settled.borrow()
    }

    /// Waits for what comes of a message that was asked for during a connection.
    pub(crate) async fn outcome(&self, message: &Unaccounted, connection: u64) -> Outcome {
        let mut settled = self.settled.subscribe();
        let waits = || {
            let notes = self.notes();
            notes.held.get(&message.chat).is_some_and(|held| held.awaited.contains(&message.id))
        };
        // The sender is `self`, so the channel cannot close while this waits.
        let _ = settled.wait_for(|now| *now != connection || !waits()).await;
        if self.connection() == connection { Outcome::Settled } else { Outcome::Reconnected }
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

    fn lost(id: &str) -> Unaccounted {
        Unaccounted { chat: "chat".to_owned(), sender: "sender".to_owned(), id: id.to_owned() }
    }

    #[tokio::test]
    async fn a_chat_waits_for_every_message_that_was_lost_and_for_what_was_refused_meanwhile() {
        let ledger = Ledger::default();
        assert!(ledger.admits("chat", "A"));
        ledger.missing(lost("A"), true);
        ledger.missing(lost("B"), true);
        ledger.missing(Unaccounted { chat: "third chat".to_owned(), ..lost("T") }, true);
        assert!(ledger.admits("chat", "A") && ledger.admits("another chat", "C"));
        assert!(!ledger.settle("chat", "A"), "B is still missing");
        assert_eq!(ledger.outcome(&lost("A"), 0).await, Outcome::Settled);
        assert!(!ledger.admits("chat", "C"));
        let (b, mut outcome) = (lost("B"), None);
        let waiting = async { outcome = Some(ledger.outcome(&b, 0).await) };
        futures::join!(waiting, async { assert!(!ledger.settle("chat", "B"), "another chat waits") });
        assert_eq!(outcome, Some(Outcome::Settled));
        assert!(!ledger.admits("chat", "D"), "it would be ahead of C");
        assert!(ledger.settle("third chat", "T"), "one connection brings C and D again");
        assert!(!ledger.settle("chat", "B"), "once is enough");
        ledger.connecting();
        assert!(ledger.admits("chat", "C"));
    }

    #[tokio::test]
    async fn a_chat_that_refused_nothing_goes_on_and_a_connection_ends_every_wait() {
        let ledger = Ledger::default();
        ledger.connecting();
        ledger.missing(lost("A"), true);
        assert!(!ledger.settle("chat", "A"));
        assert!(ledger.admits("chat", "B"));
        ledger.missing(lost("group"), false);
        assert!(ledger.admits("chat", "B"), "a chat that is not carried waits for nothing");
        ledger.missing(lost("C"), true);
        let (c, mut outcome) = (lost("C"), None);
        let waiting = async { outcome = Some(ledger.outcome(&c, 1).await) };
        futures::join!(waiting, async { ledger.connecting() });
        assert_eq!(outcome, Some(Outcome::Reconnected));
    }
}
