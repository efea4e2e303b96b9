//! Channels as of a position, also those that were deleted since. There are few of them, and many events of each.

use interflow_application::log::{LogError, StreamId};
use interflow_application::past::{Past, PastError};
use interflow_application::read::{Channel, Cursor, Page, PageRequest, Window};
use interflow_domain::InstanceId;

use super::{CANDIDATE, Candidate, gone};
use crate::event_log::log_error;
use crate::read_models::channels::fold;
use crate::read_models::columns::bigint;
use crate::read_models::past::look::Look;
use crate::read_models::reads::MINE;

pub(in crate::read_models::past) async fn list(
    look: &Look,
    at: u64,
    request: PageRequest,
) -> Result<Page<Past<Channel>>, PastError> {
    let all = all(look, at).await?;
    let (before, skipped) = match request.window {
        Window::Number(number) => (u64::MAX, number.saturating_sub(1) as usize * request.size as usize),
        Window::After(Cursor(position)) => (position, 0),
    };
    let total = all.len() as u64;
    let left: Vec<_> = all.into_iter().filter(|one| one.position < before).skip(skipped).collect();
    let page = &left[..left.len().min(request.size as usize)];
    let next = page.last().filter(|_| left.len() > page.len()).map(|last| Cursor(last.position));
    let streams: Vec<_> = page.iter().map(|one| (StreamId::Instance(InstanceId::new(one.id)), at)).collect();
    let rows = look.folded(&streams, fold).await.map_err(LogError::from)?;
    let there = page.iter().zip(rows);
    let there = there.filter_map(|(one, aged)| Some((Cursor(one.position), aged?.shown(|row| row.view))));
    let (cursors, items) = there.unzip();
    Ok(Page { items, cursors, total, total_is_estimate: false, next })
}

/// All that there were, newest first.
async fn all(look: &Look, at: u64) -> Result<Vec<Candidate>, PastError> {
    let of_instances = StreamId::Instance(InstanceId::default()).aggregate_type();
    let mut all = gone::since(look, of_instances, at).await?;
    let sql = format!("SELECT {CANDIDATE} FROM channels WHERE {MINE} AND created_position <= $2");
    let query = sqlx::query(&sql).bind(look.workspace.uuid()).bind(bigint(at));
    for row in query.fetch_all(&look.pool).await.map_err(log_error)? {
        all.push(Candidate::decode(&row).map_err(log_error)?);
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.position));
    Ok(all)
}
