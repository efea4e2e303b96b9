//! The proof of a workspace's log: an RFC 6962 Merkle tree over its events, sealed by signed checkpoints. All of it is
//! pure; docs/audit-log.md specifies every byte of it for others.
//!
//! Cast:
//! - a [`leaf`] is what of an event is hashed: a header of fixed form, with the hashes of its metadata and its payload
//!   as they are stored. Personal values are stored sealed, so proofs hold when their keys are destroyed;
//! - [`merkle`] is the tree: which perfect subtrees a hash is made of, what proves inclusion and consistency, and how a
//!   proof is checked;
//! - [`tile`] is how its hashes are kept and served (C2SP `tlog-tiles`), and how they grow;
//! - a [`checkpoint`] says how large the tree is and what its root is (C2SP `tlog-checkpoint`); a [`note`] is how that is
//!   signed (C2SP `signed-note`);
//! - [`ports`] is where it lies; [`asking`] is what can be asked of it.

pub mod asking;
pub mod checkpoint;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod ports;
pub mod tile;

pub use checkpoint::Checkpoint;
pub use leaf::Leaf;
pub use merkle::Hash;
pub use note::{Note, Signer, Verifier};
pub use ports::{PublishedKey, Sealed, TransparencyLog};
