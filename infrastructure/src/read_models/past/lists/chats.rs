//! Chats as of a position. None is ever gone, and one that was not touched since is what it was.
//!
//! So in the order of their activity those that were not touched since are read along the indexes of the present, by the
//! conditions of the present; those that were, at most [`TRIED`], are folded and put among them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::past::{Past, PastError};
use interflow_application::read::{Chat, ChatFilter, ChatSort, Listing, Marked, Start};
use interflow_domain::{ChatId, InstanceId};
use serde_json::{Value, json};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::merge::merged;
use super::{CANDIDATE, CHUNK, Candidate, FOLDED, Source, begin, page};
use crate::event_log::{Failure, log_error};
use crate::read_models::columns::bigint;
use crate::read_models::conversations::chat::Row;
use crate::read_models::conversations::chats_table::{COLUMNS, TABLE, decode, status_name};
use crate::read_models::past::chats;
use crate::read_models::past::look::{Aged, Look};
use crate::read_models::reads::listing::{Query, TRIED, chats as listed};
use crate::read_models::table::{Scope, load};

struct Chats<'a> {
    listing: &'a Listing<ChatFilter, ChatSort>,
    /// The one the filter names.
    channel: Option<InstanceId>,
    at: u64,
    latest: DateTime<Utc>,
}

/// `channel` is the one the filter names.
pub(in crate::read_models::past) async fn list(
    look: &Look,
    at: u64,
    channel: Option<InstanceId>,
    listing: &Listing<ChatFilter, ChatSort>,
) -> Result<Marked<Past<Chat>>, PastError> {
    let Some(latest) = look.latest(at).await? else { return Ok(Marked::empty()) };
    let chats = Chats { listing, channel, at, latest };
    match listing.sort.key {
        ChatSort::CreatedAt => page(&chats, look, (&listing.start, listing.size)).await,
        ChatSort::LastActivity => chats.by_activity(look).await,
    }
}

impl Chats<'_> {
    async fn by_activity(&self, look: &Look) -> Result<Marked<Past<Chat>>, PastError> {
        let Listing { sort, start, size, .. } = self.listing;
        let (after, skipped) = begin(start, *size);
        let touched = self.touched_since(look).await?;
        let (mut rows, mut columns) = (BTreeMap::new(), vec![]);
        for chunk in touched.chunks(CHUNK as usize) {
            let wanted: Vec<_> = chunk.iter().map(|id| (ChatId::new(*id), self.at)).collect();
            for aged in chats::rows(look, &wanted).await.map_err(LogError::from)?.into_iter().flatten() {
                columns.push(Self::columns(&aged.row));
                rows.insert(aged.row.view.id.uuid(), aged);
            }
        }
        let sifted = self.query().sift(&look.pool, &columns, after).await?;
        let in_all = sifted.len();
        let at_hand = sifted
            .into_iter()
            .filter(|one| one.behind)
            .filter_map(|one| Some((one.mark, rows.remove(&one.id)?.shown(|row| row.view))));

        let wanted = size.saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX));
        let from = after.map_or(Start::Page(1), |mark| Start::After(mark.clone()));
        let untouched = self.query().untouched_since((self.at, self.latest));
        let shown = |row: &_| decode(row).map(|row| chats::aged(row).shown(|row| row.view));
        let read = untouched.page(&look.pool, look.workspace, (&from, wanted), shown).await?;
        Ok(merged(read, at_hand, in_all, (skipped, *size), sort.descending))
    }

    /// The chats that were there and were touched since.
    async fn touched_since(&self, look: &Look) -> Result<Vec<Uuid>, PastError> {
        let Some(earliest) = look.earliest_after(self.at).await? else { return Ok(vec![]) };
        let workspace = look.workspace.uuid();
        let mut sql = QueryBuilder::new("SELECT id FROM chats WHERE workspace_id = ");
        sql.push_bind(workspace)
            .push(" AND generation = (SELECT generation FROM heads WHERE workspace_id = ");
        sql.push_bind(workspace).push(") AND updated_at >= ").push_bind(earliest);
        sql.push(" AND touched_position > ").push_bind(bigint(self.at));
        sql.push(" AND created_position <= ").push_bind(bigint(self.at));
        if let Some(customer) = self.listing.filter.customer {
            sql.push(" AND customer_id = ").push_bind(customer.uuid());
        }
        if let Some(channel) = self.channel {
            sql.push(" AND instance_id = ").push_bind(channel.uuid());
        }
        sql.push(" LIMIT ").push_bind(bigint(TRIED) + 1);
        let query = sql.build_query_scalar().persistent(false);
        let ids: Vec<Uuid> = query.fetch_all(&look.pool).await.map_err(log_error)?;
        if ids.len() as u64 > TRIED { Err(PastError::too_many("created_at", TRIED)) } else { Ok(ids) }
    }
}

