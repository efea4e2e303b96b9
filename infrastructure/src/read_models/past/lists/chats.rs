//! Chats as of a position. None is ever gone, and one that was not touched since is what it was.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::past::{Past, PastError};
use interflow_application::read::{Chat, ChatFilter, ChatSort, Listing, Marked, Sort, Start};
use interflow_domain::{ChatId, InstanceId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CANDIDATE, Candidate, FOLDED, Source, page};
use crate::event_log::Failure;
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
    page(&Chats { listing, channel, at, latest }, look, (&listing.start, listing.size)).await
}

#[async_trait]
impl Source for Chats<'_> {
    type Row = Row;
    type View = Chat;

    fn is_sifted(&self) -> bool {
        let ChatFilter { status, channel: _, customer: _, assigned, unread, active } = &self.listing.filter;
        let changing = status.is_some() || assigned.is_some() || unread.is_some() || !active.is_unbounded();
        changing || self.listing.sort.key != ChatSort::CreatedAt
    }

    fn query(&self) -> Query {
        listed::query(self.channel, self.listing)
    }

    fn most(&self) -> u32 {
        match self.listing.sort.key {
            ChatSort::CreatedAt => FOLDED,
            ChatSort::LastActivity => TRIED as u32,
        }
    }

    fn in_order(&self) -> Result<(), PastError> {
        match self.listing.sort.key {
            ChatSort::CreatedAt => Ok(()),
            ChatSort::LastActivity => Err(PastError::too_many("created_at", TRIED)),
        }
    }

    async fn candidates(
        &self,
        look: &Look,
        start: &Start,
        size: u32,
    ) -> Result<Marked<Candidate>, PastError> {
        let Listing { filter: ChatFilter { customer, .. }, sort, .. } = self.listing;
        let descending = sort.descending || sort.key != ChatSort::CreatedAt;
        let listing = Listing {
            filter: ChatFilter { customer: *customer, ..ChatFilter::default() },
            sort: Sort { key: ChatSort::CreatedAt, descending },
            start: start.clone(),
            size,
        };
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
