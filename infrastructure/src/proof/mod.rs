//! The Merkle trees of the logs, in the database (docs/adr/0019-a-provable-log.md).
//!
//! # The story of a seal
//! A server's [`Sealer`] hears that something was appended, and lets a moment pass, so that one seal is for many events.
//! It locks the workspace's row of `audit_logs`, which is all the lease that is needed: of several servers one seals, the
//! others go on to the next workspace, and what one that died has begun is rolled back. It reads the next events as
//! [`leaves`], grows the [`tree`] by them, signs the new root with the [`keys`] that are in force, and commits. A tree is
//! a function of its log, so a commit that a crash of the database takes back is made again as it was: no seal waits for
//! the disk.
//!
//! On a schedule the checkpoints of logs that have grown are [anchored](anchoring): kept in the database, and in a file
//! outside of it ([`anchors`]).
//!
//! Part of a log is given to somebody else as a [`bundle`].
//!
//! Whoever asks reads the tree as [`reads`] has it; whoever doubts has it [verified](verify).

mod anchoring;
mod anchors;
pub mod bundle;
pub(crate) mod keys;
mod leaves;
mod reads;
mod seal;
mod sealer;
mod tree;
pub mod verify;

use interflow_vault::{RootKeys, SealingKey};
use sqlx::PgPool;

pub use anchoring::Anchoring;
pub use anchors::{Anchor, AnchorFileError, read_anchors};
pub use keys::Rotated;
pub use sealer::Sealer;

/// The trees of the logs in this database. Cheap to clone.
#[derive(Clone)]
pub struct PgProofs {
    pool: PgPool,
    /// What the private halves of keys are sealed under.
    key: SealingKey,
}

impl PgProofs {
    /// Those of this database. With other keys nothing can be signed any more, and everything still be checked.
    #[must_use]
    pub fn new(pool: PgPool, keys: impl Into<RootKeys>) -> Self {
        Self { pool, key: audit_key(&keys.into()) }
    }
}

fn audit_key(keys: &RootKeys) -> SealingKey {
    keys.sealing("interflow audit keys")
}
