use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use interflow_application::wakeups::Wakeup;
use interflow_domain::WorkspaceId;
use tokio::sync::Notify;

/// What is more than this is told as "anything may be new".
const MOST: usize = 10_000;

/// What other processes have not been told yet, each thing once. Nothing gathers before somebody tells it.
#[derive(Debug, Default)]
pub(super) struct Untold {
    gathered: Mutex<Option<Gathered>>,
    some: Notify,
}

#[derive(Debug, Default)]
struct Gathered {
    positions: BTreeMap<WorkspaceId, u64>,
    others: BTreeSet<Wakeup>,
}

impl Gathered {
    fn add(&mut self, wakeup: Wakeup) {
        if self.positions.len() + self.others.len() >= MOST {
            *self = Self::default();
            self.others.insert(Wakeup::Lost);
        }
        if let Wakeup::Appended { workspace, position } = wakeup {
            let last = self.positions.entry(workspace).or_default();
            *last = position.max(*last);
        } else {
            self.others.insert(wakeup);
        }
    }
}

impl Untold {
    /// From now on there is somebody who tells.
    pub(super) fn gather(&self) {
        self.gathered().get_or_insert_default();
    }

    pub(super) fn add(&self, wakeup: Wakeup) {
        if let Some(gathered) = &mut *self.gathered() {
            gathered.add(wakeup);
            self.some.notify_one();
        }
    }

    /// Returns when something was added since it returned last. May be given up at any time.
    pub(super) async fn some(&self) {
        self.some.notified().await;
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Vec<Wakeup> {
        let Some(Gathered { positions, others }) = self.gathered().as_mut().map(std::mem::take) else {
            return vec![];
        };
        let appended =
            positions.into_iter().map(|(workspace, position)| Wakeup::Appended { workspace, position });
        appended.chain(others).collect()
    }

    fn gathered(&self) -> MutexGuard<'_, Option<Gathered>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use interflow_domain::MessageId;
    use uuid::Uuid;

    use super::*;

    const fn done(number: u128) -> Wakeup {
        Wakeup::SendDone { message: MessageId::new(Uuid::from_u128(number)) }
    }

    #[test]
    fn everything_is_told_once_with_the_last_position() {
        let untold = Untold::default();
        untold.add(done(1));
        assert_eq!(untold.take(), [], "nobody tells it");
        untold.gather();
        let workspace = WorkspaceId::default();
        for position in [7, 9, 8] {
            untold.add(Wakeup::Appended { workspace, position });
            untold.add(done(1));
        }
        assert_eq!(untold.take(), [Wakeup::Appended { workspace, position: 9 }, done(1)]);
        assert_eq!(untold.take(), []);
    }

    #[test]
    fn what_cannot_be_told_for_long_does_not_grow_for_ever() {
        let untold = Untold::default();
        untold.gather();
        (0..=MOST as u128).for_each(|number| untold.add(done(number)));
        assert_eq!(untold.take(), [done(MOST as u128), Wakeup::Lost]);
    }
}
