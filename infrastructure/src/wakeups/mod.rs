//! Wake-ups within this process, and between the processes of a database.
//!
//! Cast:
//! - the [`Bell`] is rung by the appends of this process ([`Bell::ring`]) and by what others tell ([`Bell::hear`]);
//!   whoever waits listens to it. Ringing notes something in memory, and waits for nothing;
//! - what others are to be told gathers in the bell ([`Untold`]);
//! - the [`exchange`] tells them, and hears what they tell, over one connection of its own, in the words of [`payload`].
//!
//! `NOTIFY` in an append's transaction would make the commits of the whole server wait for each other. So it goes out
//! beside them, after the commit, once for all that was appended in the last few milliseconds.

mod exchange;
mod payload;
mod untold;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interflow_application::live::Sign;
use interflow_application::wakeups::{Wakeup, Wakeups};
use interflow_domain::WorkspaceId;
use tokio::sync::{broadcast, watch};

use untold::Untold;

pub use exchange::{APPLICATION_NAME, Exchange};

/// How many wake-ups a listener may be behind before it loses some.
const BACKLOG: usize = 1024;

/// Wakes who waits in this process, and keeps what other processes are to be told. Cheap to clone: clones are one bell.
#[derive(Debug, Clone)]
pub struct Bell(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    listeners: broadcast::Sender<Wakeup>,
    positions: Mutex<HashMap<WorkspaceId, watch::Sender<u64>>>,
    untold: Untold,
}

impl Default for Bell {
    fn default() -> Self {
        let (listeners, _) = broadcast::channel(BACKLOG);
        Self(Arc::new(Inner { listeners, positions: Mutex::default(), untold: Untold::default() }))
    }
}

impl Bell {
    /// Something was appended by this process, and is committed.
    pub fn ring(&self, wakeups: impl IntoIterator<Item = Wakeup>) {
        for wakeup in wakeups {
            self.0.untold.add(wakeup);
            // Who carried a send out needs not be told.
            if !matches!(wakeup, Wakeup::SendDone { .. }) {
                self.hear(wakeup);
            }
        }
    }

    /// Something was done by another process.
    pub fn hear(&self, wakeup: Wakeup) {
        match wakeup {
            Wakeup::Appended { workspace, position } => {
                let mut positions = self.known();
                if let Some(known) = positions.get(&workspace) {
                    known.send_if_modified(|known| {
                        let news = position > *known;
                        *known = position.max(*known);
                        news
                    });
                    if known.receiver_count() == 0 {
                        positions.remove(&workspace);
                    }
                }
            }
            Wakeup::Lost => {
                self.known().retain(|_, known| {
                    known.send_modify(|_| {});
                    known.receiver_count() > 0
                });
            }
            Wakeup::SendQueued { .. }
            | Wakeup::SendDone { .. }
            | Wakeup::Erased { .. }
            | Wakeup::Sign { .. } => {}
        }
        // An error says that nobody listens.
        drop(self.0.listeners.send(wakeup));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<WorkspaceId, watch::Sender<u64>>> {
        self.0.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wakeups for Bell {
    fn positions(&self, workspace: WorkspaceId) -> watch::Receiver<u64> {
        self.known().entry(workspace).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    fn subscribe(&self) -> broadcast::Receiver<Wakeup> {
        self.0.listeners.subscribe()
    }

    fn sign(&self, workspace: WorkspaceId, sign: Sign) {
        self.ring([Wakeup::Sign { workspace, sign }]);
    }
}

#[cfg(test)]
mod tests {
    use interflow_domain::{InstanceId, MessageId};

    use super::*;

    const MINE: WorkspaceId = WorkspaceId::new(uuid::Uuid::from_u128(1));
    const THEIRS: WorkspaceId = WorkspaceId::new(uuid::Uuid::from_u128(2));

    fn appended(workspace: WorkspaceId, position: u64) -> Wakeup {
        Wakeup::Appended { workspace, position }
    }

    #[test]
    fn a_workspaces_position_only_grows_and_is_nobody_elses() {
        let bell = Bell::default();
        let (mine, mut theirs) = (bell.positions(MINE), bell.positions(THEIRS));
        bell.ring([appended(MINE, 3)]);
        bell.hear(appended(MINE, 2));
        assert_eq!(*mine.borrow(), 3);
        assert!(!theirs.has_changed().unwrap());
        bell.hear(Wakeup::Lost);
        assert!(theirs.has_changed().unwrap());
        assert_eq!(*theirs.borrow_and_update(), 0);
    }

    #[test]
    fn a_workspace_that_nobody_listens_to_takes_no_room() {
        let bell = Bell::default();
        drop((bell.positions(MINE), bell.positions(THEIRS)));
        bell.ring([appended(MINE, 1)]);
        assert_eq!(bell.known().len(), 1);
        bell.hear(Wakeup::Lost);
        assert!(bell.known().is_empty());
    }

    #[test]
    fn who_carried_a_send_out_is_not_woken_by_it() {
        let bell = Bell::default();
        let mut heard = bell.subscribe();
        let (queued, done) = (
            Wakeup::SendQueued { instance: InstanceId::default() },
            Wakeup::SendDone { message: MessageId::default() },
        );
        bell.ring([done, queued]);
        assert_eq!(heard.try_recv(), Ok(queued));
        bell.hear(done);
        assert_eq!(heard.try_recv(), Ok(done));
    }
}
