//! JSON bodies that may be left out: a verb whose fields are all optional.

use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, Request};
use serde_json::Map;

use super::body::{Body, BodyLimit, read_body};
use super::form::{Form, FromForm};
use crate::error::ApiError;
use crate::state::App;

/// What a handler takes from the body, or from an empty object where there is none.
pub struct OptionalBody<T>(pub T);

impl<T: FromForm> FromRequest<App> for OptionalBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let limit = BodyLimit::of(request.extensions(), app);
        let (parts, body) = request.into_parts();
        let body = read_body(Request::from_parts(parts.clone(), body), limit).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Form::read(Map::new()).map(Self);
        }
        let request = Request::from_parts(parts, HttpBody::from(body));
        Body::from_request(request, app).await.map(|Body(read)| Self(read))
    }
}
