//! What is read for it: events as they are stored, the hashes of their leaves as they were sealed, checkpoints.

use std::collections::HashMap;

use interflow_application::proof::tile::{TileId, WIDTH};
use interflow_application::proof::{Hash, Leaf, Verifier};
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use crate::event_log::Failure;
use crate::proof::tree;

/// `json` is sent as its text.
const AFTER: &str = "SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, timestamp, \
         metadata, payload \
     FROM events WHERE workspace_id = $1 AND position > $2 ORDER BY position LIMIT $3";
const HEAD: &str = "SELECT coalesce((SELECT position FROM heads WHERE workspace_id = $1), 0)";
const LOG: &str = "SELECT origin, size, checkpoint FROM audit_logs WHERE workspace_id = $1";
const KEYS: &str = "SELECT public_key FROM audit_keys WHERE workspace_id = $1";
const KEPT: &str = "SELECT note FROM audit_checkpoints WHERE workspace_id = $1 ORDER BY size, signed_at";

struct Hashed(Leaf);

impl FromRow<'_, PgRow> for Hashed {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self(Leaf {
            workspace: uuid::Uuid::nil(),
            position: row.try_get::<i64, _>(0)?.unsigned_abs(),
            event: row.try_get(1)?,
            aggregate_type: row.try_get(2)?,
            aggregate_id: row.try_get(3)?,
            sequence: row.try_get::<i64, _>(4)?.unsigned_abs(),
            event_type: row.try_get(5)?,
            event_version: row.try_get(6)?,
            recorded_at: row.try_get(7)?,
            metadata: Hash::of(row.try_get_unchecked::<&str, _>(8)?.as_bytes()),
            payload: Hash::of(row.try_get_unchecked::<&str, _>(9)?.as_bytes()),
        }))
    }
}

/// Up to `limit` events after a position, whichever there are, hashed here.
pub(super) async fn events(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    after: u64,
    limit: u32,
) -> Result<Vec<Leaf>, Failure> {
    let query = sqlx::query_as(AFTER).bind(workspace.uuid()).bind(after.cast_signed()).bind(i64::from(limit));
    let rows: Vec<Hashed> = query.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|Hashed(leaf)| Leaf { workspace: workspace.uuid(), ..leaf }).collect())
}

/// What was sealed, by position: as many tiles as were looked at last, and no more.
#[derive(Default)]
pub(super) struct Stored {
    tiles: HashMap<u64, Vec<Hash>>,
}

impl Stored {
    /// Reads what was sealed at these positions.
    pub(super) async fn read(
        &mut self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        from: u64,
        until: u64,
    ) -> Result<(), Failure> {
        let wanted = (from.saturating_sub(1) / WIDTH as u64)..=(until.saturating_sub(1) / WIDTH as u64);
        self.tiles.retain(|index, _| wanted.contains(index));
        let missing = wanted.filter(|index| !self.tiles.contains_key(index));
        let missing: Vec<TileId> = missing.map(|index| TileId { level: 0, index }).collect();
        for (id, hashes) in tree::read(connection, workspace, missing).await? {
            self.tiles.insert(id.index, hashes);
        }
        Ok(())
    }

    /// What was sealed at a position.
    pub(super) fn at(&self, position: u64) -> Option<Hash> {
        let index = position.checked_sub(1)?;
        let tile = self.tiles.get(&(index / WIDTH as u64))?;
        tile.get(usize::try_from(index % WIDTH as u64).ok()?).copied()
    }
}

/// What the database says of a log, beside its events.
pub(super) struct Said {
    pub(super) head: u64,
    pub(super) origin: Option<String>,
    pub(super) size: u64,
    pub(super) latest: Option<String>,
    pub(super) kept: Vec<String>,
    pub(super) keys: Vec<Verifier>,
}

pub(super) async fn said(connection: &mut PgConnection, workspace: WorkspaceId) -> Result<Said, Failure> {
    let id = workspace.uuid();
    let head: i64 = sqlx::query_scalar(HEAD).bind(id).fetch_one(&mut *connection).await?;
    let log: Option<(String, i64, Option<String>)> =
        sqlx::query_as(LOG).bind(id).fetch_optional(&mut *connection).await?;
    let kept = sqlx::query_scalar(KEPT).bind(id).fetch_all(&mut *connection).await?;
    let keys: Vec<Vec<u8>> = sqlx::query_scalar(KEYS).bind(id).fetch_all(connection).await?;
    let (origin, size, latest) =
        log.map_or((None, 0, None), |(origin, size, latest)| (Some(origin), size, latest));
    let verifier = |public: Vec<u8>| Verifier::new(origin.as_deref()?, &public.try_into().ok()?);
    let keys = keys.into_iter().filter_map(verifier).collect();
    Ok(Said { head: head.unsigned_abs(), origin, size: size.unsigned_abs(), latest, kept, keys })
}
