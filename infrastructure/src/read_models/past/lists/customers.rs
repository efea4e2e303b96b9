//! Customers as of a position, also those that were deleted since.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::StreamId;
use interflow_application::past::{Past, PastError};
use interflow_application::read::{Customer, CustomerFilter, CustomerSort, Listing, Marked, Sort, Start};
use interflow_domain::CustomerId;
use serde_json::{Value, json};

use super::merge::{is_behind, merged};
use super::{CANDIDATE, Candidate, FOLDED, Source, begin, gone, page};
use crate::event_log::Failure;
use crate::read_models::customers::{Row, fold};
use crate::read_models::past::look::{Aged, Look};
use crate::read_models::reads::listing::{Query, TRIED, customers as listed};

struct Customers<'a> {
    listing: &'a Listing<CustomerFilter, CustomerSort>,
    at: u64,
    latest: DateTime<Utc>,
    /// Those that were deleted since and were created when the filter says.
    gone: Vec<Candidate>,
}

pub(in crate::read_models::past) async fn list(
    look: &Look,
    at: u64,
    listing: &Listing<CustomerFilter, CustomerSort>,
) -> Result<Marked<Past<Customer>>, PastError> {
    let Some(latest) = look.latest(at).await? else { return Ok(Marked::empty()) };
    let of_customers = StreamId::Customer(CustomerId::default()).aggregate_type();
    let mut gone = gone::since(look, of_customers, at).await?;
    let (from, until) = (listing.filter.created.from(), listing.filter.created.until());
    gone.retain(|one| {
        from.is_none_or(|from| one.created_at >= from) && until.is_none_or(|until| one.created_at < until)
    });
    page(&Customers { listing, at, latest, gone }, look, (&listing.start, listing.size)).await
}

#[async_trait]
impl Source for Customers<'_> {
    type Row = Row;
    type View = Customer;

    fn is_sifted(&self) -> bool {
        let Listing { filter, sort, .. } = self.listing;
        let unchanging = CustomerFilter { created: filter.created, ..CustomerFilter::default() };
        *filter != unchanging || sort.key != CustomerSort::CreatedAt
    }

    fn query(&self) -> Query {
        listed::query(self.listing)
    }

    fn most(&self) -> u32 {
        match self.listing.sort.key {
            CustomerSort::CreatedAt => FOLDED,
            CustomerSort::UpdatedAt | CustomerSort::Name => TRIED as u32,
        }
    }

    fn in_order(&self) -> Result<(), PastError> {
        match self.listing.sort.key {
            CustomerSort::CreatedAt => Ok(()),
            CustomerSort::UpdatedAt | CustomerSort::Name => Err(PastError::too_many("created_at", TRIED)),
        }
    }

    /// Those that are there and those that are gone, merged.
    async fn candidates(
        &self,
        look: &Look,
        start: &Start,
        size: u32,
    ) -> Result<Marked<Candidate>, PastError> {
        let Listing { filter, sort, .. } = self.listing;
        let descending = sort.descending || sort.key != CustomerSort::CreatedAt;
        let (after, skipped) = begin(start, size);
        let wanted = size.saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX));
        let from = after.map_or(Start::Page(1), |mark| Start::After(mark.clone()));
        let listing = Listing {
            filter: CustomerFilter { created: filter.created, ..CustomerFilter::default() },
            sort: Sort { key: CustomerSort::CreatedAt, descending },
            start: from.clone(),
            size: wanted,
        };
        let query = listed::query(&listing).until((self.at, self.latest), CANDIDATE);
        let there = query.page(&look.pool, look.workspace, (&from, wanted), Candidate::decode).await?;
        let gone = self.gone.iter().map(|one| (one.mark(), *one));
        let gone = gone.filter(|(one, _)| after.is_none_or(|mark| is_behind(one, mark, descending)));
        Ok(merged(there, gone, self.gone.len(), (skipped, size), descending))
    }

    async fn fold(&self, look: &Look, candidates: &[Candidate]) -> Result<Vec<Option<Aged<Row>>>, Failure> {
        let stream = |one: &Candidate| (StreamId::Customer(CustomerId::new(one.id)), self.at);
        look.folded(&candidates.iter().map(stream).collect::<Vec<_>>(), fold).await
    }

    fn columns(Row { view, created_position }: &Row) -> Value {
        json!({
            "id": view.id.uuid(),
            "name": view.name,
            "email": view.email,
            "phone": view.phone,
            "external_id": view.external_id,
            "tags": view.tags,
            "created_at": view.created_at,
            "updated_at": view.updated_at,
            "created_position": created_position,
        })
    }

    fn view(row: Row) -> Customer {
        row.view
    }
}
