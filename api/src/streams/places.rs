//! How many streams of one key are open in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interflow_domain::KeyId;

use crate::error::{ApiError, Code};

/// The streams that are open, by key.
#[derive(Debug, Clone)]
pub struct Places {
    open: Arc<Mutex<HashMap<KeyId, usize>>>,
    most: usize,
}

/// A stream's place, until it is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    places: Places,
    key: KeyId,
}

impl Places {
    /// So many for a key.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    /// A place for one more stream of this key, unless there are too many.
    pub fn enter(&self, key: KeyId) -> Result<StreamPlace, ApiError> {
        let mut open = self.open();
        let count = open.entry(key).or_default();
        if *count >= self.most {
            let most = self.most;
            let message =
                format!("This API key has {most} streams open on this server, which is the most: close one");
            return Err(ApiError::new(Code::Unavailable, message));
        }
        *count += 1;
        drop(open);
        Ok(StreamPlace { places: self.clone(), key })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<KeyId, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.places.open();
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_has_so_many_streams_and_takes_nobody_elses() {
        let places = Places::new(2);
        let (one, two) = (KeyId::new(Uuid::from_u128(1)), KeyId::new(Uuid::from_u128(2)));
        let mut taken = vec![places.enter(one).unwrap(), places.enter(one).unwrap()];
        assert_eq!(places.enter(one).unwrap_err().code(), Code::Unavailable);
        taken.push(places.enter(two).unwrap());
        taken.swap_remove(0);
        taken.push(places.enter(one).unwrap());
        drop(taken);
        assert!(places.open().is_empty(), "what is over leaves nothing behind");
    }
}
