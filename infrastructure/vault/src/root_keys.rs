//! What everything in a database is sealed and found by: two keys that the master key alone opens, and that another
//! master key can take over.

use rand::RngCore as _;

use crate::{KEY_LEN, MasterKey, SealingKey, Unsealable};

/// The keys from which those of each purpose are derived.
#[derive(Debug, Clone)]
pub struct RootKeys {
    /// Which one it is; counts the rotations.
    generation: i16,
    sealing: MasterKey,
    lookup: MasterKey,
}

impl RootKeys {
    /// New random ones.
    #[must_use]
    pub fn random() -> Self {
        Self { generation: 1, sealing: MasterKey::random(), lookup: MasterKey::random() }
    }

    /// Those that come next: another one to seal with; what is found by the other one has its place by it, and keeps it.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { generation: self.generation + 1, sealing: MasterKey::random(), lookup: self.lookup.clone() }
    }

    /// Which they are.
    #[must_use]
    pub const fn generation(&self) -> i16 {
        self.generation
    }

    /// The key to seal with for one purpose.
    #[must_use]
    pub fn sealing(&self, purpose: &str) -> SealingKey {
        self.sealing.derive(purpose)
    }

    /// The key that what is looked for is hashed with, for one purpose. It outlives every rotation.
    #[must_use]
    pub fn lookup(&self, purpose: &str) -> SealingKey {
        self.lookup.derive(purpose)
    }

    /// Both keys of one purpose that needs both.
    #[must_use]
    pub fn both(&self, purpose: &str) -> StoreKey {
        StoreKey { sealing: self.sealing(purpose), lookup: self.lookup(purpose) }
    }

    /// The two keys, sealed under a master key.
    #[must_use]
    pub fn wrapped(&self, master: &MasterKey) -> Vec<u8> {
        let both = [*self.sealing.bytes(), *self.lookup.bytes()].concat();
        master.derive(WRAPPING).seal(&self.generation.to_be_bytes(), &both)
    }

    /// Opens what [`RootKeys::wrapped`] made.
    pub fn open(master: &MasterKey, generation: i16, wrapped: &[u8]) -> Result<Self, Unsealable> {
        let both = master.derive(WRAPPING).open(&generation.to_be_bytes(), wrapped)?;
        let (sealing, lookup) = both.split_at_checked(KEY_LEN).ok_or(Unsealable)?;
        let key = |bytes: &[u8]| bytes.try_into().map(MasterKey::from_bytes).map_err(|_| Unsealable);
        Ok(Self { generation, sealing: key(sealing)?, lookup: key(lookup)? })
    }
}

const WRAPPING: &str = "interflow root keys";

/// As it was before there were root keys: everything was derived from the master key itself.
impl From<&MasterKey> for RootKeys {
    fn from(master: &MasterKey) -> Self {
        Self { generation: 1, sealing: master.clone(), lookup: master.clone() }
    }
}

impl From<&Self> for RootKeys {
    fn from(keys: &Self) -> Self {
        keys.clone()
    }
}

/// What a store of sealed rows needs that are found by keyed hashes.
#[derive(Debug, Clone)]
pub struct StoreKey {
    /// What values are sealed with.
    pub sealing: SealingKey,
    /// What rows are found by.
    pub lookup: SealingKey,
}

/// One key for both.
impl From<SealingKey> for StoreKey {
    fn from(key: SealingKey) -> Self {
        Self { sealing: key.clone(), lookup: key }
    }
}

impl MasterKey {
    /// A new random one.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; KEY_LEN];
        rand::rng().fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keys_are_opened_by_the_master_key_they_were_wrapped_under_and_by_no_other() {
        let (master, other) = (MasterKey::random(), MasterKey::random());
        let keys = RootKeys::random();
        let wrapped = keys.wrapped(&master);
        let opened = RootKeys::open(&master, 1, &wrapped).unwrap();
        assert_eq!(opened.sealing("x").expose(), keys.sealing("x").expose());
        assert_eq!(opened.lookup("x").expose(), keys.lookup("x").expose());
        assert!(RootKeys::open(&other, 1, &wrapped).is_err());
        assert!(RootKeys::open(&master, 2, &wrapped).is_err());
        assert!(RootKeys::open(&master, 1, &wrapped[..40]).is_err());
    }

    #[test]
    fn the_next_ones_seal_otherwise_and_find_what_was_there() {
        let keys = RootKeys::random();
        let next = keys.next();
        assert_eq!((keys.generation(), next.generation()), (1, 2));
        assert_ne!(next.sealing("x").expose(), keys.sealing("x").expose());
        assert_eq!(next.lookup("x").expose(), keys.lookup("x").expose());
        assert_ne!(keys.lookup("x").expose(), keys.sealing("x").expose());
    }

    #[test]
    fn those_of_a_database_without_any_are_what_was_derived_from_its_master_key() {
        let master = MasterKey::random();
        let keys = RootKeys::from(&master);
        assert_eq!(keys.sealing("x").expose(), master.derive("x").expose());
        assert_eq!(keys.lookup("x").expose(), master.derive("x").expose());
    }
}
