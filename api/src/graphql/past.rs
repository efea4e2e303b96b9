//! What was shown once: `asOf`. What is told as of a moment leads to what was there at the same moment.

use async_graphql::dataloader::Loader;
use async_graphql::{Context, SimpleObject};
use interflow_application::past::{Past, Point};
use interflow_application::read::{Marked, Page};

use super::asker::Asker;
use super::loaders::{Batches, Named, Then, beside, by_id, one};
use super::scalars::Long;
use crate::error::ApiError;
use crate::extract::{Query, When};
use crate::time::Timestamp;

/// As of when something of the past is told.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct AsOf {
    /// The position of the last event that counts: asked for by it, the answer stays the same.
    position: Long,
    /// When that event was recorded; absent before the first.
    recorded_at: Option<Timestamp>,
    /// Whether something personal that was shown then was erased since, and is missing here.
    erased: bool,
}

impl AsOf {
    /// The place that an argument asks for; none where the present is meant.
    pub async fn said(asker: &Asker, said: Option<String>) -> Result<Option<Self>, ApiError> {
        let parameters = said.map(|text| ("as_of".to_owned(), text));
        let mut query = Query::of(parameters.into_iter().collect());
        let as_of = query.as_of("as_of").flatten();
        query.close()?;
        Ok(When(as_of).point(&asker.app, asker.workspace()).await?.map(Self::at))
    }

    fn at(point: Point) -> Self {
        let recorded_at = point.recorded_at.map(Timestamp::from);
        Self { position: Long(point.position), recorded_at, erased: false }
    }

    /// The position of the last event that counts.
    pub const fn place(self) -> u64 {
        self.position.0
    }

    /// The same moment, of something of which this is known.
    const fn lacking(self, erased: bool) -> Self {
        Self { erased, ..self }
    }
}

/// What can be told as of a moment.
pub trait Dated<V>: From<V> {
    /// As it was then.
    fn dated(self, as_of: AsOf) -> Self;
}

impl AsOf {
    /// One thing as it was.
    pub fn one<V, T: Dated<V>>(self, past: Past<V>) -> T {
        T::from(past.item).dated(self.lacking(past.erased))
    }

    /// A page of things as they were, and of the page whether it lacks something.
    pub fn page<V, T: Dated<V>>(self, page: Marked<Past<V>>) -> (Self, Marked<T>) {
        let Marked { items, marks, total, total_is_estimate, next, is_out_of_reach } = page;
        let (whole, items) = self.all(items);
        (whole, Marked { items, marks, total, total_is_estimate, next, is_out_of_reach })
    }

    /// The same of a list that goes one way.
    pub fn plain_page<V, T: Dated<V>>(self, page: Page<Past<V>>) -> (Self, Page<T>) {
        let Page { items, cursors, total, total_is_estimate, next } = page;
        let (whole, items) = self.all(items);
        (whole, Page { items, cursors, total, total_is_estimate, next })
    }

    fn all<V, T: Dated<V>>(self, items: Vec<Past<V>>) -> (Self, Vec<T>) {
        let whole = self.lacking(items.iter().any(|past| past.erased));
        (whole, items.into_iter().map(|past| self.one(past)).collect())
    }
}

/// What was asked for by its id, as of then or now.
pub async fn by_id_as_of<K, V, T>(
    context: &Context<'_>,
    id: K,
    as_of: Option<AsOf>,
) -> Result<Option<T>, ApiError>
where
    K: Named,
    T: Dated<V>,
    Batches: Loader<K, Value = V, Error = ApiError> + Loader<Then<K>, Value = Past<V>, Error = ApiError>,
{
    let Some(as_of) = as_of else { return Ok(by_id(context, id).await?.map(T::from)) };
    let found = one(context, Then(id.clone(), as_of.place())).await?;
    if found.is_some() {
        Asker::of(context)?.saw(K::RESOURCE, Some(id.to_string()), 0);
    }
    Ok(found.map(|past| as_of.one(past)))
}

/// What stands beside something that is told as of then, as of then; or now.
pub async fn beside_as_of<K, V, T>(
    context: &Context<'_>,
    id: K,
    as_of: Option<AsOf>,
) -> Result<Option<T>, ApiError>
where
    K: Named,
    T: Dated<V>,
    Batches: Loader<K, Value = V, Error = ApiError> + Loader<Then<K>, Value = Past<V>, Error = ApiError>,
{
    let Some(as_of) = as_of else { return Ok(beside(context, id).await?.map(T::from)) };
    let found = one(context, Then(id, as_of.place())).await?;
    if found.is_some() {
        Asker::of(context)?.saw(K::RESOURCE, None, 1);
    }
    Ok(found.map(|past| as_of.one(past)))
}
