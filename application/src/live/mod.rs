//! The live feed: public events and signals of a workspace as they come, to any number of listeners in this process.
//!
//! Cast:
//! - [`Live`] is what a face asks for a [`Subscription`];
//! - a *feed* ([`feed`]) is a workspace's in this process while anybody listens: it reads the log's end once for all of
//!   them, woken by whoever appended, in whichever process;
//! - the *maker* ([`maker`]) makes of an event of the log what the outside is told, once, however many are told;
//! - *pages* ([`pages`]) are what was told before, for listeners that begin in the past;
//! - a *slot* ([`slot`]) is a listener's place: its filter and a bounded queue. Whoever does not take what is queued is
//!   cut, and told where to go on;
//! - a *signal* ([`Signal`]) is what is in no log: somebody types, somebody is online, a QR to scan.
//!
//! A listener that begins after a position reads pages until it is near the log's end, takes its slot there, and reads
//! the last stretch up to the position at which it took it. So it gets every event it asked for, in order, once.

mod event;
mod feed;
mod filter;
mod maker;
mod pages;
mod signal;
mod slot;
mod subscription;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use interflow_domain::WorkspaceId;
use tokio::sync::broadcast::error::RecvError;

use crate::log::{EventLog, LogError};
use crate::wakeups::{Wakeup, Wakeups};
use feed::Feed;

pub use event::LiveEvent;
pub use filter::Filter;
pub use signal::{Activity, Sign, Signal, SignalKind};
pub use subscription::{Cut, Item, Subscription};

/// The live feeds of this process. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    log: Arc<dyn EventLog>,
    wakeups: Arc<dyn Wakeups>,
    feeds: Mutex<HashMap<WorkspaceId, Weak<Feed>>>,
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// After this position; 0 is before the first.
    Position(u64),
    /// With what happens from now on.
    Now,
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The position is of another log, or of this one before it was restored from a backup.
    #[error("the log ends at position {end}")]
    BeyondTheEnd {
        /// Where the log ends.
        end: u64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Live {
    /// Feeds from this log, woken by these.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, wakeups: Arc<dyn Wakeups>) -> Self {
        Self(Arc::new(Inner { log, wakeups, feeds: Mutex::default() }))
    }

    /// Listens to a workspace.
    pub async fn subscribe(
        &self,
        workspace: WorkspaceId,
        filter: Filter,
        since: Since,
    ) -> Result<Subscription, SubscribeError> {
        let end = self.0.log.head(workspace).await?;
        let after = match since {
            Since::Now => end,
            Since::Position(position) if position <= end => position,
            Since::Position(_) => return Err(SubscribeError::BeyondTheEnd { end }),
        };
        Ok(Subscription::new(self.feed(workspace, end), filter, after))
    }

    /// Tells this process's listeners of a signal that must not leave it.
    pub fn tell(&self, signal: Signal) {
        if let Some(feed) = self.running(signal.workspace) {
            feed.signal(&Arc::new(signal));
        }
    }

    /// Tells the listeners of every process of a sign of somebody.
    pub fn tell_everywhere(&self, workspace: WorkspaceId, sign: Sign) {
        self.0.wakeups.sign(workspace, sign);
    }

    /// Hands the signs that any process told to the listeners of this one, until it is dropped.
    pub async fn hear_signs(self) {
        let mut wakeups = self.0.wakeups.subscribe();
        loop {
            match wakeups.recv().await {
                Ok(Wakeup::Sign { workspace, sign }) => self.tell(sign.signal(workspace)),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn running(&self, workspace: WorkspaceId) -> Option<Arc<Feed>> {
        let feeds = self.0.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(&workspace).and_then(Weak::upgrade)
    }

    /// The workspace's feed; a new one begins at the log's end.
    fn feed(&self, workspace: WorkspaceId, end: u64) -> Arc<Feed> {
        let mut feeds = self.0.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&workspace).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let log = Arc::clone(&self.0.log);
        let feed = Feed::start(log, self.0.wakeups.positions(workspace), workspace, end);
        feeds.insert(workspace, Arc::downgrade(&feed));
        feed
    }
}
