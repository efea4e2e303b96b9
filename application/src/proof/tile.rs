//! Tiles (C2SP `tlog-tiles`): 256 hashes side by side of every eighth level of the tree. Those of level 0 are the leaves,
//! those of level 1 the roots of full tiles of level 0, and so on. A full tile never changes; the last one of a level
//! grows to the right.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::merkle::{Hash, Node, cover, fold};

/// How many levels of the tree a tile spans.
pub const HEIGHT: u8 = 8;
/// How many hashes a full tile has.
pub const WIDTH: usize = 1 << HEIGHT;

/// Which tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Its level: the hashes in it are nodes of `8 * level`.
    pub level: u8,
    /// Which of its level, from the left.
    pub index: u64,
}

impl TileId {
    /// How many hashes it has in a tree of this size: none when it is not there.
    #[must_use]
    pub fn width(self, size: u64) -> usize {
        let entries = size.checked_shr(u32::from(self.level) * u32::from(HEIGHT)).unwrap_or(0);
        let before = self.index.saturating_mul(WIDTH as u64);
        usize::try_from(entries.saturating_sub(before).min(WIDTH as u64)).unwrap_or(WIDTH)
    }

    /// Where a perfect subtree is.
    fn of(node: Node) -> (Self, Range<usize>) {
        let within = node.level % HEIGHT;
        let first = node.index << within;
        let start = usize::try_from(first % WIDTH as u64).unwrap_or_default();
        let id = Self { level: node.level / HEIGHT, index: first / WIDTH as u64 };
        (id, start..start + (1 << within))
    }
}

/// The tiles that the hashes of these ranges are made of.
#[must_use]
pub fn needed(ranges: &[Range<u64>]) -> BTreeSet<TileId> {
    ranges.iter().cloned().flat_map(cover).map(|node| TileId::of(node).0).collect()
}

/// The tiles that are not full in a tree of this size, one of each level at most: where it grows.
#[must_use]
pub fn edge_of(size: u64) -> Vec<TileId> {
    let levels = (0..).map_while(|level: u8| {
        let entries =
            size.checked_shr(u32::from(level) * u32::from(HEIGHT)).filter(|entries| *entries > 0)?;
        Some((TileId { level, index: entries / WIDTH as u64 }, entries))
    });
    levels.filter(|(_, entries)| !entries.is_multiple_of(WIDTH as u64)).map(|(id, _)| id).collect()
}

/// Tiles as they are stored.
#[derive(Debug, Clone, Default)]
pub struct Tiles(HashMap<TileId, Vec<Hash>>);

impl FromIterator<(TileId, Vec<Hash>)> for Tiles {
    fn from_iter<I: IntoIterator<Item = (TileId, Vec<Hash>)>>(tiles: I) -> Self {
        Self(tiles.into_iter().collect())
    }
}

impl Tiles {
    /// The hash of a range that the tree is split into, if the tiles for it are here.
    #[must_use]
    pub fn hash_of(&self, range: Range<u64>) -> Option<Hash> {
        let nodes: Option<Vec<Hash>> = cover(range).into_iter().map(|node| self.hash_of_node(node)).collect();
        fold(nodes?.into_iter())
    }

    fn hash_of_node(&self, node: Node) -> Option<Hash> {
        let (id, range) = TileId::of(node);
        self.0.get(&id)?.get(range).map(perfect)
    }
}

/// The root of a perfect subtree, from its leaves or what stands for them.
fn perfect(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::EMPTY,
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            Hash::node(perfect(left), perfect(right))
        }
    }
}

/// The right edge of a tree: the last tile of each level. What grows is pushed here; what has changed is taken away.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    size: u64,
    /// By level; those that are not full.
    last: Vec<Vec<Hash>>,
    changed: BTreeMap<TileId, Vec<Hash>>,
}

impl Edge {
    /// That of a tree of this size; `None` when a tile of [its edge](edge_of) is missing or too short. Tiles may be longer:
    /// what is beyond the size is left out.
    #[must_use]
    pub fn new(size: u64, mut tiles: HashMap<TileId, Vec<Hash>>) -> Option<Self> {
        let mut last = vec![];
        for id in edge_of(size) {
            let mut hashes = tiles.remove(&id)?;
            let width = id.width(size);
            if hashes.len() < width {
                return None;
            }
            hashes.truncate(width);
            last.resize(usize::from(id.level) + 1, vec![]);
            last[usize::from(id.level)] = hashes;
        }
        Some(Self { size, last, changed: BTreeMap::new() })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.size += 1;
        let (mut hash, mut entries) = (leaf, self.size);
        for level in 0_u8.. {
            if self.last.len() == usize::from(level) {
                self.last.push(vec![]);
            }
            let hashes = &mut self.last[usize::from(level)];
            hashes.push(hash);
            if hashes.len() < WIDTH {
                return;
            }
            let full = std::mem::take(hashes);
            hash = perfect(&full);
            entries /= WIDTH as u64;
            self.changed.insert(TileId { level, index: entries - 1 }, full);
        }
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut right = None;
        for hashes in &self.last {
            let subtrees = cover(0..hashes.len() as u64).into_iter().map(|node| {
                let (_, range) = TileId::of(node);
                perfect(&hashes[range])
            });
            right = fold(subtrees.chain(right));
        }
        right.unwrap_or(Hash::EMPTY)
    }

    /// The tiles that became full since they were last taken, and those of the edge as they are now.
    pub fn take_changed(&mut self) -> BTreeMap<TileId, Vec<Hash>> {
        let mut changed = std::mem::take(&mut self.changed);
        for id in edge_of(self.size) {
            changed.insert(id, self.last[usize::from(id.level)].clone());
        }
        changed
    }

