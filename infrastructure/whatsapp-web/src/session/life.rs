//! What the engine told us of the connection, for the supervisor to act on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interflow_application::whatsapp::Party;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Why a connection ended in a way that another attempt alone does not mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    QrExhausted,
    LoggedOut,
    Replaced,
    Banned { code: String, retry_after: Option<Duration> },
    Outdated,
    Refused { code: String },
}

/// What to do while the connection runs.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    /// The device was linked: make it durable, then say so.
    pub(crate) paired: Option<Party>,
    /// Messages were not taken: connect again, so that WhatsApp delivers them again.
    pub(crate) redeliver: bool,
    /// The client is told to go; see the ending.
    pub(crate) ended: bool,
}

#[derive(Debug, Default)]
struct Notes {
    errands: Errands,
    ending: Option<Ending>,
    connected_since: Option<Instant>,
    leaving: bool,
    unlinked: bool,
}

/// Notes about the running connection.
#[derive(Debug, Default)]
pub(crate) struct Life {
    notes: Mutex<Notes>,
    nudge: Notify,
}

impl Life {
    pub(crate) fn paired(&self, account: Party) {
        self.notes().errands.paired = Some(account);
        self.nudge.notify_one();
    }

    pub(crate) fn redeliver(&self) {
        self.notes().errands.redeliver = true;
        self.nudge.notify_one();
    }

    /// The first ending counts: what follows is its echo.
    pub(crate) fn end(&self, ending: Ending) {
        let mut notes = self.notes();
        notes.unlinked |= ending == Ending::LoggedOut;
        notes.ending.get_or_insert(ending);
        notes.connected_since = None;
        notes.errands.ended = true;
        drop(notes);
        self.nudge.notify_one();
    }

    pub(crate) fn connected(&self) {
        self.notes().connected_since = Some(Instant::now());
    }

    /// Logged in and able to send.
    pub(crate) fn is_connected(&self) -> bool {
        self.notes().connected_since.is_some()
    }

    /// We asked WhatsApp to unlink us: if it does, that was us.
    pub(crate) fn leave(&self, leaving: bool) {
        self.notes().leaving = leaving;
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.notes().leaving
    }

    /// WhatsApp has said that the device is no longer linked.
    pub(crate) fn is_unlinked(&self) -> bool {
        self.notes().unlinked
    }

    /// Waits for something to do.
    pub(crate) async fn errands(&self) -> Errands {
        self.nudge.notified().await;
        self.take_errands()
    }

    pub(crate) fn take_errands(&self) -> Errands {
        std::mem::take(&mut self.notes().errands)
    }

    /// The connection is over: how it ended, and how long it was good.
    pub(crate) fn over(&self) -> (Option<Ending>, Option<Duration>) {
        let mut notes = self.notes();
        (notes.ending.take(), notes.connected_since.take().map(|since| since.elapsed()))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
