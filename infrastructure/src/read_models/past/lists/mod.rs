//! Lists as of a position.
//!
//! What a list shows may have changed since, and what it is sorted and filtered by with it: no index has that of the past.
//! What never changes is when something was made, so the *candidates* are found by that, among the rows of the present and
//! what [went](gone) since, and folded as of the position. Then:
//! - where nothing is asked that can have changed, a page of candidates is the page;
//! - where they are few ([`Source::most`]), all of them are folded, and *sifted* by the very conditions and order of the
//!   present's list, on rows that bear its table's name ([`Query::sift`]);
//! - where they are many and in the order they were made, they are folded a [`CHUNK`] at a time until the page is full: one
//!   that is not by [`FOLDED`] of them says where to go on, as lists of the present do;
//! - else the answer says what to ask instead.
//!
//! Chats by their activity go a way of their own ([`chats`]).

pub(super) mod channels;
pub(super) mod chats;
pub(super) mod customers;
mod gone;
mod merge;
pub(super) mod messages;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::past::{Past, PastError};
use interflow_application::read::{Mark, Marked, SortValue, Start};
use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::look::{Aged, Look};
use crate::event_log::Failure;
use crate::read_models::columns::count;
use crate::read_models::reads::listing::Query;

/// Most rows that are folded for one answer in the order in which they were made.
const FOLDED: u32 = 2_000;
/// How many are folded at a time.
const CHUNK: u32 = 250;
const CANDIDATE: &str = "id, created_at, created_position";

/// What may have been there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    id: Uuid,
    created_at: DateTime<Utc>,
    position: u64,
}

/// What a list is made of.
#[async_trait]
trait Source: Sync {
    type Row: Send;
    type View: Send;

    /// Whether something is asked that can have changed.
    fn is_sifted(&self) -> bool;
    /// The order and the conditions, also of what can have changed.
    fn query(&self) -> Query;
    /// How many candidates are folded for one answer, in whatever order it is.
    fn most(&self) -> u32;
    /// Whether the list is in the order of the candidates; else, what to ask when they are too many.
    fn in_order(&self) -> Result<(), PastError>;
    /// Candidates in the order in which they were made, or in the reverse.
    async fn candidates(&self, look: &Look, start: &Start, size: u32)
    -> Result<Marked<Candidate>, PastError>;
    /// Their rows, where there are any.
    async fn fold(
        &self,
        look: &Look,
        candidates: &[Candidate],
    ) -> Result<Vec<Option<Aged<Self::Row>>>, Failure>;
    /// What of a row is looked at, by the names of columns.
    fn columns(row: &Self::Row) -> Value;
    /// The row as it is shown.
    fn view(row: Self::Row) -> Self::View;
}

/// A page of a list.
async fn page<S: Source>(
    source: &S,
    look: &Look,
    (start, size): (&Start, u32),
) -> Result<Marked<Past<S::View>>, PastError> {
    if !source.is_sifted() {
        let page = source.candidates(look, start, size).await?;
        let rows = source.fold(look, &page.items).await.map_err(LogError::from)?;
        let there =
            page.items.iter().zip(rows).filter_map(|(one, aged)| Some((one.mark(), aged?.shown(S::view))));
        let (marks, items) = there.unzip();
        let Marked { total, total_is_estimate, next, is_out_of_reach, .. } = page;
        return Ok(Marked { items, marks, total, total_is_estimate, next, is_out_of_reach });
    }
    let all = source.candidates(look, &Start::Page(1), source.most()).await?;
    if all.next.is_none() {
        return gather(source, look, &all.items, (start, size)).await;
    }
    source.in_order()?;
    walk(source, look, (start, size)).await
}

/// What fits of some rows, in order.
struct Fitting<S: Source> {
    sifted: Vec<(Mark, bool, Past<S::View>)>,
}

