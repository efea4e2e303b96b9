//! Lets a workspace's calls of a kind go one after the other, where they would only lose races against each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use interflow_domain::WorkspaceId;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Whose turn it is, workspace by workspace. Whoever waits nowhere is not remembered.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<WorkspaceId, Weak<Turn<()>>>>);

impl Turns {
    /// Waits for the workspace's other calls to be done. The turn ends when what is returned is dropped.
    pub async fn take(&self, workspace: WorkspaceId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let slot = turns.entry(workspace).or_default();
            slot.upgrade().unwrap_or_else(|| {
                let turn = Arc::default();
                *slot = Arc::downgrade(&turn);
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use interflow_application::workspace_id;

    use super::*;

    #[tokio::test]
    async fn a_workspace_waits_for_itself_and_for_nobody_else() {
        let [one, other] = ["one", "other"].map(|slug| workspace_id(&slug.parse().unwrap()));
        let turns = Turns::default();
        let first = turns.take(one).await;
        assert!(turns.take(one).now_or_never().is_none());
        assert!(turns.take(other).now_or_never().is_some());
        drop(first);
        assert!(turns.take(one).now_or_never().is_some());
        drop(turns.take(other).await);
        assert_eq!(turns.0.lock().unwrap().len(), 1, "who waits nowhere is not remembered");
    }
}
