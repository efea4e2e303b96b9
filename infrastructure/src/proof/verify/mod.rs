//! Whether a log is still the one that was sealed.
//!
//! Everything is read once, in one snapshot: each event is hashed here and compared with what was sealed at its place
//! ([`walk`]); where they differ it is [diagnosed](diagnose). Beside the events the tree is made again, from them and from
//! the hashes that are stored, and both are compared with every checkpoint that was signed or anchored ([`judge`]). What
//! the database says of itself proves nothing against whoever has changed all of it; what was anchored outside does.

mod diagnose;
mod judge;
mod rows;
mod walk;

use interflow_application::log::LogError;
use interflow_application::proof::{Checkpoint, Verifier};
use interflow_domain::WorkspaceId;
use serde::Serialize;

use super::PgProofs;
use super::anchors::Anchor;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An event is not as it was sealed.
    Changed,
    /// Events that were sealed are gone from the middle.
    Missing,
    /// Events were put in that were not there.
    Inserted,
    /// Events stand in another order.
    Reordered,
    /// The end of the log is gone.
    Truncated,
    /// Events, or the tree, are not what a checkpoint was signed or anchored for. Which of them, nothing is left to tell.
    Rewritten,
    /// Stored hashes of the tree are not what they were; the events may still be.
    Tree,
    /// A checkpoint is not signed by a key of the log.
    Signature,
    /// Nothing was ever sealed.
    Unsealed,
}

impl FaultKind {
    /// Whether it tells what became of an event.
    const fn is_of_events(self) -> bool {
        matches!(self, Self::Changed | Self::Missing | Self::Inserted | Self::Reordered | Self::Truncated)
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind of thing it is.
    pub kind: FaultKind,
    /// The first position it is about.
    pub position: u64,
    /// The last one.
    pub until: u64,
    /// In words.
    pub what: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many events the log has.
    pub events: u64,
    /// How many of them are sealed.
    pub sealed: u64,
    /// The root that was signed for these, in base64.
    pub root: Option<String>,
    /// Which tree it is.
    pub origin: Option<String>,
    /// How many checkpoints were checked: the latest, those that are kept, those that were anchored.
    pub checkpoints: u64,
    /// What is wrong, the first first.
    pub faults: Vec<Fault>,
    /// How much more is.
    pub more_faults: u64,
}

/// What to hold a log against, beside itself.
#[derive(Debug, Clone, Default)]
pub struct Against {
    /// Checkpoints that were kept outside.
    pub anchors: Vec<Anchor>,
    /// The keys to believe. When there are none, those that the database has.
    pub keys: Vec<Verifier>,
}

/// A checkpoint that the log is held against.
struct Held {
    checkpoint: Checkpoint,
    note: String,
    whence: &'static str,
}

/// Is told how many events were checked, of how many.
pub type Watch<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

impl PgProofs {
    /// Checks all of a log.
    pub async fn verify(
        &self,
        workspace: WorkspaceId,
        against: &Against,
        watch: Watch<'_>,
    ) -> Result<Verified, LogError> {
        Ok(walk::verify(&self.pool, workspace, against, watch).await?)
    }
}