#[async_trait]
impl Source for Chats<'_> {
    type Row = Row;
    type View = Chat;

    fn is_sifted(&self) -> bool {
        let ChatFilter { status, channel: _, customer: _, assigned, unread, active } = &self.listing.filter;
        status.is_some() || assigned.is_some() || unread.is_some() || !active.is_unbounded()
    }

    fn query(&self) -> Query {
        listed::query(self.channel, self.listing)
    }

    fn most(&self) -> u32 {
        FOLDED
    }

    fn in_order(&self) -> Result<(), PastError> {
        Ok(())
    }

    async fn candidates(
        &self,
        look: &Look,
        start: &Start,
        size: u32,
    ) -> Result<Marked<Candidate>, PastError> {
        let Listing { filter: ChatFilter { customer, .. }, sort, .. } = self.listing;
        let filter = ChatFilter { customer: *customer, ..ChatFilter::default() };
        let listing = Listing { filter, sort: *sort, start: start.clone(), size };
        let query = listed::query(self.channel, &listing).until((self.at, self.latest), CANDIDATE);
        Ok(query.page(&look.pool, look.workspace, (start, size), Candidate::decode).await?)
    }

    async fn fold(&self, look: &Look, candidates: &[Candidate]) -> Result<Vec<Option<Aged<Row>>>, Failure> {
        let mut untouched = untouched(look, candidates, self.at).await?;
        let touched: Vec<_> = candidates.iter().filter(|one| !untouched.contains_key(&one.id)).collect();
        let wanted: Vec<_> = touched.iter().map(|one| (ChatId::new(one.id), self.at)).collect();
        let mut folded = chats::rows(look, &wanted).await?.into_iter();
        let row = |one: &Candidate| match untouched.remove(&one.id) {
            Some(row) => Some(chats::aged(row)),
            None => folded.next().flatten(),
        };
        Ok(candidates.iter().map(row).collect())
    }

    fn columns(Row { view, created_position, .. }: &Row) -> Value {
        json!({
            "id": view.id.uuid(),
            "instance_id": view.instance.uuid(),
            "customer_id": view.customer.uuid(),
            "status": status_name(view.status),
            "assignee": view.assignee,
            "unread_count": view.unread_count,
            "created_at": view.created_at,
            "updated_at": view.updated_at,
            "created_position": created_position,
            "touched_position": view.touched,
        })
    }

    fn view(row: Row) -> Chat {
        row.view
    }
}

/// The rows that are today as they were at the position.
async fn untouched(look: &Look, candidates: &[Candidate], at: u64) -> Result<BTreeMap<Uuid, Row>, Failure> {
    let ids: Vec<Uuid> = candidates.iter().map(|one| one.id).collect();
    let mut connection = look.connection().await?;
    let live = sqlx::query_scalar("SELECT generation FROM heads WHERE workspace_id = $1");
    let generation = live.bind(look.workspace.uuid()).fetch_one(&mut *connection).await?;
    let scope = Scope { workspace: look.workspace.uuid(), generation, cache: None };
    let rows = load(&mut connection, scope, (TABLE, COLUMNS), &ids, decode).await?;
    let rows = rows.into_iter().filter(|row| row.view.touched <= at);
    Ok(rows.map(|row| (row.view.id.uuid(), row)).collect())
}