    /// The tiles that became full since they were last taken.
    pub fn take_full(&mut self) -> BTreeMap<TileId, Vec<Hash>> {
        std::mem::take(&mut self.changed)
    }
}

/// What a path below `tile/` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// Hashes of a level, or the entries that the leaves of such a tile are the hashes of.
    pub kind: TileKind,
    /// Which of its level.
    pub index: u64,
    /// How many of it, from the left: all 256, or fewer.
    pub width: usize,
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes.
    Hashes {
        /// The level of the tile.
        level: u8,
    },
    /// Entries, each with its length before it.
    Entries,
}

/// What was given is no path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be <level>/<index>, or entries/<index>, as in 0/x001/234 and 1/000.p/17")]
pub struct InvalidTilePath;

impl FromStr for TilePath {
    type Err = InvalidTilePath;

    fn from_str(path: &str) -> Result<Self, InvalidTilePath> {
        let parsed = || {
            let (level, rest) = path.split_once('/')?;
            let kind = match level {
                "entries" => TileKind::Entries,
                level => TileKind::Hashes { level: canonical(level).filter(|level| *level < 64)? },
            };
            let (index, width) = match rest.split_once(".p/") {
                Some((index, width)) => (index, canonical(width).filter(|width| (1..WIDTH).contains(width))?),
                None => (rest, WIDTH),
            };
            Some(Self { kind, index: index_from(index)?, width })
        };
        // One way to write each alone, so that caches and verifiers agree.
        parsed().filter(|parsed| parsed.to_string() == path).ok_or(InvalidTilePath)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("entries")?,
            TileKind::Hashes { level } => write!(f, "{level}")?,
        }
        let (mut groups, mut rest) = (vec![self.index % 1000], self.index / 1000);
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (left, group) in groups.iter().enumerate().rev() {
            write!(f, "/{}{group:03}", if left > 0 { "x" } else { "" })?;
        }
        if self.width < WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

fn canonical<T: FromStr>(digits: &str) -> Option<T> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn index_from(groups: &str) -> Option<u64> {
    groups.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = canonical(group.strip_prefix('x').unwrap_or(group)).filter(|group| *group < 1000)?;
        index.checked_mul(1000)?.checked_add(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_in_one_way() {
        let path = |text: &str| text.parse::<TilePath>();
        let hashes = |level, index, width| TilePath { kind: TileKind::Hashes { level }, index, width };
        assert_eq!(path("0/000"), Ok(hashes(0, 0, WIDTH)));
        assert_eq!(path("2/x001/x234/067"), Ok(hashes(2, 1_234_067, WIDTH)));
        assert_eq!(path("1/001.p/17"), Ok(hashes(1, 1, 17)));
        assert_eq!(
            path("entries/x001/000.p/255"),
            Ok(TilePath { kind: TileKind::Entries, index: 1000, width: 255 })
        );
        for wrong in [
            "",
            "0",
            "0/",
            "0/0",
            "0/1000",
            "0/x000/001",
            "00/001",
            "64/000",
            "-1/000",
            "+1/000",
            "0/001.p/0",
            "0/001.p/256",
            "0/001.p/01",
            "0/001.p",
            "0/001/002",
            "0/x001",
            "data/000",
            "0/001/",
            "/0/001",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(path(wrong), Err(InvalidTilePath), "{wrong}");
        }
    }

    #[test]
    fn tiles_are_as_wide_as_the_tree_is_large() {
        let width = |level, index, size| TileId { level, index }.width(size);
        assert_eq!([width(0, 0, 0), width(0, 0, 1), width(0, 0, 256), width(0, 1, 256)], [0, 1, 256, 0]);
        assert_eq!(
            [width(1, 0, 255), width(1, 0, 256), width(1, 0, 70_000), width(1, 1, 70_000)],
            [0, 1, 256, 17]
        );
        assert_eq!(width(63, 0, u64::MAX), 0);
        let edge = |size| edge_of(size).into_iter().map(|id| (id.level, id.index)).collect::<Vec<_>>();
        assert_eq!(edge(0), []);
        assert_eq!(edge(255), [(0, 0)]);
        assert_eq!(edge(256), [(1, 0)]);
        assert_eq!(edge(65_537), [(0, 256), (2, 0)]);
    }

    #[test]
    fn a_tree_that_was_put_aside_grows_on_as_if_it_had_not() {
        let leaf = |number: u64| Hash::leaf(&number.to_be_bytes());
        let (mut whole, mut stored) = (Edge::default(), HashMap::new());
        for size in [1_u64, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 70_000] {
            let mut edge = Edge::new(whole.size(), stored.clone()).unwrap();
            for number in whole.size()..size {
                whole.push(leaf(number));
                edge.push(leaf(number));
            }
            assert_eq!(edge.root(), whole.root(), "{size}");
            for (id, hashes) in edge.take_changed() {
                assert_eq!(hashes.len(), id.width(size), "{id:?} of {size}");
                stored.insert(id, hashes);
            }
        }
        // What is stored beyond a size does not matter.
        let early: Vec<u64> = vec![100, 300, 66_000];
        for size in early {
            let mut again = Edge::default();
            (0..size).for_each(|number| again.push(leaf(number)));
            assert_eq!(Edge::new(size, stored.clone()).unwrap().root(), again.root(), "{size}");
        }
        assert!(Edge::new(70_001, stored.clone()).is_none());
        let tiles: Tiles = stored.into_iter().collect();
        assert_eq!(tiles.hash_of(0..70_000), Some(whole.root()));
        assert_eq!(tiles.hash_of(0..70_001), None);
    }
}
