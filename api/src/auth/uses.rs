//! When keys were last shown, gathered in memory: a key that is shown a thousand times in a minute is noted once.
//!
//! A server notes what it gathered every [`INTERVAL`] and when it stops; one that is killed forgets the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_application::key_uses::{KeyUse, KeyUseStore};
use interflow_application::log::LogError;
use interflow_domain::{KeyId, WorkspaceId};

/// How often what was gathered is noted.
pub const INTERVAL: Duration = Duration::from_secs(60);

type Latest = HashMap<(WorkspaceId, KeyId), DateTime<Utc>>;

/// The last uses that are not noted yet.
#[derive(Clone)]
pub struct KeyUses {
    latest: Arc<Mutex<Latest>>,
    store: Arc<dyn KeyUseStore>,
}

impl KeyUses {
    /// None yet, to be noted there.
    #[must_use]
    pub fn new(store: Arc<dyn KeyUseStore>) -> Self {
        Self { latest: Arc::default(), store }
    }

    /// A key was shown.
    pub fn seen(&self, workspace: WorkspaceId, key: KeyId, at: DateTime<Utc>) {
        keep(&mut self.latest(), (workspace, key), at);
    }

    /// Notes what was gathered. What cannot be noted stays for the next time.
    pub async fn flush(&self) -> Result<(), LogError> {
        let gathered = std::mem::take(&mut *self.latest());
        if gathered.is_empty() {
            return Ok(());
        }
        let uses = gathered.iter().map(|((workspace, key), at)| KeyUse {
            workspace: *workspace,
            key: *key,
            at: *at,
        });
        let uses: Vec<_> = uses.collect();
        let noted = self.store.note(&uses).await;
        if noted.is_err() {
            let mut latest = self.latest();
            gathered.into_iter().for_each(|(key, at)| keep(&mut latest, key, at));
        }
        noted
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(latest: &mut Latest, key: (WorkspaceId, KeyId), at: DateTime<Utc>) {
    let last = latest.entry(key).or_insert(at);
    *last = at.max(*last);
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    /// Fails as long as it is told to.
    #[derive(Default)]
    struct Noted {
        fails: Mutex<bool>,
        uses: Mutex<Vec<KeyUse>>,
    }

    #[async_trait]
    impl KeyUseStore for Noted {
        async fn note(&self, uses: &[KeyUse]) -> Result<(), LogError> {
            if *self.fails.lock().unwrap() {
                return Err(LogError::Unavailable("gone".into()));
            }
            self.uses.lock().unwrap().extend(uses);
            Ok(())
        }
    }

    const WORKSPACE: WorkspaceId = WorkspaceId::new(Uuid::from_u128(1));

    fn key(number: u128) -> KeyId {
        KeyId::new(Uuid::from_u128(number))
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[tokio::test]
    async fn many_uses_of_a_key_are_noted_as_one_the_latest() {
        let store = Arc::new(Noted::default());
        let uses = KeyUses::new(store.clone());
        for second in [1, 3, 2] {
            uses.seen(WORKSPACE, key(1), at(second));
        }
        uses.seen(WORKSPACE, key(2), at(7));
        uses.flush().await.unwrap();
        uses.flush().await.unwrap();
        let mut noted = store.uses.lock().unwrap().clone();
        noted.sort_by_key(|one| one.key);
        let one = |number, second| KeyUse { workspace: WORKSPACE, key: key(number), at: at(second) };
        assert_eq!(noted, [one(1, 3), one(2, 7)]);
    }

    #[tokio::test]
    async fn what_cannot_be_noted_stays_and_hides_no_later_use() {
        let store = Arc::new(Noted::default());
        let uses = KeyUses::new(store.clone());
        uses.seen(WORKSPACE, key(1), at(5));
        *store.fails.lock().unwrap() = true;
        assert!(uses.flush().await.is_err());
        uses.seen(WORKSPACE, key(1), at(4));
        *store.fails.lock().unwrap() = false;
        uses.flush().await.unwrap();
        assert_eq!(store.uses.lock().unwrap()[0].at, at(5));
    }
}
