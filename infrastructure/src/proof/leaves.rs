//! Events as their leaves have them. The database hashes payloads and metadata, so that 64 bytes of each travel.

use chrono::{DateTime, Utc};
use interflow_application::proof::{Hash, Leaf};
use interflow_domain::WorkspaceId;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
use sqlx::{FromRow, PgConnection, Row as _};

use crate::event_log::Failure;

/// Asked for as the log's reader asks. There is a line also when there is no event.
const AFTER: &str = "SELECT h.position, e.position, e.event_id, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, \
         e.event_version, e.timestamp, e.metadata, e.payload \
     FROM heads h LEFT JOIN LATERAL (SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, \
             event_version, timestamp, sha256(convert_to(metadata::text, 'UTF8')) AS metadata, \
             sha256(convert_to(payload::text, 'UTF8')) AS payload \
         FROM events e WHERE e.workspace_id = $1 AND e.position > $2 AND e.position <= $2 + $3 OFFSET 0) e ON true \
     WHERE h.workspace_id = $1";

/// Some events, in order, and where the log ends.
pub(super) struct Part {
    pub(super) head: u64,
    pub(super) leaves: Vec<Leaf>,
}

struct Line {
    head: i64,
    leaf: Option<Leaf>,
}

impl FromRow<'_, PgRow> for Line {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let head = row.try_get(0)?;
        let Some(position) = row.try_get::<Option<i64>, _>(1)? else { return Ok(Self { head, leaf: None }) };
        let hash = |index: usize| {
            let bytes: &[u8] = row.try_get(index)?;
            Hash::from_slice(bytes).ok_or_else(|| sqlx::Error::Decode("not a hash".into()))
        };
        let leaf = Leaf {
            workspace: Uuid::nil(),
            position: position.unsigned_abs(),
            event: row.try_get(2)?,
            aggregate_type: row.try_get(3)?,
            aggregate_id: row.try_get(4)?,
            sequence: row.try_get::<i64, _>(5)?.unsigned_abs(),
            event_type: row.try_get(6)?,
            event_version: row.try_get(7)?,
            recorded_at: row.try_get::<DateTime<Utc>, _>(8)?,
            metadata: hash(9)?,
            payload: hash(10)?,
        };
        Ok(Self { head, leaf: Some(leaf) })
    }
}

/// Up to `limit` events after a position. One that is missing among them is an error that names it.
pub(super) async fn after(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    after: u64,
    limit: u32,
) -> Result<Part, Failure> {
    let nothing = Part { head: 0, leaves: vec![] };
    // No log is so long that a position does not fit; beyond it there is nothing.
    let Ok(from) = i64::try_from(after) else { return Ok(nothing) };
    if from.checked_add(i64::from(limit)).is_none() {
        return Ok(nothing);
    }
    let query = sqlx::query_as(AFTER).bind(workspace.uuid()).bind(from).bind(i64::from(limit));
    let lines: Vec<Line> = query.fetch_all(connection).await?;
    let Some(head) = lines.first().map(|line| line.head.unsigned_abs()) else { return Ok(nothing) };
    let mut leaves: Vec<Leaf> = lines.into_iter().filter_map(|line| line.leaf).collect();
    leaves.iter_mut().for_each(|leaf| leaf.workspace = workspace.uuid());
    leaves.sort_unstable_by_key(|leaf| leaf.position);
    let expected = head.saturating_sub(after).min(u64::from(limit));
    let last = (after + 1..).zip(&leaves).find(|(position, leaf)| leaf.position != *position);
    if let Some((position, _)) = last {
        return Err(Failure::Refused(format!("event {position} is missing from the log")));
    }
    if (leaves.len() as u64) < expected {
        let position = after + leaves.len() as u64 + 1;
        return Err(Failure::Refused(format!("event {position} is missing from the log")));
    }
    Ok(Part { head, leaves })
}
