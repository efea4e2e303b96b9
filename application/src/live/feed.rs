//! A workspace's feed in this process: one reader of the log's end for all who listen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use interflow_domain::WorkspaceId;
use interflow_domain::workspace::WorkspaceEvent;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::maker::Maker;
use super::pages::Pages;
use super::slot::Slot;
use super::{Filter, Signal};
use crate::Backoff;
use crate::log::{Event, EventLog, LogError};

/// How many events are read at once.
const AT_ONCE: u32 = 256;
/// How far apart the log's end is read: what was appended meanwhile is read at once.
const PAUSE: Duration = Duration::from_millis(10);
/// How often it is looked at by itself: wake-ups may be lost.
const POLL: Duration = Duration::from_secs(5);
const RETRY: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(5) };

pub(super) struct Feed {
    pub pages: Pages,
    slots: Mutex<Vec<Weak<Slot>>>,
    /// Everything up to here was offered to the slots there were.
    until: AtomicU64,
    /// Changes when a key or the workspace may no longer be what it was.
    access: watch::Sender<()>,
    _reading: DropGuard,
}

impl Feed {
    /// Begins after a position, and reads on for as long as anybody has it.
    pub fn start(
        log: Arc<dyn EventLog>,
        heard: watch::Receiver<u64>,
        workspace: WorkspaceId,
        until: u64,
    ) -> Arc<Self> {
        let stop = CancellationToken::new();
        let feed = Arc::new(Self {
            pages: Pages::new(Arc::clone(&log), workspace),
            slots: Mutex::default(),
            until: AtomicU64::new(until),
            access: watch::Sender::new(()),
            _reading: stop.clone().drop_guard(),
        });
        let maker = Maker::new(Arc::clone(&log), workspace, until);
        let reader = Reader { log, workspace, maker, erasures: None, feed: Arc::downgrade(&feed) };
        tokio::spawn(async move { stop.run_until_cancelled(reader.run(heard)).await });
        feed
    }

    /// Up to where everything was offered.
    pub fn until(&self) -> u64 {
        self.until.load(Ordering::Acquire)
    }

    /// Changes when a key or the workspace may no longer be what it was.
    pub fn access(&self) -> watch::Receiver<()> {
        self.access.subscribe()
    }

    /// A place, and after which position everything is offered to it.
    pub fn join(&self, filter: &Filter) -> (Arc<Slot>, u64) {
        let slot = Arc::new(Slot::new(filter.clone()));
        let mut slots = self.slots();
        slots.push(Arc::downgrade(&slot));
        // Offers hold the same lock.
        let until = self.until();
        drop(slots);
        (slot, until)
    }

    /// Offers a signal to everybody.
    pub fn signal(&self, signal: &Arc<Signal>) {
        self.slots().iter().filter_map(Weak::upgrade).for_each(|slot| slot.offer_signal(signal));
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reader {
    log: Arc<dyn EventLog>,
    workspace: WorkspaceId,
    maker: Maker,
    erasures: Option<u64>,
    feed: Weak<Feed>,
}

impl Reader {
    async fn run(mut self, mut heard: watch::Receiver<u64>) {
        let mut failures = 0;
        loop {
            heard.borrow_and_update();
            match self.advance().await {
                Ok(true) => continue,
                Ok(false) => failures = 0,
                Err(error) => {
                    tracing::warn!(%error, failures, "the log cannot be read for live streams");
                    sleep(RETRY.wait(failures)).await;
                    failures += 1;
                    continue;
                }
            }
            sleep(PAUSE).await;
            // Nobody can ring any more when the server ends; the next look comes all the same.
            if let Ok(Err(_)) = timeout(POLL, heard.changed()).await {
                sleep(POLL).await;
            }
        }
    }

    /// Reads on, and says whether there may be more already.
    async fn advance(&mut self) -> Result<bool, LogError> {
        let erasures = self.log.erasures(self.workspace).await?;
        if self.erasures.replace(erasures) != Some(erasures) {
            self.maker.forget();
        }
        let events = self.log.read(self.workspace, self.maker.position, AT_ONCE).await?;
        let more = events.len() == AT_ONCE as usize;
        for recorded in events {
            let position = recorded.position;
            let access = matches!(
                recorded.event,
                Event::Workspace(
                    WorkspaceEvent::KeyRevoked { .. }
                        | WorkspaceEvent::KeyRotated { .. }
                        | WorkspaceEvent::WorkspaceSuspended { .. }
                )
            );
            let made = self.maker.make(recorded).await?;
            let Some(feed) = self.feed.upgrade() else { return Ok(false) };
            let mut slots = feed.slots();
            if let Some(event) = &made {
                slots.retain(|slot| {
                    let slot = slot.upgrade();
                    slot.as_ref().inspect(|slot| slot.offer(event));
                    slot.is_some()
                });
            }
            feed.until.store(position, Ordering::Release);
            drop(slots);
            if access {
                feed.access.send_modify(|()| {});
            }
        }
        Ok(more)
    }
}
