//! `GET /v1/audit/reads`: who has seen what, when, how often, from where.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use interflow_application::audit::{ReadFilter, ReadFound, Stretch, named_actor};
use interflow_domain::workspace::Scope;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::paging::{Asked, Part};
use crate::error::ApiError;
use crate::extract::{Call, Query};
use crate::openapi::audit;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

/// The longest name of a resource.
const MOST: usize = 200;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/audit/reads", guard.reads(Scope::AuditRead, get(list)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/audit/reads",
    tag = "Audit",
    operation_id = "listReads",
    summary = "List who has seen what",
    description = "One entry for a caller, a resource, a minute and a server. The latest minutes first, unless `sort` says \
                   otherwise. What is seen is in the list within a second; a page may have fewer entries than `per_page` and a \
                   `next_cursor` all the same.",
    params(audit::ReadQuery, audit::Paging),
    responses((status = 200, body = AuditReads)),
    security(("key" = ["audit:read"]))
)]
async fn list(State(app): State<App>, call: Call, wanted: Wanted) -> Result<Response, ApiError> {
    let Wanted { filter, asked } = wanted;
    let stretch = Stretch { from: asked.place(), ascending: asked.goes_up(), size: asked.size };
    let found = app.reads.store().reads(call.workspace(), &filter, stretch).await?;
    let part = Part { items: found.entries, more_from: found.more_from };
    Ok(asked.answer(
        part,
        |found| found.place,
        |found| AuditReads(found.into_iter().map(Shape::from).collect()),
    ))
}

struct Wanted {
    filter: ReadFilter,
    asked: Asked,
}

impl FromRequestParts<App> for Wanted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut query = Query::new(parts.uri.query().unwrap_or_default());
        let asked = Asked::read(&mut query, parts.uri.path(), "minute");
        let actor = query.text("actor").flatten();
        let actor =
            actor.and_then(|text| named_actor(&text).map_err(|error| query.wrong("actor", error)).ok());
        let (resource, id) = (name(&mut query, "resource"), name(&mut query, "resource_id"));
        let seen = query.range("seen").unwrap_or_default();
        query.close()?;
        Ok(Self { filter: ReadFilter { actor, resource, id, seen }, asked })
    }
}

fn name(query: &mut Query, parameter: &str) -> Option<String> {
    let text = query.text(parameter).flatten()?;
    let fits = (1..=MOST).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !fits {
        query.wrong(parameter, format!("must be 1 to {MOST} characters, without control characters"));
    }
    fits.then_some(text)
}

/// Who has seen what.
#[derive(Serialize, ToSchema)]
struct AuditReads(Vec<Shape>);

/// What a caller saw of something in a minute.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRead)]
struct Shape {
    /// `key:…`.
    actor: String,
    /// A kind of resource or a list, after its route: `customers`, `chats.messages`.
    resource: String,
    /// Which of it, or whose list; null for a list of the workspace's, `*` for more than were told apart.
    resource_id: Option<String>,
    minute: Timestamp,
    /// How often.
    reads: u64,
    /// How many entries of lists were shown in all.
    items: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    /// From where, the first eight.
    client_addresses: Vec<String>,
}

impl From<ReadFound> for Shape {
    fn from(found: ReadFound) -> Self {
        let entry = found.entry;
        Self {
            actor: entry.actor,
            resource: entry.resource,
            resource_id: Some(entry.id).filter(|id| !id.is_empty()),
            minute: entry.minute.into(),
            reads: entry.reads,
            items: entry.items,
            first_at: entry.first_at.into(),
            last_at: entry.last_at.into(),
            client_addresses: entry.clients.iter().map(ToString::to_string).collect(),
        }
    }
}
