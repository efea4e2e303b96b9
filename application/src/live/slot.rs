//! A listener's place: what it wants, and what waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Filter, LiveEvent, Signal};

/// How many events may wait for a listener before it is cut.
pub(super) const MOST_WAITING: usize = 1_000;
/// How many may wait before signals are no longer told: they are of the moment.
const MOST_BEFORE_SIGNALS: usize = 100;

/// What waits.
#[derive(Debug, Clone)]
pub(super) enum Waiting {
    Event(Arc<LiveEvent>),
    Signal(Arc<Signal>),
}

#[derive(Debug)]
pub(super) struct Slot {
    pub filter: Filter,
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    overflown: bool,
}

/// What a listener finds.
pub(super) enum Found {
    Some(Vec<Waiting>),
    Nothing,
    /// More waited than may. What is there before that is still given.
    Overflown,
}

impl Slot {
    pub fn new(filter: Filter) -> Self {
        Self { filter, queue: Mutex::default(), news: Notify::new() }
    }

    /// Puts an event in, if it is wanted.
    pub fn offer(&self, event: &Arc<LiveEvent>) {
        if self.filter.wants(event) {
            let mut queue = self.queue();
            if queue.waiting.len() >= MOST_WAITING {
                queue.overflown = true;
            }
            if !queue.overflown {
                queue.waiting.push_back(Waiting::Event(Arc::clone(event)));
            }
            drop(queue);
            self.news.notify_one();
        }
    }

    /// Puts a signal in, if it is wanted and there is room.
    pub fn offer_signal(&self, signal: &Arc<Signal>) {
        if self.filter.wants_signal(signal) {
            let mut queue = self.queue();
            if queue.waiting.len() < MOST_BEFORE_SIGNALS && !queue.overflown {
                queue.waiting.push_back(Waiting::Signal(Arc::clone(signal)));
            }
            drop(queue);
            self.news.notify_one();
        }
    }

    /// Takes up to so much out.
    pub fn take(&self, most: usize) -> Found {
        let mut queue = self.queue();
        if queue.waiting.is_empty() {
            // What was taken up by a burst is not kept for a quiet listener.
            queue.waiting.shrink_to(8);
            return if queue.overflown { Found::Overflown } else { Found::Nothing };
        }
        let count = queue.waiting.len().min(most);
        Found::Some(queue.waiting.drain(..count).collect())
    }

    /// Returns when something was put in since it returned last. May be given up at any time.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
