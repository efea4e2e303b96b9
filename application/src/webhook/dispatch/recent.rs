//! What was used last, bounded in number.
//!
//! Entries are in two halves. New ones, and old ones that are asked for, are in the young half; when that is full it
//! becomes the old one, and what was in the old one and not asked for since is gone.

use std::collections::HashMap;
use std::hash::Hash;

pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash + Copy, V: Clone> Recent<K, V> {
    /// At most so many.
    pub(super) fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (most / 2).max(1) }
    }

    pub(super) fn get(&mut self, key: K) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(value.clone());
        }
        let value = self.old.remove(&key)?;
        self.put(key, value.clone());
        Some(value)
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(4);
        for key in 0..10 {
            recent.put(key, key);
            assert_eq!(recent.get(0), Some(0));
        }
        assert_eq!(recent.get(1), None);
        assert!(recent.young.len() + recent.old.len() <= 4);
        recent.clear();
        assert_eq!(recent.get(0), None);
    }
}
