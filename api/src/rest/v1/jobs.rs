//! `/v1/jobs`: work that a call was answered with before it was done, its progress, and its end.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use futures::FutureExt;
use interflow_application::read::{Job, Progress};
use interflow_application::{Context, Resource, ResourceRef};
use interflow_domain::job::{JobKind, JobStatus};
use interflow_domain::workspace::Scope;
use interflow_domain::{InstanceId, JobId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::messages;
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{Call, IfNoneMatch, InPath, Paging};
use crate::openapi::{queries, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new()
        .route("/jobs", guard.reads(Scope::JobsRead, get(list)))
        .route("/jobs/{job}", guard.reads(Scope::JobsRead, get(show)))
        .route("/jobs/{job}/messages", guard.reads(Scope::MessagesRead, get(messages_of)))
        .route("/jobs/{job}/cancel", guard.writes(Scope::JobsWrite, post(cancel)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, show, messages_of, cancel))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "Jobs",
    operation_id = "listJobs",
    summary = "List jobs",
    params(queries::Paging),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["jobs:read"]))
)]
async fn list(State(app): State<App>, call: Call, Paging(page): Paging) -> Result<Response, ApiError> {
    let jobs = app.core.reads.jobs(call.workspace(), page).await?;
    Ok(envelope::list(page, jobs, Shape::from))
}

#[utoipa::path(
    get,
    path = "/v1/jobs/{job}",
    tag = "Jobs",
    operation_id = "getJob",
    summary = "Get a job and its progress",
    params(IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["jobs:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<JobId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let job = find(&app, &call, id).await?;
    Ok(if known.has(&job) { envelope::not_modified(&job) } else { envelope::resource(&job) })
}

#[utoipa::path(
    get,
    path = "/v1/jobs/{job}/messages",
    tag = "Jobs",
    operation_id = "listMessagesOfJob",
    summary = "List the messages of a job",
    params(queries::Paging),
    responses((status = 200, body = Vec<messages::Shape>)),
    security(("key" = ["messages:read"]))
)]
async fn messages_of(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<JobId>,
    Paging(page): Paging,
) -> Result<Response, ApiError> {
    find(&app, &call, id).await?;
    let messages = app.core.reads.messages_of_job(call.workspace(), id, page).await?;
    Ok(envelope::list(page, messages, messages::Shape::from))
}

#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/cancel",
    tag = "Jobs",
    operation_id = "cancelJob",
    summary = "Cancel a job",
    description = "Gives up what was not handed to WhatsApp.",
    responses((status = 200, body = Shape)),
    security(("key" = ["jobs:write"]))
)]
async fn cancel(State(app): State<App>, call: Call, InPath(id): InPath<JobId>) -> Result<Response, ApiError> {
    let cancel = |context: Context| {
        let gateway = app.gateway.clone();
        async move { gateway.cancel_job(&context, id).await }.boxed()
    };
    call.again(cancel).await?;
    Ok(envelope::resource(&find(&app, &call, id).await?))
}

async fn find(app: &App, call: &Call, id: JobId) -> Result<Shape, ApiError> {
    let job = app.core.reads.job(call.workspace(), id).await?;
    job.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Job))
}

/// Which job a repeated command made.
pub(crate) const fn job_of(resource: ResourceRef) -> Option<JobId> {
    if let ResourceRef::Job(id) = resource { Some(id) } else { None }
}

/// A job in answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
struct Shape {
    #[schema(value_type = values::JobId)]
    id: JobId,
    #[schema(value_type = values::JobKind)]
    kind: JobKind,
    #[schema(value_type = values::JobStatus)]
    status: JobStatus,
    #[schema(value_type = Option<values::ChannelId>)]
    channel_id: Option<InstanceId>,
    total: u32,
    accepted: u32,
    rejected: u32,
    progress: ProgressShape,
    created_at: Timestamp,
    expires_at: Timestamp,
    finished_at: Option<Timestamp>,
    version: u64,
    #[serde(skip)]
    touched: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Progress)]
struct ProgressShape {
    queued: u32,
    sent: u32,
    delivered: u32,
    read: u32,
    failed: u32,
    cancelled: u32,
}

impl From<Progress> for ProgressShape {
    fn from(Progress { queued, sent, delivered, read, failed, cancelled }: Progress) -> Self {
        Self { queued, sent, delivered, read, failed, cancelled }
    }
}

impl From<Job> for Shape {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            status: job.status,
            channel_id: job.instance,
            total: job.total,
            accepted: job.accepted,
            rejected: job.rejected,
            progress: job.progress.into(),
            created_at: job.created_at.into(),
            expires_at: job.expires_at.into(),
            finished_at: job.finished_at.map(Timestamp),
            version: job.version,
            touched: job.touched,
        }
    }
}

/// A job's answer changes with its messages, its version with its own events alone.
impl Versioned for Shape {
    fn tag(&self) -> String {
        format!("{}-{}", self.version, self.touched)
    }
}
