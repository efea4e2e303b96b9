//! What was used last, bounded in bytes.
//!
//! Entries are in two halves. New ones, and old ones that are asked for, are in the young half; when that has grown to
//! half of what is allowed, it becomes the old one, and what was in the old one and not asked for since is gone.
//!
//! Several share one [`Budget`]: when all of them together are over it, whoever puts something in forgets.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an entry costs besides what is said of it: its key, its place in the table, and what is free there.
const OVERHEAD: usize = 100;

/// Bytes that several may use together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    most: usize,
    used: Arc<AtomicUsize>,
}

impl Budget {
    pub(crate) fn new(most: u64) -> Self {
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), used: Arc::default() }
    }

    /// In use by all who share it.
    fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// The entries that were used last.
pub(crate) struct Recent<K, V> {
    young: Half<K, V>,
    old: Half<K, V>,
    budget: Budget,
}

struct Half<K, V> {
    entries: HashMap<K, (V, usize)>,
    bytes: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { young: Half::default(), old: Half::default(), budget }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if !self.young.entries.contains_key(key) {
            let (key, (value, bytes)) = self.old.entries.remove_entry(key)?;
            self.old.bytes -= bytes;
            self.young.put(key, value, bytes);
        }
        self.young.entries.get(key).map(|(value, _)| value)
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (value, bytes) = self.young.remove(key).or_else(|| self.old.remove(key))?;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        Some(value)
    }

    /// Puts an entry in, in the place of one of the same key. It holds so many bytes outside of itself.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: usize) {
        drop(self.remove(&key));
        let bytes = bytes + OVERHEAD + size_of::<(K, V)>();
        self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.young.put(key, value, bytes);
        if self.young.bytes > self.budget.most / 2 || self.budget.used() > self.budget.most {
            let gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.budget.used.fetch_sub(gone.bytes, Ordering::Relaxed);
        }
    }
}

impl<K, V> Drop for Recent<K, V> {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.young.bytes + self.old.bytes, Ordering::Relaxed);
    }
}

impl<K, V> Default for Half<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), bytes: 0 }
    }
}

impl<K: Eq + Hash, V> Half<K, V> {
    fn put(&mut self, key: K, value: V, bytes: usize) {
        self.bytes += bytes;
        self.entries.insert(key, (value, bytes));
    }

    fn remove(&mut self, key: &K) -> Option<(V, usize)> {
        let (value, bytes) = self.entries.remove(key)?;
        self.bytes -= bytes;
        Some((value, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes_when_there_is_no_room() {
        let budget = Budget::new(100_000);
        let mut recent = Recent::new(budget.clone());
        for number in 0..10_000 {
            recent.insert(number, "a", 1_000);
            assert_eq!(recent.get(&0), Some(&"a"), "after {number}");
            assert!(budget.used() <= 100_000, "{} bytes after {number}", budget.used());
        }
        assert!(budget.used() > 40_000);
        assert_eq!(recent.get(&9_999), Some(&"a"));
        assert_eq!(recent.get(&5_000), None);
        drop(recent);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn an_entry_is_replaced_and_taken_out_with_its_bytes() {
        let budget = Budget::new(100_000);
        let mut recent = Recent::new(budget.clone());
        recent.insert("a", 1, 10_000);
        recent.insert("a", 2, 20);
        assert!(budget.used() < 1_000);
        assert_eq!(recent.remove(&"a"), Some(2));
        assert_eq!(recent.remove(&"a"), None);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn those_that_share_a_budget_keep_to_it_together() {
        let budget = Budget::new(100_000);
        let mut all: Vec<Recent<u32, ()>> = (0..10).map(|_| Recent::new(budget.clone())).collect();
        for number in 0..1_000 {
            for recent in &mut all {
                recent.insert(number, (), 1_000);
                assert!(budget.used() <= 120_000, "{} bytes", budget.used());
            }
        }
    }
}
