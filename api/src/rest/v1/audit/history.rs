//! `GET /v1/audit/{aggregate}/{id}/history`: each event of something, and what it changed of what is shown.

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use interflow_application::audit::{AuditEvent, EventFilter, Stretch};
use interflow_application::past::{Change, Thing, changes};
use interflow_domain::workspace::Scope;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::events::Shape as EventShape;
use super::paging::{Asked, Part};
use super::things;
use crate::auth::called;
use crate::error::ApiError;
use crate::extract::{Call, Query};
use crate::openapi::audit;
use crate::router::Guard;
use crate::state::App;

/// What changes with every event, and is said beside it.
const SAID: [&str; 2] = ["updated_at", "version"];
/// The events of a workspace that are its keys'.
const OF_KEYS: [&str; 3] = ["workspace.key_issued", "workspace.key_rotated", "workspace.key_revoked"];

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/audit/{aggregate}/{id}/history", guard.reads(Scope::AuditRead, get(list)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/audit/{aggregate}/{id}/history",
    tag = "Audit",
    operation_id = "getHistory",
    summary = "List every event of something, with the fields it changed, before and after",
    description = "Also of what is deleted. The latest first, unless `sort` says otherwise.",
    params(audit::HistoryQuery, audit::Paging),
    responses((status = 200, body = History)),
    security(("key" = ["audit:read"]))
)]
async fn list(
    State(app): State<App>,
    call: Call,
    Path((aggregate, id)): Path<(String, String)>,
    Wanted(asked): Wanted,
) -> Result<Response, ApiError> {
    let thing = things::thing(&app, &call, &aggregate, &id).await?;
    let part = events(&app, &call, thing, &asked).await?;
    if part.items.is_empty() && asked.from.is_none() {
        return Err(things::none());
    }
    let steps = steps(&app, &call, thing, part.items).await?;
    let part = Part { items: steps, more_from: part.more_from };
    Ok(called(things::id_of(thing, call.workspace()), asked.answer(part, |step| step.position, History)))
}

/// A page of the thing's own events.
async fn events(app: &App, call: &Call, thing: Thing, asked: &Asked) -> Result<Part<AuditEvent>, ApiError> {
    let types = if matches!(thing, Thing::Key(_)) { OF_KEYS.into() } else { [].into() };
    let stream = Some(thing.stream(call.workspace()));
    let filter = EventFilter { stream, types, ..EventFilter::default() };
    let (mut items, mut from) = (vec![], asked.place());
    loop {
        let stretch = Stretch { from, ascending: asked.goes_up(), size: asked.size };
        let found = app.audit.events(call.workspace(), &filter, stretch).await?;
        items.extend(found.events.into_iter().filter(|event| is_of(thing, event)));
        let full = items.len() > asked.size as usize;
        if full || found.more_from.is_none() || !matches!(thing, Thing::Key(_)) {
            items.truncate(asked.size as usize);
            let more_from = if full { items.last().map(|event| event.position) } else { found.more_from };
            return Ok(Part { items, more_from });
        }
        from = found.more_from;
    }
}

/// Whether an event of the thing's stream is about it: that of a workspace has the keys' as well.
fn is_of(thing: Thing, event: &AuditEvent) -> bool {
    match thing {
        Thing::Key(id) => event.payload["key_id"] == id.to_string(),
        _ => true,
    }
}

/// Each event with what was shown before it and after it.
async fn steps(app: &App, call: &Call, thing: Thing, events: Vec<AuditEvent>) -> Result<Vec<Step>, ApiError> {
    let at: Vec<u64> = events.iter().flat_map(|event| [event.position - 1, event.position]).collect();
    let mut shown = app.past.shown(call.workspace(), thing, &at).await?.into_iter();
    let mut steps = vec![];
    for event in events {
        let mut next = || things::shape(shown.next().flatten(), event.recorded_at);
        let (before, after) = (next()?, next()?);
        let changes = changes(&before, &after, &SAID).into_iter().map(ChangeShape::from).collect();
        steps.push(Step { position: event.position, event: EventShape::from(event), changes });
    }
    Ok(steps)
}

struct Wanted(Asked);

impl FromRequestParts<App> for Wanted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let asked = Asked::read(&mut query, parts.uri.path(), "position");
        query.close()?;
        Ok(Self(asked))
    }
}

/// The events of something.
#[derive(Serialize, ToSchema)]
pub(super) struct History(Vec<Step>);

/// An event, and what it changed.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryStep)]
pub(super) struct Step {
    #[serde(skip)]
    #[schema(ignore)]
    position: u64,
    event: EventShape,
    /// Of what is shown, but for `version` and `updated_at`. What was erased since changed nothing that can be shown.
    changes: Vec<ChangeShape>,
}

/// A field that is not what it was.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangeShape {
    /// Which; within another one by its path, as in `attributes.city`.
    field: String,
    /// What it was; null where there was none.
    before: Value,
    /// What it is; null where there is none.
    after: Value,
}

impl From<Change> for ChangeShape {
    fn from(Change { field, before, after }: Change) -> Self {
        Self { field, before, after }
    }
}
