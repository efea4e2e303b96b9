//! What a listener has: it waits for the next, and gets every event it asked for, in order, once.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use super::feed::Feed;
use super::slot::{Found, Slot, Waiting};
use super::{Filter, LiveEvent, Signal};
use crate::log::LogError;

/// A listener this near to the log's end takes its slot.
const NEAR: u64 = 256;
/// How many are taken out of a slot at once.
const AT_ONCE: usize = 64;

/// What a listener is told.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event of the log.
    Event(Arc<LiveEvent>),
    /// Something that is in no log.
    Signal(Arc<Signal>),
}

/// Why a listener is told no more.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// It did not take what waited for it. It goes on after this position.
    #[error("the client was too slow: it goes on after position {resume_after}")]
    TooSlow {
        /// After which position everything is still to be told.
        resume_after: u64,
    },
    /// The past cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A listener's end of a feed.
pub struct Subscription {
    feed: Arc<Feed>,
    access: watch::Receiver<()>,
    filter: Filter,
    /// Up to here everything that was asked for is told, or is in `ready`.
    looked: u64,
    told: u64,
    ready: VecDeque<Item>,
    joined: Option<(Arc<Slot>, u64)>,
}

impl Subscription {
    pub(super) fn new(feed: Arc<Feed>, filter: Filter, after: u64) -> Self {
        let access = feed.access();
        Self { feed, access, filter, looked: after, told: after, ready: VecDeque::new(), joined: None }
    }

    /// Up to where everything that was asked for has been told: whoever goes on after it misses nothing.
    #[must_use]
    pub fn position(&self) -> u64 {
        if self.ready.is_empty() { self.looked } else { self.told }
    }

    /// Changes when a key or the workspace may no longer be what it was when this began.
    #[must_use]
    pub fn access(&self) -> watch::Receiver<()> {
        self.access.clone()
    }

    /// What is told next. May be given up at any time; nothing is lost.
    pub async fn next(&mut self) -> Result<Item, Cut> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                if let Item::Event(event) = &item {
                    self.told = event.position();
                }
                return Ok(item);
            }
            self.told = self.looked;
            match &self.joined {
                Some((slot, joined_at)) if self.looked >= *joined_at => {
                    let slot = Arc::clone(slot);
                    self.live(&slot).await?;
                }
                None if self.looked + NEAR >= self.feed.until() => {
                    self.joined = Some(self.feed.join(&self.filter));
                }
                _ => self.past().await?,
            }
        }
    }

    /// What is told next and is there already.
    pub fn next_ready(&mut self) -> Option<Item> {
        let item = self.ready.pop_front()?;
        if let Item::Event(event) = &item {
            self.told = event.position();
        }
        Some(item)
    }

    async fn live(&mut self, slot: &Slot) -> Result<(), Cut> {
        // Before the queue is looked at: what comes in between is in it.
        let until = self.feed.until();
        match slot.take(AT_ONCE) {
            Found::Some(waiting) => {
                for item in waiting {
                    match item {
                        Waiting::Event(event) if event.position() <= self.looked => {}
                        Waiting::Event(event) => {
                            self.looked = event.position();
                            self.ready.push_back(Item::Event(event));
                        }
                        Waiting::Signal(signal) => self.ready.push_back(Item::Signal(signal)),
                    }
                }
            }
            Found::Nothing => {
                self.looked = self.looked.max(until);
                self.told = self.looked;
                slot.news().await;
            }
            Found::Overflown => return Err(Cut::TooSlow { resume_after: self.looked }),
        }
        Ok(())
    }

    /// A page of the past, up to where the slot begins if it was taken.
    async fn past(&mut self) -> Result<(), Cut> {
        let page = self.feed.pages.after(self.looked).await?;
        let last = self.joined.as_ref().map_or(u64::MAX, |(_, joined_at)| *joined_at);
        if page.until == self.looked && self.joined.is_none() {
            // The feed has yet to see what this began after.
            self.joined = Some(self.feed.join(&self.filter));
            return Ok(());
        }
        let wanted = page.events.into_iter().filter(|event| event.position() <= last);
        self.ready.extend(wanted.filter(|event| self.filter.wants(event)).map(Item::Event));
        self.looked = page.until.min(last);
        Ok(())
    }
}
