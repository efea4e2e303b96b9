//! How many calls of one key are served at a time.
//!
//! The event log bounds what waits in it for each workspace; this bounds what waits before it, for a connection to
//! the database, so that one caller's flood is not a queue that everybody else stands in. What is too much is told
//! so before anything is asked of the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// Calls of one key at a time; as many as the log lets wait.
const MOST: usize = 1024;

/// A key as it is remembered outside of the read models: its SHA-256, of whatever was shown.
pub type Fingerprint = [u8; 32];

/// The calls that are being served, by the key they show.
#[derive(Debug, Clone, Default)]
pub struct Crowd(Arc<Mutex<HashMap<Fingerprint, usize>>>);

/// A call's place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Crowd,
    key: Fingerprint,
}

impl Crowd {
    /// A place for one more call of this key, unless there are too many.
    #[must_use]
    pub fn enter(&self, secret: &str) -> Option<Place> {
        let key = Sha256::digest(secret).into();
        let mut counts = self.counts();
        let count = counts.entry(key).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { crowd: self.clone(), key })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Fingerprint, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// By which key it is taken.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.key
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_places_and_takes_nobody_elses() {
        let crowd = Crowd::default();
        let mut places: Vec<_> = (0..MOST).map(|_| crowd.enter("one").unwrap()).collect();
        assert!(crowd.enter("one").is_none());
        assert!(crowd.enter("other").is_some());
        places.pop();
        assert!(crowd.enter("one").is_some());
        drop(places);
        assert!(crowd.counts().is_empty(), "what is over leaves nothing behind");
    }
}
