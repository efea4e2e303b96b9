//! Which part of a list: `page` and `per_page`, or `cursor` and `per_page`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use interflow_application::FieldError;
use interflow_application::read::{Cursor, PageRequest, Window};

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
    let (mut page, mut size, mut cursor, mut problems) = (None, None, None, vec![]);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let known = match &*name {
            "page" => &mut page,
            "per_page" => &mut size,
            "cursor" => &mut cursor,
            other => {
                let shown: String = other.chars().filter(|c| !c.is_control()).take(100).collect();
                problems.push(FieldError::new(shown, "Unknown query parameter"));
                continue;
            }
        };
        if known.replace(value.into_owned()).is_some() {
            problems.push(FieldError::new(&*name, "must be given once"));
        }
    }
    let size = bounded(size, PageRequest::MAX_SIZE).unwrap_or_else(|| {
        problems.push(FieldError::new(
            "per_page",
            format!("must be a number from 1 to {}", PageRequest::MAX_SIZE),
        ));
        None
    });
    let number = bounded(page, PageRequest::MAX_NUMBER).unwrap_or_else(|| {
        problems.push(FieldError::new(
            "page",
            format!("must be a number from 1 to {}; further pages are reached by 'cursor', with the 'next_cursor' of the page before", PageRequest::MAX_NUMBER),
        ));
        None
    });
    let cursor = cursor.and_then(|text| {
        text.parse::<Cursor>().map_err(|error| problems.push(FieldError::new("cursor", error))).ok()
    });
    if cursor.is_some() && number.is_some() {
        problems.push(FieldError::new("cursor", "must not be combined with 'page'"));
    }
    if let Some(first) = problems.first() {
        let message = if first.message.starts_with("must ") {
            format!("The '{}' parameter {}", first.field, first.message)
        } else {
            format!("{}: '{}'", first.message, first.field)
        };
        return Err(ApiError::invalid(message, problems));
    }
    let window = cursor.map_or(Window::Number(number.unwrap_or(1)), Window::After);
    Ok(PageRequest { window, size: size.unwrap_or(PageRequest::DEFAULT_SIZE) })
}

/// A number from 1 to `most`: `None` when it is not, `Some(None)` when nothing was given.
fn bounded(text: Option<String>, most: u32) -> Option<Option<u32>> {
    let Some(text) = text else { return Some(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (1..=most).contains(number));
    number.map(Some)
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
