//! Who was refused a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use interflow_application::limits::Standing;

use crate::auth::{Caller, Fingerprint};

/// How long a refusal is answered from memory before the database is asked again: how late a key that is being
/// refused may notice that its workspace has another plan.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// From so many on, those whose window has ended are dropped. Only keys that work get here.
const SWEPT_FROM: usize = 1024;

/// The keys that were refused in a window that has not ended.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Fingerprint, Entry>>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    caller: Caller,
    quota: u32,
    window_ends: Instant,
    trusted_until: Instant,
}

/// A refusal that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Who was refused.
    pub caller: Caller,
    /// By which quota.
    pub quota: u32,
    /// Where it stands.
    pub standing: Standing,
}

impl Refusals {
    /// Remembers a refusal until the window ends.
    pub fn remember(&self, key: Fingerprint, caller: Caller, quota: u32, resets_in: Duration, now: Instant) {
        let mut entries = self.entries();
        if entries.len() >= SWEPT_FROM {
            entries.retain(|_, entry| now < entry.window_ends);
        }
        let (window_ends, trusted_until) = (now + resets_in, now + TRUSTED_FOR);
        entries.insert(key, Entry { caller, quota, window_ends, trusted_until });
    }

    /// The refusal of a key, if it need not be looked at again. Of many that come when it must, one goes to look.
    #[must_use]
    pub fn recall(&self, key: Fingerprint, now: Instant) -> Option<Refusal> {
        let mut entries = self.entries();
        let entry = entries.get_mut(&key)?;
        if now >= entry.window_ends {
            entries.remove(&key);
            return None;
        }
        if now >= entry.trusted_until {
            entry.trusted_until = now + TRUSTED_FOR;
            return None;
        }
        let standing =
            Standing { admitted: false, remaining: 0, resets_in: entry.window_ends.duration_since(now) };
        Some(Refusal { caller: entry.caller, quota: entry.quota, standing })
    }

    /// Forgets a key: it is admitted again.
    pub fn forget(&self, key: Fingerprint) {
        self.entries().remove(&key);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Fingerprint, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use interflow_domain::workspace::Plan;
    use interflow_domain::{KeyId, WorkspaceId};
    use uuid::Uuid;

    const KEY: Fingerprint = [1; 32];

    fn caller() -> Caller {
        Caller {
            key: KeyId::new(Uuid::from_u128(1)),
            workspace: WorkspaceId::new(Uuid::from_u128(2)),
            plan: Plan::Starter,
        }
    }

    #[test]
    fn a_refusal_is_answered_from_memory_and_looked_at_again_by_one_call_a_second() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let after = |milliseconds| refusals.recall(KEY, start + Duration::from_millis(milliseconds));
        assert_eq!(after(0), None);
        refusals.remember(KEY, caller(), 60, Duration::from_secs(10), start);
        assert_eq!(refusals.recall([2; 32], start), None);
        let known = after(600).unwrap();
        assert_eq!((known.quota, known.standing.remaining), (60, 0));
        assert_eq!(known.standing.resets_in, Duration::from_millis(9_400));
        assert_eq!(after(1_000), None, "one goes to look");
        assert!(after(1_001).is_some(), "and the others do not");
        refusals.forget(KEY);
        assert_eq!(after(1_002), None);
    }

    #[test]
    fn a_refusal_ends_with_its_window_and_leaves_nothing_behind() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        refusals.remember(KEY, caller(), 60, Duration::from_millis(500), start);
        assert!(refusals.recall(KEY, start + Duration::from_millis(499)).is_some());
        assert_eq!(refusals.recall(KEY, start + Duration::from_millis(500)), None);
        assert!(refusals.entries().is_empty());
    }
}
