//! The rows of one table while events are folded into them: which must be loaded, and which have changed.

use std::collections::{BTreeMap, BTreeSet};

/// The keys of rows that must be loaded before a group of events can be folded.
///
/// A row whose stream begins in the group is not there yet, so nothing is asked for.
pub(super) struct Needed<K> {
    begun: BTreeSet<K>,
    load: BTreeSet<K>,
}

impl<K: Ord + Copy> Needed<K> {
    pub(super) const fn new() -> Self {
        Self { begun: BTreeSet::new(), load: BTreeSet::new() }
    }

    /// An event of the row's own stream.
    pub(super) fn own_event(&mut self, key: K, version: u64) {
        if version == 1 {
            self.begun.insert(key);
        }
        self.also(key);
    }

    /// The row is read, or changed by an event of another stream.
    pub(super) fn also(&mut self, key: K) {
        if !self.begun.contains(&key) {
            self.load.insert(key);
        }
    }

    /// What is to be loaded.
    pub(super) fn load<T>(&self, id: impl Fn(K) -> T) -> Vec<T> {
        self.load.iter().copied().map(id).collect()
    }
}

/// Rows by key, and which of them have changed.
pub(super) struct Rows<K, R> {
    rows: BTreeMap<K, Option<R>>,
    changed: BTreeSet<K>,
}

impl<K: Ord + Copy, R> Rows<K, R> {
    pub(super) fn loaded(rows: impl IntoIterator<Item = R>, key: impl Fn(&R) -> K) -> Self {
        let rows = rows.into_iter().map(|row| (key(&row), Some(row))).collect();
        Self { rows, changed: BTreeSet::new() }
    }

    pub(super) fn get(&self, key: K) -> Option<&R> {
        self.rows.get(&key).and_then(Option::as_ref)
    }

    /// The row, to be changed.
    pub(super) fn change(&mut self, key: K) -> &mut Option<R> {
        self.changed.insert(key);
        self.rows.entry(key).or_default()
    }

    /// The final rows of the keys that changed, and the keys that have none any more.
    pub(super) fn into_changes<T>(mut self, id: impl Fn(K) -> T) -> (Vec<R>, Vec<T>) {
        let mut written = Vec::with_capacity(self.changed.len());
        let mut deleted = Vec::new();
        for key in self.changed {
            match self.rows.remove(&key).flatten() {
                Some(row) => written.push(row),
                None => deleted.push(id(key)),
            }
        }
        (written, deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_begins_in_the_group_is_not_loaded() {
        let mut needed = Needed::new();
        needed.own_event(1, 1);
        needed.own_event(1, 2);
        needed.own_event(2, 7);
        needed.also(1);
        needed.also(3);
        assert_eq!(needed.load(|key| key), [2, 3]);
    }

    #[test]
    fn only_rows_that_changed_are_written_and_only_those_that_went_are_deleted() {
        let mut rows = Rows::loaded([(1, 'a'), (2, 'b'), (3, 'c')], |row| row.0);
        *rows.change(2) = None;
        *rows.change(3) = Some((3, 'd'));
        *rows.change(4) = Some((4, 'e'));
        assert_eq!(rows.get(1), Some(&(1, 'a')));
        assert_eq!(rows.into_changes(|key| key), (vec![(3, 'd'), (4, 'e')], vec![2]));
    }
}
