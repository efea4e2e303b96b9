//! Which part of a list is wanted. Filters and sorts are those of REST, and so are the cursors: one that was had there
//! goes on here, and the other way round.

use std::hash::Hash;

use async_graphql::Context;
use async_graphql::dataloader::Loader;
use interflow_application::past::Past;
use interflow_application::read::{
    Cursor, Extent, Fingerprint, Listing, Mark, Marked, PageRequest, Sort, SortKey, Start, Stretch, Window,
};
use serde::Serialize;
use serde_json::Value;

use super::asker::Asker;
use super::connection::Connection;
use super::loaders::{Batches, Then, one};
use super::past::{AsOf, Dated};
use crate::error::ApiError;
use crate::extract::{FromQuery, Query, fingerprint};

/// The four arguments of every list that can be walked both ways.
pub struct Paging {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// Which part of a list, as far as it can be said without knowing the list.
struct Part {
    size: u32,
    backwards: bool,
    cursor: Option<String>,
}

const TOGETHER: &str = "must not be combined with 'first' or 'after'";
const CURSOR_RULE: &str = "must be a cursor of this list, had with the same filter and the same sort";

impl Paging {
    fn read(self, query: &mut Query) -> Part {
        let Self { first, after, last, before } = self;
        let forwards = first.is_some() || after.is_some();
        let backwards = last.is_some() || before.is_some();
        if forwards && backwards {
            query.wrong(if last.is_some() { "last" } else { "before" }, TOGETHER);
        }
        let size = size_of(query, "first", first).or(size_of(query, "last", last));
        let size = size.unwrap_or(PageRequest::DEFAULT_SIZE);
        Part { size, backwards, cursor: after.or(before) }
    }
}

fn size_of(query: &mut Query, name: &str, size: Option<i32>) -> Option<u32> {
    let size = size?;
    let read = u32::try_from(size).ok().filter(|size| (1..=PageRequest::MAX_SIZE).contains(size));
    if read.is_none() {
        query.wrong(name, format!("must be a number from 1 to {}", PageRequest::MAX_SIZE));
    }
    read
}

/// A list that is asked for.
pub struct Asked<F, K> {
    pub listing: Listing<F, K>,
    path: String,
    fingerprint: Fingerprint,
    backwards: bool,
}

impl<F: FromQuery> Asked<F, F::Key> {
    /// The list with this path in REST, behind `/v1`, filtered, in this order.
    pub fn new(
        path: &str,
        filter: Option<&impl Serialize>,
        sort: Option<Sort<F::Key>>,
        paging: Paging,
    ) -> Result<Self, ApiError> {
        let sort = sort.unwrap_or(Sort::USUAL);
        let parameters = parameters(filter)?;
        let fingerprint = fingerprint(path, &sort.to_string(), parameters.clone());
        let mut query = Query::of(parameters);
        let filter = F::from_query(&mut query);
        let Part { size, backwards, cursor } = paging.read(&mut query);
        let mark = cursor.and_then(|text| mark(&mut query, &text, fingerprint, sort.key, backwards));
        query.close()?;
        let filter = filter.ok_or_else(|| ApiError::internal("a filter was refused without a reason"))?;
        let sort = if backwards { Sort { descending: !sort.descending, ..sort } } else { sort };
        let listing = Listing { filter, sort, start: mark.map_or(Start::Page(1), Start::After), size };
        Ok(Self { listing, path: path.to_owned(), fingerprint, backwards })
    }

    /// The page that was found of the past, which is noted as seen.
    pub fn answer_past<V, T: Dated<V>>(
        &self,
        asker: &Asker,
        as_of: AsOf,
        page: Marked<Past<V>>,
    ) -> Connection<T> {
        let (whole, page) = as_of.page(page);
        self.answer(asker, page, |entry| entry).dated(whole)
    }

