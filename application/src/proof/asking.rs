//! What is asked of a tree: proofs, and tiles.

use interflow_domain::WorkspaceId;

use super::leaf::{self, Leaf};
use super::merkle::{self, Hash};
use super::ports::{Sealed, TransparencyLog};
use super::tile::{TileId, TileKind, TilePath, WIDTH};
use crate::{Error, FieldError, Resource};

/// That an event is in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The event, as its leaf has it.
    pub leaf: Leaf,
    /// The hashes beside the way from the leaf to the root.
    pub path: Vec<Hash>,
    /// The latest checkpoint, when it is of this tree.
    pub checkpoint: Option<Sealed>,
}

/// That a tree is the beginning of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// How many leaves the smaller one has.
    pub from: u64,
    /// Its root.
    pub old: Hash,
    /// How many leaves the larger one has.
    pub to: u64,
    /// Its root.
    pub new: Hash,
    /// The hashes that both roots are made of.
    pub path: Vec<Hash>,
    /// The latest checkpoint, when it is of the larger tree.
    pub checkpoint: Option<Sealed>,
}

/// The latest checkpoint.
pub async fn checkpoint(log: &dyn TransparencyLog, workspace: WorkspaceId) -> Result<Sealed, Error> {
    log.latest(workspace).await?.ok_or(Error::NotFound(Resource::Checkpoint))
}

/// Proves that the event at a position is in the tree of a size: the latest one, when none is named.
pub async fn inclusion(
    log: &dyn TransparencyLog,
    workspace: WorkspaceId,
    position: u64,
    size: Option<u64>,
) -> Result<Inclusion, Error> {
    let latest = checkpoint(log, workspace).await?;
    let size = sealed_size("size", size, &latest)?;
    let index = position.checked_sub(1).filter(|index| *index < size).ok_or_else(|| {
        refused("position", format!("must be from 1 to {size}, which is how many events the tree has"))
    })?;
    let mut ranges = merkle::inclusion(index, size).unwrap_or_default();
    ranges.push(0..size);
    let (path, root) = hashes(log, workspace, &ranges).await?;
    let leaf = log.leaves(workspace, index, 1).await?.pop().ok_or_else(damaged)?;
    Ok(Inclusion { size, root, leaf, path, checkpoint: of_size(latest, size) })
}

/// Proves that the tree of one size is the beginning of that of another: of the latest one, when none is named.
pub async fn consistency(
    log: &dyn TransparencyLog,
    workspace: WorkspaceId,
    from: u64,
    to: Option<u64>,
) -> Result<Consistency, Error> {
    let latest = checkpoint(log, workspace).await?;
    let to = sealed_size("to", to, &latest)?;
    let mut ranges = merkle::consistency(from, to)
        .filter(|_| from > 0)
        .ok_or_else(|| refused("from", format!("must be from 1 to {to}")))?;
    ranges.push(0..from);
    ranges.push(0..to);
    let (mut path, new) = hashes(log, workspace, &ranges).await?;
    let old = path.pop().ok_or_else(damaged)?;
    Ok(Consistency { from, old, to, new, path, checkpoint: of_size(latest, to) })
}

/// The bytes of a tile, if the sealed tree has as much of it as is asked for.
pub async fn tile(
    log: &dyn TransparencyLog,
    workspace: WorkspaceId,
    path: TilePath,
) -> Result<Vec<u8>, Error> {
    let none = || Error::NotFound(Resource::Tile);
    let latest = log.latest(workspace).await?.ok_or_else(none)?;
    let level = if let TileKind::Hashes { level } = path.kind { level } else { 0 };
    let id = TileId { level, index: path.index };
    if id.width(latest.checkpoint.size) < path.width {
        return Err(none());
    }
    match path.kind {
        TileKind::Hashes { .. } => {
            let hashes = log.tile(workspace, id).await?.ok_or_else(damaged)?;
            let hashes = hashes.get(..path.width).ok_or_else(damaged)?;
            Ok(hashes.iter().flat_map(|hash| hash.0).collect())
        }
        TileKind::Entries => {
            let limit = u32::try_from(path.width).unwrap_or(u32::MAX);
            let leaves = log.leaves(workspace, path.index * WIDTH as u64, limit).await?;
            if leaves.len() == path.width { Ok(leaf::bundle(&leaves)) } else { Err(damaged()) }
        }
    }
}

/// The hashes of a path, and of what comes last.
async fn hashes(
    log: &dyn TransparencyLog,
    workspace: WorkspaceId,
    ranges: &[std::ops::Range<u64>],
) -> Result<(Vec<Hash>, Hash), Error> {
    let mut hashes = log.hashes(workspace, ranges).await?.ok_or_else(damaged)?;
    let last = hashes.pop().ok_or_else(damaged)?;
    Ok((hashes, last))
}

fn sealed_size(name: &str, size: Option<u64>, latest: &Sealed) -> Result<u64, Error> {
    let sealed = latest.checkpoint.size;
    match size {
        None => Ok(sealed),
        Some(size) if (1..=sealed).contains(&size) => Ok(size),
        Some(_) => {
            Err(refused(name, format!("must be from 1 to {sealed}, which is how many events are sealed")))
        }
    }
}

fn of_size(latest: Sealed, size: u64) -> Option<Sealed> {
    (latest.checkpoint.size == size).then_some(latest)
}

fn refused(name: &str, rule: String) -> Error {
    let message = format!("The '{name}' parameter {rule}");
    Error::Invalid { message, fields: vec![FieldError::new(name, rule)] }
}

fn damaged() -> Error {
    Error::Internal(
        "the tree of the log lacks what its checkpoint says: run `interflow audit verify`".to_owned(),
    )
}
