//! Every success of `/v1`: `{"success":true,"data":…}`, with `meta` on lists.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use interflow_application::past::Point;
use interflow_application::read::{Page, PageRequest, Window};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::auth::Shown;
use crate::error::ApiError;
use crate::time::Timestamp;

#[derive(Serialize)]
struct Envelope<T, M = Meta> {
    success: bool,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
}

/// Which part of a list it is.
#[derive(Serialize)]
pub struct Meta {
    /// The page's number; none when it was asked for by a cursor.
    pub page: Option<u32>,
    /// How many entries a page has.
    pub per_page: u32,
    /// How many the list has.
    pub total: u64,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
    /// Whether `total` is an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_is_estimate: bool,
    /// As of when it is, where it is of the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Seen>,
}

/// As of when an answer is.
#[derive(Serialize)]
pub struct Seen {
    /// The position of the last event that counts.
    pub position: u64,
    /// When it was recorded; absent before the first.
    pub recorded_at: Option<Timestamp>,
    /// What lacks something in the answer that was erased since.
    pub erased: Vec<String>,
}

impl Seen {
    /// At a place of the log.
    #[must_use]
    pub fn at(point: Point) -> Self {
        let recorded_at = point.recorded_at.map(Timestamp);
        Self { position: point.position, recorded_at, erased: vec![] }
    }
}

#[derive(Serialize)]
struct PastMeta {
    as_of: Seen,
}

/// What is gone.
#[derive(Serialize, ToSchema)]
pub struct Deleted {
    /// Its id.
    id: String,
    /// Always.
    deleted: bool,
}

/// A resource that has a version.
pub trait Versioned: Serialize {
    /// The inside of its `ETag`.
    fn tag(&self) -> String;
}

/// A number that is another one when an answer is: for the tags of those that change without a version of their own.
pub fn fingerprint(answer: &impl Serialize) -> u64 {
    let text = serde_json::to_vec(answer).unwrap_or_default();
    // As many bytes as 17 digits hold.
    Sha256::digest(text).iter().take(7).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// 200 with some data.
pub fn ok(data: impl Serialize) -> Response {
    Json(Envelope::<_, Meta> { success: true, data, meta: None }).into_response()
}

/// 200 with a single resource and its `ETag`.
pub fn resource(resource: &impl Versioned) -> Response {
    with_header(ok(resource), header::ETAG, format!("\"{}\"", resource.tag()))
}

/// The same of the past.
pub fn past_resource(resource: &impl Versioned, as_of: Seen) -> Response {
    let answer = Json(Envelope { success: true, data: resource, meta: Some(PastMeta { as_of }) });
    with_header(answer.into_response(), header::ETAG, format!("\"{}\"", resource.tag()))
}

/// 201 with a resource that was made, its `ETag` and where it is.
pub fn created(location: String, made: &impl Versioned) -> Response {
    let mut response = with_header(resource(made), header::LOCATION, location);
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// 202 with what was taken to be worked on, and where its progress is.
pub fn accepted(location: String, data: impl Serialize) -> Response {
    let mut response = with_header(ok(data), header::LOCATION, location);
    *response.status_mut() = StatusCode::ACCEPTED;
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
    past_list(asked, page, shape, None)
}

/// The same of the past, where it says as of when.
pub fn past_list<T, R: Serialize>(
    asked: PageRequest,
    page: Page<T>,
    shape: impl Fn(T) -> R,
    as_of: Option<Seen>,
) -> Response {
    let meta = Meta {
        page: match asked.window {
            Window::Number(number) => Some(number),
            Window::After(_) => None,
        },
        per_page: asked.size,
        total: page.total,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total_is_estimate: page.total_is_estimate,
        as_of,
    };
    listed(page.items.into_iter().map(shape).collect(), meta)
}

/// How far a part of a feed goes.
#[derive(Serialize)]
struct FeedMeta {
    next_after: u64,
    has_more: bool,
}

/// 200 with part of a feed: where the next part begins, and whether there is one already.
pub fn fed(data: impl Serialize, next_after: u64, has_more: bool) -> Response {
    let meta = Some(FeedMeta { next_after, has_more });
    Json(Envelope { success: true, data, meta }).into_response()
}

/// 200 with part of a list, and which it is.
pub fn listed<R: Serialize>(data: Vec<R>, meta: Meta) -> Response {
    let shown = data.len();
    showing(shown, with_meta(data, meta))
}

/// 200 with some data, and what part of what it is.
pub fn with_meta(data: impl Serialize, meta: impl Serialize) -> Response {
    Json(Envelope { success: true, data, meta: Some(meta) }).into_response()
}

/// Says how many entries an answer shows, for whoever audits it.
pub fn showing(entries: usize, mut response: Response) -> Response {
    response.extensions_mut().insert(Shown(entries));
    response
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
        Page { items: vec![1, 2], cursors: vec![], total: 100, total_is_estimate, next }
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
