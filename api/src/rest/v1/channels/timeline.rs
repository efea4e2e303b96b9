//! `GET /v1/channels/{channel}/timeline`: what happened to its connection, for people.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use interflow_application::read::{Page, Window};
use interflow_application::{ChannelRef, FieldError, Moment, timeline};
use interflow_domain::workspace::Scope;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::auth::called;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, InPath, Paging};
use crate::openapi::queries;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/channels/{channel}/timeline", guard.reads(Scope::ChannelsRead, get(show)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(show))]
pub(in crate::rest::v1) struct Doc;

/// A line may stand for several events, so how many lines there are is known to whoever read them all: the total is
/// that of the events, and pages are reached by the cursor alone.
#[utoipa::path(
    get,
    path = "/v1/channels/{channel}/timeline",
    tag = "Channels",
    operation_id = "getChannelTimeline",
    summary = "Tell what happened to a channel's connection",
    description = "For people, newest first. `total` counts the events behind the lines.",
    params(queries::CursorPaging),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["channels:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    Paging(page): Paging,
) -> Result<Response, ApiError> {
    let after = match page.window {
        Window::Number(1) => None,
        Window::After(cursor) => Some(cursor),
        Window::Number(_) => return Err(by_cursor()),
    };
    let channel = channel.find(&*app.core.reads, call.workspace()).await?;
    let told = timeline(&app.core, call.workspace(), channel.id, after, page.size as usize).await?;
    let told = Page {
        items: told.moments,
        cursors: vec![],
        total: channel.version,
        total_is_estimate: true,
        next: told.next,
    };
    Ok(called(channel.id, envelope::list(page, told, Shape::from)))
}

fn by_cursor() -> ApiError {
    let message =
        "must be 1: further pages are reached by 'cursor', with the 'next_cursor' of the page before";
    ApiError::invalid(format!("The 'page' parameter {message}"), vec![FieldError::new("page", message)])
}

#[derive(Serialize, ToSchema)]
#[schema(as = Moment)]
struct Shape {
    at: Timestamp,
    #[schema(value_type = String)]
    kind: &'static str,
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    message: String,
}

impl From<Moment> for Shape {
    fn from(moment: Moment) -> Self {
        let Moment { at, kind, reason, message } = moment;
        Self { at: at.into(), kind: kind.name(), reason, message }
    }
}
