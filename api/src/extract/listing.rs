//! Which of a list, in which order: filters, `sort`, and `page` or `cursor` with `per_page`. Every parameter that is
//! wrong is named.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use interflow_application::past::{Past, Point};
use interflow_application::read::{Fingerprint, Listing, Mark, Marked, Sort, SortKey, Start};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::as_of::{AS_OF, When, seen};
use super::page::{NUMBER_RULE, Pages};
use super::query::Query;
use crate::envelope::{self, Seen};
use crate::error::ApiError;
use crate::state::App;

/// What can be read from a query. `None` when a parameter was wrong; the query has noted which.
pub trait FromQuery: Sized {
    /// What the list can be sorted by.
    type Key: SortKey;

    /// Reads it.
    fn from_query(query: &mut Query) -> Option<Self>;
}

/// Which part of a list that can be filtered and sorted a caller wants.
pub struct Listed<F: FromQuery> {
    /// What to ask for.
    pub listing: Listing<F, F::Key>,
    /// As of when.
    pub when: When,
    fingerprint: Fingerprint,
}

impl<F: FromQuery> FromRequestParts<App> for Listed<F> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Self::read(parts.uri.path(), parts.uri.query().unwrap_or_default())
    }
}

impl<F: FromQuery> Listed<F> {
    fn read(path: &str, query: &str) -> Result<Self, ApiError> {
        let mut query = Query::new(query);
        let filters = query.others(&["page", "per_page", "cursor", "sort"]);
        let sort = query.optional::<Sort<F::Key>>("sort");
        let sort_or_usual = sort.flatten().unwrap_or(Sort::USUAL);
        let fingerprint = fingerprint(path, &sort_or_usual.to_string(), filters);
        let filter = F::from_query(&mut query);
        let as_of = query.as_of(AS_OF);
        let Pages { number, size, cursor } = Pages::read(&mut query);
        // With another parameter wrong, the cursor cannot be judged.
        let mark = match cursor {
            Some(text) if sort.is_some() && filter.is_some() && as_of.is_some() => {
                let mark = Mark::from_cursor(&text, fingerprint, sort_or_usual.key);
                mark.map_err(|_| query.wrong("cursor", CURSOR_RULE)).ok()
            }
            _ => None,
        };
        query.close()?;
        let filter = filter.ok_or_else(|| ApiError::internal("a query was refused without a reason"))?;
        let start = mark.map_or(Start::Page(number), Start::After);
        let listing = Listing { filter, sort: sort_or_usual, start, size };
        Ok(Self { listing, when: When(as_of.flatten()), fingerprint })
    }

    /// The answer with a page.
    pub fn answer<T, R: Serialize>(
        &self,
        page: Marked<T>,
        shape: impl Fn(T) -> R,
    ) -> Result<Response, ApiError> {
        self.answer_as_of(None, page, shape)
    }

    /// The answer with a page of the past.
    pub fn answer_past<T, R: Serialize, I: ToString>(
        &self,
        point: Point,
        page: Marked<Past<T>>,
        shape: impl Fn(T) -> R,
        id: impl Fn(&T) -> I,
    ) -> Result<Response, ApiError> {
        let Marked { items, marks, total, total_is_estimate, next, is_out_of_reach } = page;
        let (items, as_of) = seen(point, items, id);
        let page = Marked { items, marks, total, total_is_estimate, next, is_out_of_reach };
        self.answer_as_of(Some(as_of), page, shape)
    }

    fn answer_as_of<T, R: Serialize>(
        &self,
        as_of: Option<Seen>,
        page: Marked<T>,
        shape: impl Fn(T) -> R,
    ) -> Result<Response, ApiError> {
        let Listing { start, size, .. } = &self.listing;
        if page.is_out_of_reach {
            return Err(Query::refused(
                "page",
                format!("{NUMBER_RULE}, and so are pages this far of what few rows fit"),
            ));
        }
        let number = match start {
            Start::Page(number) => Some(*number),
            Start::After(_) => None,
        };
        let meta = envelope::Meta {
            page: number,
            per_page: *size,
            total: page.total,
            next_cursor: page.next.map(|mark| mark.to_cursor(self.fingerprint)),
            total_is_estimate: page.total_is_estimate,
            as_of,
        };
        Ok(envelope::listed(page.items.into_iter().map(shape).collect(), meta))
    }
}

const CURSOR_RULE: &str =
    "must be the 'next_cursor' of an answer of this list, with the same filters and the same sort";

/// The same for the same list with the same filters, in whatever order they are given.
#[must_use]
pub fn fingerprint(path: &str, sort: &str, mut filters: Vec<(String, String)>) -> Fingerprint {
    filters.sort();
    let mut hash = Sha256::new();
    for text in [path, sort].into_iter().chain(filters.iter().flat_map(|(name, value)| [&**name, &**value])) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let mut fingerprint = Fingerprint::default();
    for (place, byte) in fingerprint.iter_mut().zip(hash.finalize()) {
        *place = byte;
    }
    fingerprint
}

#[cfg(test)]
mod tests {
    use interflow_application::read::{CustomerSort, SortValue};

    use super::*;
    use crate::error::Code;

    #[derive(Debug, PartialEq)]
    struct Phone(Option<String>);

    impl FromQuery for Phone {
        type Key = CustomerSort;

        fn from_query(query: &mut Query) -> Option<Self> {
            query.optional("phone").map(Self)
        }
    }

    fn read(query: &str) -> Result<Listed<Phone>, ApiError> {
        Listed::read("/v1/customers", query)
    }

    fn cursor(query: &str) -> String {
        let mark = Mark { value: SortValue::Time("2026-01-01T00:00:00Z".parse().unwrap()), position: 3 };
        mark.to_cursor(read(query).unwrap().fingerprint)
    }

    #[test]
    fn a_cursor_goes_with_its_filters_and_its_sort_alone() {
        let cursor = cursor("phone=1&per_page=3");
        let listed = read(&format!("per_page=5&cursor={cursor}&phone=1&sort=-created_at")).unwrap();
        assert!(matches!(listed.listing.start, Start::After(Mark { position: 3, .. })));
        for query in ["", "phone=2", "phone=1&sort=created_at", "phone=1&sort=name", "phone=1&page=1"] {
            let error = read(&format!("{query}&cursor={cursor}")).err().unwrap();
            assert_eq!(error.code(), Code::ValidationError, "{query}");
            assert!(format!("{error:?}").contains("cursor"), "{query}");
        }
        assert!(Listed::<Phone>::read("/v1/chats", &format!("phone=1&cursor={cursor}")).is_err());
    }

    #[test]
    fn all_that_is_wrong_is_listed() {
        let error = format!("{:?}", read("sort=x&phone=1&phone=2&page=0&per_page=0&limit=3").err().unwrap());
        for field in ["sort", "phone", "\"page\"", "per_page", "limit"] {
            assert!(error.contains(field), "{field}: {error}");
        }
    }
}
