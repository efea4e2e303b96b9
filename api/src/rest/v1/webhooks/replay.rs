//! `POST /v1/webhooks/{webhook}/replay`: telling an endpoint once more what it was told, or was never told, from any
//! place in the log.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use futures::FutureExt;
use interflow_application::webhook::dispatch::ReplayFrom;
use interflow_application::{Context, ResourceRef};
use interflow_domain::workspace::Scope;
use interflow_domain::{JobId, WebhookId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::super::jobs::job_of;
use super::find;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm, InPath};
use crate::openapi::{values, webhooks};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/webhooks/{webhook}/replay", guard.writes(Scope::WebhooksWrite, post(replay)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(replay))]
pub(in crate::rest::v1) struct Doc;

#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook}/replay",
    tag = "Webhooks",
    operation_id = "replay",
    summary = "Tell once more what happened since",
    description = "A dry run counts (200); else it is a job (202).",
    request_body = webhooks::Replay,
    responses((status = 200, body = Counted), (status = 202, body = Started), (status = 409)),
    security(("key" = ["webhooks:write"]))
)]
async fn replay(
    State(app): State<App>,
    call: Call,
    InPath(webhook): InPath<WebhookId>,
    Body(asked): Body<Asked>,
) -> Result<Response, ApiError> {
    find(&app, &call, webhook).await?;
    let Asked { from, until, dry_run } = asked;
    let dispatcher = &app.webhooks.dispatcher;
    if dry_run {
        let count = |context: Context| {
            let dispatcher = dispatcher.clone();
            async move { dispatcher.count_replay(&context, webhook, from, until).await }.boxed()
        };
        let count = call.again(count).await?;
        call.note(ResourceRef::Webhook(webhook)).await?;
        return Ok(envelope::ok(Counted { count }));
    }
    let job = call.once(job_of, dispatcher.replay(&call.context, webhook, from, until)).await?;
    dispatcher.wake();
    Ok(envelope::accepted(format!("/v1/jobs/{job}"), Started { id: job }))
}

/// `{"from","until"?,"dry_run"?}`.
pub(crate) struct Asked {
    pub(crate) from: ReplayFrom,
    pub(crate) until: Option<u64>,
    pub(crate) dry_run: bool,
}

impl FromForm for Asked {
    fn from_form(form: &mut Form) -> Option<Self> {
        let from = form.nested("from", from);
        let until = form.number("until", 1..=i64::MAX.unsigned_abs());
        let dry_run = form.flag("dry_run");
        let (from, until) = (from?, until?);
        if let (ReplayFrom::Position(position), Some(until)) = (&from, until)
            && until < *position
        {
            return form.wrong("until", "must not be before 'from.position'");
        }
        Some(Self { from, until, dry_run: dry_run?.unwrap_or(false) })
    }
}

/// One of `position`, `time` and `failed`.
fn from(form: &mut Form) -> Option<ReplayFrom> {
    const RULE: &str = "must be the only one of 'position', 'time' and 'failed'";
    let given: Vec<_> = ["position", "time", "failed"].into_iter().filter(|name| form.has(name)).collect();
    match given.as_slice() {
        ["position"] => form.number("position", 1..=i64::MAX.unsigned_abs())?.map(ReplayFrom::Position),
        ["time"] => form.required("time").map(|Timestamp(at)| ReplayFrom::Time(at)),
        ["failed"] => match form.flag("failed")? {
            Some(true) => Some(ReplayFrom::Failed),
            _ => form.wrong("failed", "must be true"),
        },
        [] => form.missing("position"),
        several => {
            for name in several {
                form.ignore(name);
                form.wrong::<()>(name, RULE);
            }
            None
        }
    }
}

/// At most how many deliveries it would be.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayCounted)]
struct Counted {
    count: u64,
}

/// The job.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayStarted)]
struct Started {
    #[schema(value_type = values::JobId)]
    id: JobId,
}
