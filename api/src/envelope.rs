//! Every success of `/v1`: `{"success":true,"data":…}`, with `meta` on lists.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use interflow_application::read::{Page, PageRequest, Window};
use serde::Serialize;

use crate::error::ApiError;

#[derive(Serialize)]
struct Envelope<T> {
    success: bool,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Meta {
    page: Option<u32>,
    per_page: u32,
    total: u64,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_is_estimate: bool,
}

#[derive(Serialize)]
struct Deleted {
    id: String,
    deleted: bool,
}

/// A resource that has a version.
pub trait Versioned: Serialize {
    /// The inside of its `ETag`.
    fn tag(&self) -> String;
}

/// 200 with some data.
pub fn ok(data: impl Serialize) -> Response {
    Json(Envelope { success: true, data, meta: None }).into_response()
}

/// 200 with a single resource and its `ETag`.
pub fn resource(resource: &impl Versioned) -> Response {
    with_header(ok(resource), header::ETAG, format!("\"{}\"", resource.tag()))
}

/// 201 with a resource that was made, its `ETag` and where it is.
pub fn created(location: String, made: &impl Versioned) -> Response {
    let mut response = with_header(resource(made), header::LOCATION, location);
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// 200 for something that is gone now.
pub fn deleted(id: impl ToString) -> Response {
    ok(Deleted { id: id.to_string(), deleted: true })
}

/// 304: what the caller has is what there is.
pub fn not_modified(resource: &impl Versioned) -> Response {
    with_header(StatusCode::NOT_MODIFIED.into_response(), header::ETAG, format!("\"{}\"", resource.tag()))
}

/// 200 with part of a list.
pub fn list<T, R: Serialize>(asked: PageRequest, page: Page<T>, shape: impl Fn(T) -> R) -> Response {
    let meta = Meta {
        page: match asked.window {
            Window::Number(number) => Some(number),
            Window::After(_) => None,
        },
        per_page: asked.size,
        total: page.total,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total_is_estimate: page.total_is_estimate,
    };
    let data: Vec<R> = page.items.into_iter().map(shape).collect();
    Json(Envelope { success: true, data, meta: Some(meta) }).into_response()
}

fn with_header(mut response: Response, name: HeaderName, value: String) -> Response {
    match HeaderValue::try_from(value) {
        Ok(value) => {
            response.headers_mut().insert(name, value);
            response
        }
        Err(error) => ApiError::internal(format!("{name} cannot be written: {error}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use interflow_application::read::Cursor;

    async fn printed(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    fn page(total_is_estimate: bool, next: Option<Cursor>) -> Page<u8> {
        Page { items: vec![1, 2], total: 100, total_is_estimate, next }
    }

    #[tokio::test]
    async fn a_list_carries_its_meta_and_says_so_only_when_the_total_is_an_estimate() {
        let asked = PageRequest { window: Window::Number(1), size: 20 };
        assert_eq!(
            printed(list(asked, page(false, None), |item| item)).await,
            r#"{"success":true,"data":[1,2],"meta":{"page":1,"per_page":20,"total":100,"next_cursor":null}}"#
        );
        let asked = PageRequest { window: Window::After(Cursor(9)), size: 2 };
        assert_eq!(
            printed(list(asked, page(true, Some(Cursor(10))), |item| item)).await,
            r#"{"success":true,"data":[1,2],"meta":{"page":null,"per_page":2,"total":100,"next_cursor":"ca","total_is_estimate":true}}"#
        );
    }

    #[tokio::test]
    async fn a_deletion_names_what_is_gone() {
        assert_eq!(
            printed(deleted("cus_1")).await,
            r#"{"success":true,"data":{"id":"cus_1","deleted":true}}"#
        );
    }
}
