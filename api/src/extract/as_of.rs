//! As of when something is asked: `as_of`, a position of the log or a time.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use interflow_application::Resource;
use interflow_application::past::{AsOf, Past, PastError, Point};
use interflow_application::read::PageRequest;
use interflow_domain::WorkspaceId;

use super::conditional::IfNoneMatch;
use super::page::page_request;
use super::query::Query;
use crate::envelope::{self, Seen, Versioned};
use crate::error::ApiError;
use crate::state::App;

/// What the parameter is called.
pub(super) const AS_OF: &str = "as_of";

/// As of when a single resource is asked for; of the present where it is not said.
pub struct When(pub Option<AsOf>);

impl FromRequestParts<App> for When {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let as_of = query.as_of(AS_OF).flatten();
        query.close()?;
        Ok(Self(as_of))
    }
}

impl When {
    /// The place in the log that is asked for, where the past is.
    pub async fn point(&self, app: &App, workspace: WorkspaceId) -> Result<Option<Point>, ApiError> {
        point(self.0, app, workspace).await
    }
}

/// Which part of a list of pages is asked for, and as of when.
pub struct PagedWhen {
    /// Which part.
    pub page: PageRequest,
    /// As of when.
    pub when: When,
}

impl FromRequestParts<App> for PagedWhen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let (page, as_of) = (page_request(&mut query), query.as_of(AS_OF).flatten());
        query.close()?;
        Ok(Self { page, when: When(as_of) })
    }
}

/// The place in the log that is asked for.
pub(super) async fn point(
    as_of: Option<AsOf>,
    app: &App,
    workspace: WorkspaceId,
) -> Result<Option<Point>, ApiError> {
    let Some(as_of) = as_of else { return Ok(None) };
    point_of(app, workspace, AS_OF, as_of).await.map(Some)
}

/// The place in the log that a parameter asks for.
pub async fn point_of(
    app: &App,
    workspace: WorkspaceId,
    parameter: &str,
    as_of: AsOf,
) -> Result<Point, ApiError> {
    let found = as_of.find(&*app.past, &*app.core.clock, workspace).await?;
    found.map_err(|why| Query::refused(parameter, why))
}

/// The answer with a single resource as it was, if it was there.
pub fn past_one<T, S: Versioned, I: ToString>(
    (point, past): (Point, Option<Past<T>>),
    resource: Resource,
    known: &IfNoneMatch,
    id: impl Fn(&T) -> I,
    shape: impl Fn(T) -> S,
) -> Result<Response, ApiError> {
    let past = past.ok_or_else(|| ApiError::no_such(resource))?;
    let mut as_of = Seen::at(point);
    if past.erased {
        as_of.erased.push(id(&past.item).to_string());
    }
    let shape = shape(past.item);
    if known.has(&shape) {
        return Ok(envelope::not_modified(&shape));
    }
    Ok(envelope::past_resource(&shape, as_of))
}

/// What was shown of the past, and as of when.
pub fn seen<T, I: ToString>(point: Point, past: Vec<Past<T>>, id: impl Fn(&T) -> I) -> (Vec<T>, Seen) {
    let mut seen = Seen::at(point);
    for one in past.iter().filter(|one| one.erased) {
        seen.erased.push(id(&one.item).to_string());
    }
    (past.into_iter().map(|one| one.item).collect(), seen)
}

impl From<PastError> for ApiError {
    fn from(error: PastError) -> Self {
        match error {
            PastError::TooMuch { parameter, message } => Query::refused(parameter, message),
            PastError::Log(error) => error.into(),
        }
    }
}
