//! What was used last, bounded in weight.
//!
//! Entries are in two halves. New ones, and old ones that are asked for, are in the young half; when that is full it
//! becomes the old one, and what was in the old one and not asked for since is gone.

use std::collections::HashMap;
use std::hash::Hash;

pub(crate) struct Recent<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// What the young ones weigh.
    weight: usize,
    half: usize,
}

impl<K: Eq + Hash + Copy, V: Clone> Recent<K, V> {
    /// At most so much, and one more entry.
    pub(crate) fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, half: (most / 2).max(1) }
    }

    pub(crate) fn get(&mut self, key: K) -> Option<V> {
        if let Some((value, _)) = self.young.get(&key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(&key)?;
        self.put(key, value.clone(), weight);
        Some(value)
    }

    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) {
        self.old.remove(&key);
        let before = self.young.remove(&key).map_or(0, |(_, weight)| weight);
        self.weight -= before;
        if self.weight + weight > self.half {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        self.young.insert(key, (value, weight));
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.weight = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(4);
        for key in 0..10 {
            recent.put(key, key, 1);
            assert_eq!(recent.get(0), Some(0));
        }
        assert_eq!(recent.get(1), None);
        assert!(recent.young.len() + recent.old.len() <= 4);
        recent.clear();
        assert_eq!(recent.get(0), None);
    }

    proptest! {
        #[test]
        fn it_weighs_no_more_than_it_may_and_one_entry(
            steps in prop::collection::vec((0_u8..20, 1_usize..60, any::<bool>()), 0..300),
        ) {
            let mut recent = Recent::new(100);
            for (key, weight, put) in steps {
                if put {
                    recent.put(key, weight, weight);
                } else {
                    recent.get(key);
                }
                let weigh = |half: &HashMap<u8, (usize, usize)>| half.values().map(|(_, weight)| weight).sum::<usize>();
                let (young, old) = (weigh(&recent.young), weigh(&recent.old));
                prop_assert_eq!(young, recent.weight);
                prop_assert!(young <= 60 && old <= 60, "{young} {old}");
            }
        }
    }
}
