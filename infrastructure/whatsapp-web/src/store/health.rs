//! What became of a key store.

use std::sync::Arc;

use tokio::sync::watch;

/// What became of a key store. It only ever gets worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    /// Every write so far was made.
    Sound,
    /// A write could not be made, or a value could not be read; nothing is written any more.
    Broken,
    /// The lease is another node's; nothing is written any more.
    Fenced,
}

/// Shares the health of a store between its users and the session that has to act on it.
#[derive(Debug, Clone)]
pub(crate) struct HealthWatch(Arc<watch::Sender<Health>>);

impl HealthWatch {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Health::Sound)))
    }

    pub(crate) fn now(&self) -> Health {
        *self.0.borrow()
    }

    /// Notes that it got worse, and tells whether it is news.
    pub(crate) fn worsen(&self, to: Health) -> bool {
        self.0.send_if_modified(|health| {
            let news = to > *health;
            *health = to.max(*health);
            news
        })
    }

    /// Returns once the store is no longer sound.
    pub(crate) async fn unsound(&self) -> Health {
        let mut watch = self.0.subscribe();
        // The sender is `self`, so the channel cannot close while this waits.
        watch.wait_for(|health| *health > Health::Sound).await.map_or(Health::Broken, |health| *health)
    }
}