impl<S: Source> Fitting<S> {
    async fn of(
        source: &S,
        look: &Look,
        candidates: &[Candidate],
        after: Option<&Mark>,
    ) -> Result<Self, PastError> {
        let mut rows = BTreeMap::new();
        let mut columns = vec![];
        for chunk in candidates.chunks(CHUNK as usize) {
            let folded = source.fold(look, chunk).await.map_err(LogError::from)?;
            for (candidate, aged) in chunk.iter().zip(folded) {
                if let Some(aged) = aged {
                    columns.push(S::columns(&aged.row));
                    rows.insert(candidate.id, aged);
                }
            }
        }
        let sifted = source.query().sift(&look.pool, &columns, after).await?;
        let shown = sifted
            .into_iter()
            .filter_map(|sifted| Some((sifted.mark, sifted.behind, rows.remove(&sifted.id)?.shown(S::view))));
        Ok(Self { sifted: shown.collect() })
    }
}

/// A page of all candidates.
async fn gather<S: Source>(
    source: &S,
    look: &Look,
    candidates: &[Candidate],
    (start, size): (&Start, u32),
) -> Result<Marked<Past<S::View>>, PastError> {
    let (after, skipped) = begin(start, size);
    let fitting = Fitting::of(source, look, candidates, after).await?.sifted;
    let total = fitting.len() as u64;
    let behind = fitting.into_iter().filter(|(_, behind, _)| *behind).skip(skipped);
    let (items, marks, next) = cut(behind.map(|(mark, _, item)| (mark, item)).collect(), size);
    Ok(Marked { items, marks, total, total_is_estimate: false, next, is_out_of_reach: false })
}

/// A page of as many candidates as it takes, in their order.
async fn walk<S: Source>(
    source: &S,
    look: &Look,
    (start, size): (&Start, u32),
) -> Result<Marked<Past<S::View>>, PastError> {
    let (after, mut skipped) = begin(start, size);
    let by_number = after.is_none() && skipped > 0;
    let mut from = after.map_or(Start::Page(1), |mark| Start::After(mark.clone()));
    let (mut found, mut tried, mut fitted, mut total) = (vec![], 0, 0, 0);
    let stopped = loop {
        let chunk = source.candidates(look, &from, CHUNK).await?;
        let fitting = Fitting::of(source, look, &chunk.items, None).await?.sifted;
        tried += chunk.items.len() as u64;
        total = total.max(chunk.total);
        for (mark, _, item) in fitting {
            fitted += 1;
            if skipped > 0 {
                skipped -= 1;
            } else {
                found.push((mark, item));
            }
        }
        match chunk.next {
            _ if found.len() > size as usize => break None,
            None => break None,
            Some(mark) if tried >= u64::from(FOLDED) => break Some(mark),
            Some(mark) => from = Start::After(mark),
        }
    };
    let is_out_of_reach = by_number && found.is_empty() && stopped.is_some();
    let (items, marks, next) = cut(found, size);
    let total = total * fitted / tried.max(1);
    Ok(Marked { items, marks, total, total_is_estimate: true, next: next.or(stopped), is_out_of_reach })
}

/// Behind which row a page begins, and how many it leaves out.
fn begin(start: &Start, size: u32) -> (Option<&Mark>, usize) {
    match start {
        Start::Page(number) => (None, number.saturating_sub(1) as usize * size as usize),
        Start::After(mark) => (Some(mark), 0),
    }
}

/// A page of what is left, with the marks of its rows, and where the next one begins.
fn cut<T>(mut found: Vec<(Mark, T)>, size: u32) -> (Vec<T>, Vec<Mark>, Option<Mark>) {
    let more = found.len() > size as usize;
    found.truncate(size as usize);
    let (marks, items): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let next = marks.last().filter(|_| more).cloned();
    (items, marks, next)
}

impl Candidate {
    fn decode(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            created_at: row.try_get("created_at")?,
            position: count(row, "created_position")?,
        })
    }

    fn mark(&self) -> Mark {
        Mark { value: SortValue::Time(self.created_at), position: self.position }
    }
}
