//! Which part of a list: `page` and `per_page`, or `cursor` and `per_page`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use interflow_application::read::{Cursor, PageRequest, Window};

use super::query::Query;
use crate::error::ApiError;
use crate::state::App;

/// Which part of a list a caller wants.
pub struct Paging(pub PageRequest);

impl FromRequestParts<App> for Paging {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        paging(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn paging(query: &str) -> Result<PageRequest, ApiError> {
    let mut query = Query::new(query);
    let page = page_request(&mut query);
    query.close()?;
    Ok(page)
}

/// The page among other parameters; whatever is wrong is noted in the query.
pub fn page_request(query: &mut Query) -> PageRequest {
    let Pages { number, size, cursor } = Pages::read(query);
    let cursor =
        cursor.and_then(|text| text.parse::<Cursor>().map_err(|error| query.wrong("cursor", error)).ok());
    PageRequest { window: cursor.map_or(Window::Number(number), Window::After), size }
}

/// What every list takes.
pub(super) struct Pages {
    /// `page`, from 1.
    pub(super) number: u32,
    /// `per_page`.
    pub(super) size: u32,
    /// `cursor`, as it was given.
    pub(super) cursor: Option<String>,
}

impl Pages {
    pub(super) fn read(query: &mut Query) -> Self {
        let rule = format!("must be a number from 1 to {}", PageRequest::MAX_SIZE);
        let size = bounded(query, "per_page", PageRequest::MAX_SIZE, &rule);
        let number = bounded(query, "page", PageRequest::MAX_NUMBER, NUMBER_RULE);
        let mut cursor = query.text("cursor").flatten();
        if cursor.is_some() && number.is_some() {
            query.wrong("cursor", "must not be combined with 'page'");
            cursor = None;
        }
        Self { number: number.unwrap_or(1), size: size.unwrap_or(PageRequest::DEFAULT_SIZE), cursor }
    }
}

/// What a page's number must be.
pub(super) const NUMBER_RULE: &str = "must be a number from 1 to 500; further pages are reached by 'cursor', with the \
     'next_cursor' of the page before";
const _: () = assert!(PageRequest::MAX_NUMBER == 500, "as NUMBER_RULE says");

/// A number from 1 to `most`, if there is one.
fn bounded(query: &mut Query, name: &str, most: u32, rule: &str) -> Option<u32> {
    let text = query.text(name).flatten()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (1..=most).contains(number));
    if number.is_none() {
        query.wrong(name, rule);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn pages_by_number_and_by_cursor() {
        let page = |query| paging(query).unwrap();
        assert_eq!(page(""), PageRequest { window: Window::Number(1), size: 20 });
        assert_eq!(page("page=2&per_page=100"), PageRequest { window: Window::Number(2), size: 100 });
        assert_eq!(
            page("cursor=cff&per_page=1"),
            PageRequest { window: Window::After(Cursor(255)), size: 1 }
        );
        assert_eq!(page("page=500").window, Window::Number(500));
    }

    #[test]
    fn everything_else_is_refused() {
        for query in [
            "page=0",
            "page=-1",
            "page=x",
            "page=",
            "page=501",
            "page=+1",
            "page=1.0",
            "page=99999999999",
            "per_page=0",
            "per_page=101",
            "per_page=",
            "cursor=",
            "cursor=12",
            "page=1&cursor=c1",
            "page=1&page=2",
            "limit=5",
        ] {
            assert_eq!(paging(query).unwrap_err().code(), Code::ValidationError, "{query}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_listed() {
        let error = paging("page=0&per_page=0&limit=3").unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("page") && text.contains("per_page") && text.contains("limit"), "{text}");
    }
}
