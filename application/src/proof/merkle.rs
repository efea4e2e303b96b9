//! The tree of RFC 6962, section 2.1: a leaf is SHA-256(0x00 ‖ entry), a node SHA-256(0x01 ‖ left ‖ right), and a tree of
//! n leaves is split at the largest power of two below n.
//!
//! Every hash that a proof needs is that of a range of leaves, and each such range is made of perfect subtrees, which
//! never change once they are full. So a tree is kept as those ([`tile`](super::tile)), and any proof is folded from
//! them.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash; base64 in texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; Self::LEN]);

impl Hash {
    /// How many bytes it has.
    pub const LEN: usize = 32;
    /// The root of the tree without a leaf: SHA-256 of nothing.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// SHA-256 of some bytes, which are no part of a tree.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of a leaf.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0]).chain_update(entry).finalize().into())
    }

    /// The hash of a node.
    #[must_use]
    pub fn node(left: Self, right: Self) -> Self {
        Self(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// The hash that these bytes are, if they are as many as it has.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was given is not the base64 of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the base64 of 32 bytes")]
pub struct InvalidHash;

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        BASE64.decode(text).ok().and_then(|bytes| Self::from_slice(&bytes)).ok_or(InvalidHash)
    }
}

/// A perfect subtree: the leaves from `index << level`, `1 << level` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// How high it is; a leaf is of level 0.
    pub level: u8,
    /// Which of its level it is, from the left.
    pub index: u64,
}

/// The perfect subtrees that a range is made of, from left to right. The range is one that the tree is split into: it
/// begins at a multiple of a power of two that is not smaller than it is long.
#[must_use]
pub fn cover(range: Range<u64>) -> Vec<Node> {
    let mut nodes = vec![];
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2().min(if start == 0 { 63 } else { start.trailing_zeros() });
        let level = u8::try_from(level).unwrap_or(63);
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The hash of a range, from those of the perfect subtrees that it is made of, from left to right.
#[must_use]
pub fn fold(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| Hash::node(left, right))
}

/// The ranges whose hashes prove that the leaf `index` is in a tree of `size`, from the leaf up; `None` when it cannot be.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let (mut path, mut range) = (vec![], 0..size);
    while let Some(middle) = split(&range) {
        if index < middle {
            path.push(middle..range.end);
            range.end = middle;
        } else {
            path.push(range.start..middle);
            range.start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The ranges whose hashes prove that a tree of `to` begins with that of `from`, from the bottom up; none for a tree and
/// itself, nor for one that is empty; `None` when it cannot.
#[must_use]
pub fn consistency(from: u64, to: u64) -> Option<Vec<Range<u64>>> {
    if from > to {
        return None;
    }
    if from == 0 || from == to {
        return Some(vec![]);
    }
    let (mut path, mut range, mut whole) = (vec![], 0..to, true);
    while range.end != from {
        let Some(middle) = split(&range) else { break };
        if from <= middle {
            path.push(middle..range.end);
            range.end = middle;
        } else {
            path.push(range.start..middle);
            range.start = middle;
            whole = false;
        }
    }
    // Whoever checks has the old root, when that is a node of the new tree.
    if !whole {
        path.push(range);
    }
    path.reverse();
    Some(path)
}

/// Where a range of more than one leaf is split.
fn split(range: &Range<u64>) -> Option<u64> {
    let length = range.end - range.start;
    (length > 1).then(|| range.start + (1 << (length - 1).ilog2()))
}

/// Whether a path proves that a leaf is at `index` in the tree of this size and root (RFC 9162, 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut index, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index % 2 == 1 || index == last {
            hash = Hash::node(*sibling, hash);
            while index.is_multiple_of(2) && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(hash, *sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether a path proves that the tree of the one size and root is the beginning of that of the other (RFC 9162, 2.1.4.2).
#[must_use]
pub fn verify_consistency((from, old): (u64, Hash), (to, new): (u64, Hash), path: &[Hash]) -> bool {
    if from > to {
        return false;
    }
    if from == to {
        return path.is_empty() && old == new;
    }
    if from == 0 {
        return path.is_empty() && old == Hash::EMPTY;
    }
    let mut path = path.iter().copied();
    let first = if from.is_power_of_two() { Some(old) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut index, mut last) = (from - 1, to - 1);
    while index % 2 == 1 {
        index >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index % 2 == 1 || index == last {
            before = Hash::node(sibling, before);
            after = Hash::node(sibling, after);
            while index.is_multiple_of(2) && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            after = Hash::node(after, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && before == old && after == new
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
