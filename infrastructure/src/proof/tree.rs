//! The tiles of a tree.

use std::collections::{BTreeMap, HashMap};

use interflow_application::proof::Hash;
use interflow_application::proof::tile::TileId;
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;

use crate::event_log::Failure;

const READ: &str = "SELECT t.level, t.index, t.hashes FROM unnest($2::int2[], $3::bigint[]) AS wanted (level, index) \
     JOIN audit_tiles t ON t.workspace_id = $1 AND t.level = wanted.level AND t.index = wanted.index";
const WRITE: &str = "INSERT INTO audit_tiles (workspace_id, level, index, hashes) \
     SELECT $1, t.level, t.index, t.hashes FROM unnest($2::int2[], $3::bigint[], $4::bytea[]) AS t (level, index, hashes) \
     ON CONFLICT (workspace_id, level, index) DO UPDATE SET hashes = excluded.hashes";

/// Those of the tiles that there are.
pub(super) async fn read(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    wanted: impl IntoIterator<Item = TileId>,
) -> Result<HashMap<TileId, Vec<Hash>>, Failure> {
    let (levels, indexes) = columns(wanted);
    let query = sqlx::query_as(READ).bind(workspace.uuid()).bind(levels).bind(indexes);
    let rows: Vec<(i16, i64, Vec<u8>)> = query.fetch_all(connection).await?;
    let tile = |(level, index, hashes): (i16, i64, Vec<u8>)| {
        let id = TileId { level: u8::try_from(level).unwrap_or(u8::MAX), index: index.unsigned_abs() };
        (id, hashes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect())
    };
    Ok(rows.into_iter().map(tile).collect())
}

/// Writes tiles, new or longer than they were.
pub(super) async fn write(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    tiles: BTreeMap<TileId, Vec<Hash>>,
) -> Result<(), Failure> {
    let (levels, indexes) = columns(tiles.keys().copied());
    let hashes: Vec<Vec<u8>> =
        tiles.into_values().map(|hashes| hashes.iter().flat_map(|hash| hash.0).collect()).collect();
    let query = sqlx::query(WRITE).bind(workspace.uuid()).bind(levels).bind(indexes).bind(hashes);
    query.execute(connection).await?;
    Ok(())
}

fn columns(tiles: impl IntoIterator<Item = TileId>) -> (Vec<i16>, Vec<i64>) {
    tiles
        .into_iter()
        // An index that no column holds is that of no tile.
        .filter_map(|tile| Some((i16::from(tile.level), i64::try_from(tile.index).ok()?)))
        .unzip()
}