    /// The page that was found, which is noted as seen.
    pub fn answer<V, T>(&self, asker: &Asker, page: Marked<V>, shape: impl Fn(V) -> T) -> Connection<T> {
        note(asker, &self.path, page.items.len());
        let continued = matches!(self.listing.start, Start::After(_));
        turned(page, self.fingerprint, (self.backwards, continued), shape)
    }
}

/// Notes who sees a list: `/chats/cht_…/messages` is `chats.messages` of that chat, as in REST.
fn note(asker: &Asker, path: &str, items: usize) {
    let words: Vec<_> = path.split('/').skip(1).collect();
    let resource: Vec<_> = words.iter().step_by(2).copied().collect();
    asker.saw(&resource.join("."), words.get(1).map(|id| (*id).to_owned()), items);
}

/// A page, in the order of the list though it may have been found backwards.
fn turned<V, T>(
    page: Marked<V>,
    fingerprint: Fingerprint,
    (backwards, continued): (bool, bool),
    shape: impl Fn(V) -> T,
) -> Connection<T> {
    let total = (page.total, page.total_is_estimate);
    let next = page.next.map(|mark| mark.to_cursor(fingerprint));
    let cursors = page.marks.iter().map(|mark| mark.to_cursor(fingerprint));
    let mut entries: Vec<_> = page.items.into_iter().map(shape).zip(cursors).collect();
    if backwards {
        entries.reverse();
        Connection::new(entries, total).following(next.is_some()).followed(continued)
    } else {
        Connection::new(entries, total).following(continued).followed_by(next)
    }
}

fn mark<K: SortKey>(
    query: &mut Query,
    cursor: &str,
    fingerprint: Fingerprint,
    sorted_by: K,
    backwards: bool,
) -> Option<Mark> {
    let name = if backwards { "before" } else { "after" };
    Mark::from_cursor(cursor, fingerprint, sorted_by).map_err(|_| query.wrong(name, CURSOR_RULE)).ok()
}

/// A filter as the parameters it would be in REST.
pub fn parameters(filter: Option<&impl Serialize>) -> Result<Vec<(String, String)>, ApiError> {
    let filter = serde_json::to_value(filter).map_err(|error| ApiError::internal(error.to_string()))?;
    let Value::Object(fields) = filter else { return Ok(vec![]) };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let of = |(name, value): (String, Value)| match value {
        Value::Null => vec![],
        Value::Array(values) => values.into_iter().map(|value| (name.clone(), text(value))).collect(),
        value => vec![(name, text(value))],
    };
    Ok(fields.into_iter().flat_map(of).collect())
}

/// Part of a list that has one order, newest first.
pub fn page_request(first: Option<i32>, after: Option<&str>) -> Result<PageRequest, ApiError> {
    let mut query = Query::of(vec![]);
    let size = size_of(&mut query, "first", first).unwrap_or(PageRequest::DEFAULT_SIZE);
    let cursor = after.and_then(|text| {
        text.parse::<Cursor>().map_err(|_| query.wrong("after", "must be a cursor of this list")).ok()
    });
    query.close()?;
    Ok(PageRequest { window: cursor.map_or(Window::Number(1), Window::After), size })
}

/// A list that belongs to something, in its usual order or, read from its end, the other way round.
pub struct Nested {
    path: String,
    after: Option<Mark>,
    extent: Extent,
    fingerprint: Fingerprint,
    backwards: bool,
}

impl Nested {
    /// The list with this path in REST, behind `/v1`; its total is counted where the answer is to have it.
    pub fn new<K: SortKey>(
        path: &str,
        sort: Sort<K>,
        paging: Paging,
        context: &Context<'_>,
    ) -> Result<Self, ApiError> {
        let fingerprint = fingerprint(path, &sort.to_string(), vec![]);
        let mut query = Query::of(vec![]);
        let Part { size, backwards, cursor } = paging.read(&mut query);
        let after = cursor.and_then(|text| mark(&mut query, &text, fingerprint, sort.key, backwards));
        query.close()?;
        let wanted = context.look_ahead();
        let counted = wanted.field("totalCount").exists() || wanted.field("totalCountIsEstimate").exists();
        let extent = Extent { descending: sort.descending != backwards, size, counted };
        Ok(Self { path: path.to_owned(), after, extent, fingerprint, backwards })
    }

    /// The stretch of the list of this one.
    pub fn stretch<P>(&self, of: P) -> Stretch<P> {
        Stretch { of, after: self.after.clone() }
    }

    /// What of each list is wanted.
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// The page that this key finds, as of then or now, which is noted as seen.
    pub async fn told<K, V, T>(
        &self,
        context: &Context<'_>,
        key: K,
        as_of: Option<AsOf>,
    ) -> Result<Option<Connection<T>>, ApiError>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        T: Dated<V>,
        Batches: Loader<K, Value = Marked<V>, Error = ApiError>
            + Loader<Then<K>, Value = Result<Marked<Past<V>>, ApiError>, Error = ApiError>,
    {
        let asker = Asker::of(context)?;
        let Some(as_of) = as_of else {
            return Ok(one(context, key).await?.map(|page| self.answer(asker, page, T::from)));
        };
        let Some(page) = one(context, Then(key, as_of.place())).await? else { return Ok(None) };
        let (whole, page) = as_of.page(page?);
        Ok(Some(self.answer(asker, page, |entry| entry).dated(whole)))
    }

    fn answer<V, T>(&self, asker: &Asker, page: Marked<V>, shape: impl Fn(V) -> T) -> Connection<T> {
        note(asker, &self.path, page.items.len());
        turned(page, self.fingerprint, (self.backwards, self.after.is_some()), shape)
    }
}
