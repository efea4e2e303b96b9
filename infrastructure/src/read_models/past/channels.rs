//! Channels as of a position, by id or by the name they had then.

use interflow_application::ChannelRef;
use interflow_application::log::StreamId;
use interflow_domain::{InstanceId, InstanceName};

use super::look::{Aged, Look};
use crate::event_log::Failure;
use crate::read_models::channels::{Row, fold};

/// Whoever had the name at some time, the latest first. Names are in clear, and have an index of their own (0021).
const NAMED: &str = "SELECT aggregate_id FROM events \
     WHERE workspace_id = $1 AND payload ->> 'name' = $2 AND position <= $3 \
         AND event_type IN ('instance.registered', 'instance.renamed') \
     ORDER BY position DESC";

/// The channel that was called so: an id that existed wins.
pub(super) async fn find(look: &Look, at: u64, channel: &ChannelRef) -> Result<Option<Aged<Row>>, Failure> {
    if let Some(id) = channel.as_id()
        && let Some(row) = one(look, at, id).await?
    {
        return Ok(Some(row));
    }
    let Some(name) = channel.as_name() else { return Ok(None) };
    for id in once_named(look, at, name).await? {
        if let Some(found) = one(look, at, id).await?.filter(|found| found.row.view.name == name.as_str()) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn one(look: &Look, at: u64, id: InstanceId) -> Result<Option<Aged<Row>>, Failure> {
    let rows = look.folded(&[(StreamId::Instance(id), at)], fold).await?;
    Ok(rows.into_iter().next().flatten())
}

/// Each once.
async fn once_named(look: &Look, at: u64, name: &InstanceName) -> Result<Vec<InstanceId>, Failure> {
    let query =
        sqlx::query_scalar(NAMED).bind(look.workspace.uuid()).bind(name.as_str()).bind(at.cast_signed());
    let found: Vec<String> = query.fetch_all(&look.pool).await?;
    let mut ids: Vec<InstanceId> = vec![];
    for id in found.iter().filter_map(|id| id.parse().ok()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
