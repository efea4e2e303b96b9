//! What a writer knows of its workspace for as long as its head says the same.
//!
//! Versions of streams, holders of claims and rows of read models change with the head and never without, so whoever
//! knows the head need not ask for them again. What is remembered is of the group that was prepared last: should that
//! group not be written after all, everything is forgotten.

use interflow_application::log::StreamId;

use super::group::Head;
use super::prepared::ClaimKey;
use super::ruling::Facts;
use crate::read_models::RowCache;
use crate::recent::{Budget, Recent};

/// What a writer knows of its workspace for as long as its head says the same.
pub(super) struct Known {
    pub(super) head: Head,
    pub(super) rows: RowCache,
    versions: Recent<StreamId, u64>,
    holders: Recent<ClaimKey, StreamId>,
}

impl Known {
    /// Nothing but the head.
    pub(super) fn at(head: Head, budget: &Budget) -> Self {
        Self {
            head,
            rows: RowCache::new(budget.clone()),
            versions: Recent::new(budget.clone()),
            holders: Recent::new(budget.clone()),
        }
    }

    pub(super) fn version(&mut self, stream: StreamId) -> Option<u64> {
        self.versions.get(&stream).copied()
    }

    /// Who holds a claim. That nobody does is never known: one may be taken without moving the head.
    pub(super) fn holder(&mut self, claim: ClaimKey) -> Option<StreamId> {
        self.holders.get(&claim).copied()
    }

    /// Remembers what is so once the head says this. No claim was let go of.
    pub(super) fn advance(&mut self, head: Head, facts: Facts) {
        self.head = head;
        for (stream, version) in facts.versions {
            self.versions.insert(stream, version, 0);
        }
        for (claim, holder) in facts.holders {
            self.holders.insert(claim, holder, 0);
        }
    }
}
