//! `GET /v1/audit/{aggregate}/{id}/diff`: what is shown of something at two moments, field by field.

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use interflow_application::past::{AsOf, Past, Point, Shown, Thing, changes};
use interflow_domain::workspace::Scope;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::history::ChangeShape;
use super::things;
use crate::auth::called;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, Query, point_of};
use crate::openapi::audit;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/audit/{aggregate}/{id}/diff", guard.reads(Scope::AuditRead, get(show)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(show))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/audit/{aggregate}/{id}/diff",
    tag = "Audit",
    operation_id = "getDiff",
    summary = "Compare what is shown of something at two moments",
    params(audit::DiffQuery),
    responses((status = 200, body = Diff)),
    security(("key" = ["audit:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    Path((aggregate, id)): Path<(String, String)>,
    Wanted { from, to }: Wanted,
) -> Result<Response, ApiError> {
    let workspace = call.workspace();
    let from = point_of(&app, workspace, "from", from).await?;
    let to = match to {
        Some(to) => point_of(&app, workspace, "to", to).await?,
        None => {
            let head = app.core.log.head(workspace).await?;
            point_of(&app, workspace, "to", AsOf::Position(head)).await?
        }
    };
    if to.position < from.position {
        return Err(Query::refused("to", "must not be before 'from'"));
    }
    let thing = things::thing(&app, &call, &aggregate, &id).await?;
    let mut shown = app.past.shown(workspace, thing, &[from.position, to.position]).await?.into_iter();
    let (before, after) = (shown.next().flatten(), shown.next().flatten());
    if before.is_none() && after.is_none() && never_was(&app, &call, thing).await? {
        return Err(things::none());
    }
    let now = app.core.clock.now();
    let erased = [&before, &after].into_iter().flatten().any(|past| past.erased);
    let moments = [(from, &before), (to, &after)].map(|(point, past)| Moment::new(point, past.as_ref()));
    let at = |point: Point| point.recorded_at.unwrap_or(now);
    let (before, after) = (things::shape(before, at(from))?, things::shape(after, at(to))?);
    let changes = changes(&before, &after, &[]).into_iter().map(ChangeShape::from).collect();
    let [from, to] = moments;
    let diff = Diff { from, to, changes, erased };
    Ok(called(things::id_of(thing, workspace), envelope::ok(diff)))
}

/// Whether nothing of that id was ever there: at every position there was nothing.
async fn never_was(app: &App, call: &Call, thing: Thing) -> Result<bool, ApiError> {
    let (workspace, log) = (call.workspace(), &app.core.log);
    let events = log.history(workspace, thing.stream(workspace), 0, u64::MAX, u32::MAX).await?;
    let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
    Ok(app.past.shown(workspace, thing, &positions).await?.iter().all(Option::is_none))
}

struct Wanted {
    from: AsOf,
    to: Option<AsOf>,
}

impl FromRequestParts<App> for Wanted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let (from, to) = (query.as_of("from"), query.as_of("to"));
        if from == Some(None) {
            query.wrong("from", "must be given: a position of the log, or a time");
        }
        query.close()?;
        let from =
            from.flatten().ok_or_else(|| ApiError::internal("a query was refused without a reason"))?;
        Ok(Self { from, to: to.flatten() })
    }
}

/// Something at two moments.
#[derive(Serialize, ToSchema)]
pub(super) struct Diff {
    from: Moment,
    to: Moment,
    /// The fields that differ.
    changes: Vec<ChangeShape>,
    /// Whether something personal that was shown then was erased since, and is missing.
    erased: bool,
}

/// A moment.
#[derive(Serialize, ToSchema)]
#[schema(as = DiffMoment)]
pub(super) struct Moment {
    /// The position of the last event that counts.
    position: u64,
    /// When it was recorded; null before the first.
    recorded_at: Option<Timestamp>,
    /// Whether it was there.
    exists: bool,
}

impl Moment {
    fn new(point: Point, past: Option<&Past<Shown>>) -> Self {
        let recorded_at = point.recorded_at.map(Timestamp);
        Self { position: point.position, recorded_at, exists: past.is_some() }
    }
}
