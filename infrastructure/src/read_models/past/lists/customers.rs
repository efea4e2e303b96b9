//! Customers as of a position, also those that were deleted since.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::StreamId;
use interflow_application::past::{Past, PastError};
use interflow_application::read::{
    Customer, CustomerFilter, CustomerSort, Listing, Mark, Marked, Sort, SortValue, Start,
};
use interflow_domain::CustomerId;
use serde_json::{Value, json};

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
        let gone = self.gone.iter().filter(|one| after.is_none_or(|mark| is_behind(one, mark, descending)));
        Ok(merged(there, gone.copied(), self.gone.len(), (skipped, size), descending))
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

fn is_behind(one: &Candidate, mark: &Mark, descending: bool) -> bool {
    let SortValue::Time(time) = &mark.value else { return false };
    let (one, mark) = ((one.created_at, one.position), (*time, mark.position));
    if descending { one < mark } else { one > mark }
}

/// Of rows that are there, from the first on, and of those that are gone, a page in order.
fn merged(
    there: Marked<Candidate>,
    gone: impl Iterator<Item = Candidate>,
    gone_in_all: usize,
    (skipped, size): (usize, u32),
    descending: bool,
) -> Marked<Candidate> {
    let Marked { mut items, total, total_is_estimate, next: there_next, .. } = there;
    // Behind where reading was left off there are others that are there: what is gone is not told before them.
    let in_reach = |one: &Candidate| there_next.as_ref().is_none_or(|mark| !is_behind(one, mark, descending));
    items.extend(gone.filter(in_reach));
    items.sort_by_key(|one| (one.created_at, one.position));
    if descending {
        items.reverse();
    }
    let mut page: Vec<_> = items.into_iter().skip(skipped).collect();
    let is_out_of_reach = skipped > 0 && page.is_empty() && there_next.is_some();
    let is_cut = page.len() > size as usize;
    page.truncate(size as usize);
    let next = if is_cut { page.last().map(Candidate::mark) } else { there_next };
    let total = total + gone_in_all as u64;
    let marks = page.iter().map(Candidate::mark).collect();
    Marked { items: page, marks, total, total_is_estimate, next, is_out_of_reach }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use uuid::Uuid;

    use super::*;

    fn candidate(n: u64) -> Candidate {
        let created_at = Utc.timestamp_opt(i64::try_from(n).unwrap(), 0).unwrap();
        Candidate { id: Uuid::from_u128(n.into()), created_at, position: n }
    }

    /// A page of what is there, as a database with these would give it.
    fn there(all: &[u64], wanted: usize) -> Marked<Candidate> {
        let items: Vec<_> = all.iter().take(wanted).copied().map(candidate).collect();
        let next = items.last().map(Candidate::mark).filter(|_| all.len() > wanted);
        let total = all.len() as u64;
        Marked { items, marks: vec![], total, total_is_estimate: false, next, is_out_of_reach: false }
    }

    /// Every page by cursor, from the largest on.
    fn walked(all: &[u64], gone: &[u64], size: u32) -> Vec<u64> {
        let (mut seen, mut after) = (vec![], u64::MAX);
        loop {
            let left: Vec<_> = all.iter().copied().filter(|n| *n < after).collect();
            let gone_left = gone.iter().copied().filter(|n| *n < after).map(candidate);
            let page = merged(there(&left, size as usize), gone_left, gone.len(), (0, size), true);
            assert_eq!(page.total, (left.len() + gone.len()) as u64);
            seen.extend(page.items.iter().map(|one| one.position));
            match page.next {
                Some(mark) => after = mark.position,
                None => return seen,
            }
        }
    }

    #[test]
    fn what_is_gone_stands_among_the_others_on_every_page() {
        let expected = [9, 8, 7, 6, 5, 4, 3, 2, 1];
        for (all, gone) in [
            (vec![9, 7, 5, 3, 1], vec![2, 4, 6, 8]),
            (vec![3, 2, 1], vec![9, 8, 7, 6, 5, 4]),
            (vec![9, 8, 7, 6], vec![5, 4, 3, 2, 1]),
            (vec![], vec![9, 8, 7, 6, 5, 4, 3, 2, 1]),
            (vec![9, 8, 7, 6, 5, 4, 3, 2, 1], vec![]),
        ] {
            for size in [1, 2, 3, 9, 20] {
                assert_eq!(walked(&all, &gone, size), expected, "{all:?} {gone:?} {size}");
            }
        }
    }

    #[test]
    fn pages_by_number_count_both() {
        let (all, gone) = ([9, 7, 5, 3, 1], [8, 2]);
        let page = |skipped: usize, size: u32| {
            let gone = gone.into_iter().map(candidate);
            let page = merged(there(&all, skipped + size as usize), gone, 2, (skipped, size), true);
            (page.items.iter().map(|one| one.position).collect::<Vec<_>>(), page.next.is_some())
        };
        assert_eq!(page(0, 3), (vec![9, 8, 7], true));
        assert_eq!(page(3, 3), (vec![5, 3, 2], true));
        assert_eq!(page(6, 3), (vec![1], false));
        assert_eq!(page(9, 3), (vec![], false));
    }
}
