//! `/v1/workspaces`: every workspace of the server, for keys of the first one. `/v1/workspace`: a key's own.
//!
//! A workspace is changed in its own log, and the command is noted in that of the workspace whose key asked, where a
//! repetition looks for it.

use std::str::FromStr;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, patch, post};
use interflow_application::limits::quota;
use interflow_application::read::{ApiKey, Workspace};
use interflow_application::usage::{Traffic, Usage};
use interflow_application::{
    ChangeWorkspace, CreateWorkspace, Resource, ResourceRef, ResumeWorkspace, SuspendWorkspace, UseCase,
    workspace_id,
};
use interflow_domain::workspace::{MessageRetention, Plan, Scope, WorkspaceStatus};
use interflow_domain::{DisplayName, InvalidId, KeyId, Reason, WorkspaceId, WorkspaceSlug};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::keys::{Shape as KeyShape, WithSecret};
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{
    Body, Call, Form, FromForm, IfMatch, IfNoneMatch, InPath, OptionalBody, Paging, Resolves,
};
use crate::openapi::{bodies, queries, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

/// What the first key of a workspace is called.
const FIRST_KEY: &str = "Administrator";

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::WorkspacesRead, route);
    let writes = |route| guard.writes(Scope::WorkspacesWrite, route);
    Router::new()
        .route("/workspace", guard.reads_for_any_key(get(own)))
        .route("/workspaces", reads(get(list)).merge(writes(post(create))))
        .route("/workspaces/{workspace}", reads(get(show)).merge(writes(patch(change))))
        .route("/workspaces/{workspace}/usage", reads(get(usage)))
        .route("/workspaces/{workspace}/suspend", writes(post(suspend)))
        .route("/workspaces/{workspace}/resume", writes(post(resume)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(own, list, show, usage, create, change, suspend, resume))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/workspace",
    tag = "Workspaces",
    operation_id = "getOwnWorkspace",
    summary = "Get the key's own workspace, its limits and usage",
    params(IfNoneMatch),
    responses((status = 200, body = Own)),
    security(("key" = []))
)]
async fn own(State(app): State<App>, call: Call, known: IfNoneMatch) -> Result<Response, ApiError> {
    let shape = find(&app, call.workspace()).await?;
    let limits = Limits { requests_per_minute: quota(shape.plan) };
    let own = Own { shape, limits, usage: count(&app, call.workspace()).await? };
    Ok(if known.has(&own) { envelope::not_modified(&own) } else { envelope::resource(&own) })
}

#[utoipa::path(
    get,
    path = "/v1/workspaces",
    tag = "Workspaces",
    operation_id = "listWorkspaces",
    summary = "List workspaces",
    params(queries::Paging),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["workspaces:read"]))
)]
async fn list(State(app): State<App>, Paging(page): Paging) -> Result<Response, ApiError> {
    let workspaces = app.core.reads.workspaces(page).await?;
    Ok(envelope::list(page, workspaces, Shape::from))
}

#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}",
    tag = "Workspaces",
    operation_id = "getWorkspace",
    summary = "Get a workspace",
    params(IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["workspaces:read"]))
)]
async fn show(
    State(app): State<App>,
    InPath(Named(id)): InPath<Named>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let workspace = find(&app, id).await?;
    Ok(if known.has(&workspace) {
        envelope::not_modified(&workspace)
    } else {
        envelope::resource(&workspace)
    })
}

#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/usage",
    tag = "Workspaces",
    operation_id = "getWorkspaceUsage",
    summary = "Get what a workspace has and does",
    params(IfNoneMatch),
    responses((status = 200, body = UsageShape)),
    security(("key" = ["workspaces:read"]))
)]
async fn usage(
    State(app): State<App>,
    InPath(Named(id)): InPath<Named>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    find(&app, id).await?;
    let usage = count(&app, id).await?;
    Ok(if known.has(&usage) { envelope::not_modified(&usage) } else { envelope::resource(&usage) })
}

#[utoipa::path(
    post,
    path = "/v1/workspaces",
    tag = "Workspaces",
    operation_id = "createWorkspace",
    summary = "Create a workspace with its first key",
    request_body = bodies::WorkspaceDraft,
    responses((status = 201, body = Made)),
    security(("key" = ["workspaces:write"]))
)]
async fn create(State(app): State<App>, call: Call, Body(draft): Body<Draft>) -> Result<Response, ApiError> {
    let (id, secret) = establish(&app, &call, draft).await?;
    let made = Made { shape: find(&app, id).await?, first_key: first_key(&app, id, secret).await? };
    Ok(envelope::created(format!("/v1/workspaces/{id}"), &made))
}

/// Makes a workspace with a first key, or finds the one that the same command made, with the key's secret.
pub(crate) async fn establish(
    app: &App,
    call: &Call,
    draft: Draft,
) -> Result<(WorkspaceId, String), ApiError> {
    let id = workspace_id(&draft.slug);
    let key_id = KeyId::new(app.core.ids.next());
    // A workspace is created once: its id says enough for a repetition to make the same secret.
    let secret = app.tenants.secrets.of(call.context.command.as_ref(), id.uuid());
    let create = CreateWorkspace {
        slug: draft.slug,
        name: draft.name,
        plan: draft.plan,
        key_id,
        key_name: FIRST_KEY.parse().map_err(|error| ApiError::internal(format!("{error}")))?,
        secret: secret.clone(),
    };
    Ok((govern(call, id, &create).await?, secret))
}

#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}",
    tag = "Workspaces",
    operation_id = "changeWorkspace",
    summary = "Change a workspace's name or plan, or how long it keeps messages",
    description = "With `message_retention_days`, contents of messages are destroyed for ever once they are so old, a calendar \
        month (UTC) at a time, within an hour of that; `null` keeps them.",
    params(IfMatch),
    request_body = bodies::WorkspacePatch,
    responses((status = 200, body = Shape)),
    security(("key" = ["workspaces:write"]))
)]
async fn change(
    State(app): State<App>,
    call: Call,
    InPath(Named(id)): InPath<Named>,
    IfMatch(expected): IfMatch,
    Body(Change { name, plan, message_retention }): Body<Change>,
) -> Result<Response, ApiError> {
    let change = ChangeWorkspace { name, plan, message_retention, expected };
    let id = govern(&call, id, &change).await?;
    Ok(envelope::resource(&find(&app, id).await?))
}

#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/suspend",
    tag = "Workspaces",
    operation_id = "suspendWorkspace",
    summary = "Suspend a workspace",
    description = "Its keys are refused; its channels stay connected.",
    params(IfMatch),
    request_body = Option<bodies::Suspension>,
    responses((status = 200, body = Shape)),
    security(("key" = ["workspaces:write"]))
)]
async fn suspend(
    State(app): State<App>,
    call: Call,
    InPath(Named(id)): InPath<Named>,
    IfMatch(expected): IfMatch,
    OptionalBody(Suspension { reason }): OptionalBody<Suspension>,
) -> Result<Response, ApiError> {
    let id = govern(&call, id, &SuspendWorkspace { reason, expected }).await?;
    Ok(envelope::resource(&find(&app, id).await?))
}

#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/resume",
    tag = "Workspaces",
    operation_id = "resumeWorkspace",
    summary = "Resume a workspace",
    params(IfMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["workspaces:write"]))
)]
async fn resume(
    State(app): State<App>,
    call: Call,
    InPath(Named(id)): InPath<Named>,
    IfMatch(expected): IfMatch,
    OptionalBody(Nothing): OptionalBody<Nothing>,
) -> Result<Response, ApiError> {
    let id = govern(&call, id, &ResumeWorkspace { expected }).await?;
    Ok(envelope::resource(&find(&app, id).await?))
}

/// Runs a use case in another workspace's log.
pub(crate) async fn govern<U: UseCase<Output = WorkspaceId>>(
    call: &Call,
    workspace: WorkspaceId,
    use_case: &U,
) -> Result<WorkspaceId, ApiError> {
    let id = call.within(workspace).await?.run(use_case, workspace_of).await?;
    call.note(ResourceRef::Workspace(id)).await?;
    Ok(id)
}

async fn find(app: &App, id: WorkspaceId) -> Result<Shape, ApiError> {
    let workspace = app.core.reads.workspace(id).await?;
    workspace.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Workspace))
}

async fn first_key(app: &App, id: WorkspaceId, secret: String) -> Result<Option<WithSecret>, ApiError> {
    let key = key_of(app, id, &secret).await?;
    Ok(key.map(|key| WithSecret { shape: KeyShape::from(key), key: secret }))
}

/// The key that a workspace was created with, unless it was revoked.
pub(crate) async fn key_of(app: &App, id: WorkspaceId, secret: &str) -> Result<Option<ApiKey>, ApiError> {
    let known = interflow_application::authenticate(&app.core, secret).await?;
    let Some(known) = known.filter(|known| known.workspace == id) else { return Ok(None) };
    Ok(app.core.reads.api_key(id, known.key).await?)
}

async fn count(app: &App, id: WorkspaceId) -> Result<UsageShape, ApiError> {
    Ok(app.tenants.usage.usage(id, app.core.clock.now()).await?.into())
}

const fn workspace_of(resource: ResourceRef) -> Option<WorkspaceId> {
    if let ResourceRef::Workspace(id) = resource { Some(id) } else { None }
}

/// A workspace in a path: by its id or its slug.
pub(crate) struct Named(pub(crate) WorkspaceId);

impl FromStr for Named {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let id = text.parse::<WorkspaceId>();
        id.or_else(|error| text.parse().map(|slug| workspace_id(&slug)).map_err(|_| error)).map(Self)
    }
}

impl Resolves for Named {
    const RESOURCE: Resource = Resource::Workspace;
}

/// `{"slug","name"?,"plan"}`.
pub(crate) struct Draft {
    slug: WorkspaceSlug,
    name: Option<DisplayName>,
    plan: Plan,
}

impl FromForm for Draft {
    fn from_form(form: &mut Form) -> Option<Self> {
        let slug = form.required("slug");
        let name = form.optional("name");
        let plan = form.required("plan");
        Some(Self { slug: slug?, name: name?, plan: plan? })
    }
}

/// `{"name"?,"plan"?,"message_retention_days"?}`.
pub(crate) struct Change {
    pub(crate) name: Option<Option<DisplayName>>,
    pub(crate) plan: Option<Plan>,
    pub(crate) message_retention: Option<Option<MessageRetention>>,
}

impl FromForm for Change {
    fn from_form(form: &mut Form) -> Option<Self> {
        let name = form.change("name");
        let plan = match form.change("plan") {
            Some(Some(None)) => form.wrong("plan", "must not be null"),
            plan => plan.map(Option::flatten),
        };
        let message_retention = message_retention(form);
        Some(Self { name: name?, plan: plan?, message_retention: message_retention? })
    }
}

fn message_retention(form: &mut Form) -> Option<Option<Option<MessageRetention>>> {
    let is_named = form.names("message_retention_days");
    let bounds = u64::from(MessageRetention::LEAST)..=u64::from(MessageRetention::MOST);
    let days = form.number("message_retention_days", bounds)?;
    let days = days.and_then(|days| MessageRetention::try_new(u16::try_from(days).ok()?).ok());
    Some(is_named.then_some(days))
}

/// `{"reason"?}`.
pub(crate) struct Suspension {
    pub(crate) reason: Option<Reason>,
}

impl FromForm for Suspension {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { reason: form.optional("reason")? })
    }
}

struct Nothing;

impl FromForm for Nothing {
    fn from_form(_: &mut Form) -> Option<Self> {
        Some(Self)
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Workspace)]
pub(super) struct Shape {
    #[schema(value_type = values::WorkspaceId)]
    id: WorkspaceId,
    slug: String,
    name: Option<String>,
    #[schema(value_type = values::Plan)]
    plan: Plan,
    #[schema(value_type = values::WorkspaceStatus)]
    status: WorkspaceStatus,
    suspended_reason: Option<String>,
    /// After how many days contents of messages are destroyed; never when `null`.
    message_retention_days: Option<u16>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

impl From<Workspace> for Shape {
    fn from(workspace: Workspace) -> Self {
        Self {
            id: workspace.id,
            slug: workspace.slug,
            name: workspace.name,
            plan: workspace.plan,
            status: workspace.status,
            suspended_reason: workspace.suspended_reason,
            message_retention_days: workspace.message_retention.map(MessageRetention::days),
            created_at: workspace.created_at.into(),
            updated_at: workspace.updated_at.into(),
            version: workspace.version,
        }
    }
}

impl Versioned for Shape {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

/// A new workspace. The key is absent when a repetition comes after it was revoked.
#[derive(Serialize, ToSchema)]
#[schema(as = NewWorkspace)]
struct Made {
    #[serde(flatten)]
    shape: Shape,
    first_key: Option<WithSecret>,
}

impl Versioned for Made {
    fn tag(&self) -> String {
        self.shape.tag()
    }
}

/// A key's own workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnWorkspace)]
struct Own {
    #[serde(flatten)]
    shape: Shape,
    limits: Limits,
    usage: UsageShape,
}

#[derive(Serialize, ToSchema)]
struct Limits {
    requests_per_minute: Option<u32>,
}

impl Versioned for Own {
    fn tag(&self) -> String {
        format!("{}-{}", self.shape.version, self.usage.tag())
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
struct UsageShape {
    events: u64,
    customers: u64,
    chats: u64,
    channels: u64,
    keys: u64,
    messages: TrafficShape,
    days: Vec<Day>,
}

#[derive(Serialize, ToSchema)]
struct Day {
    date: String,
    #[serde(flatten)]
    messages: TrafficShape,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Traffic)]
struct TrafficShape {
    inbound: u64,
    outbound: u64,
}

impl From<Traffic> for TrafficShape {
    fn from(Traffic { inbound, outbound }: Traffic) -> Self {
        Self { inbound, outbound }
    }
}

impl From<Usage> for UsageShape {
    fn from(usage: Usage) -> Self {
        let day = |(date, traffic): (chrono::NaiveDate, Traffic)| Day {
            date: date.to_string(),
            messages: traffic.into(),
        };
        Self {
            events: usage.events,
            customers: usage.customers,
            chats: usage.chats,
            channels: usage.channels,
            keys: usage.keys,
            messages: usage.messages.into(),
            days: usage.days.into_iter().map(day).collect(),
        }
    }
}

/// It is made of the log up to an event, and of the day.
impl Versioned for UsageShape {
    fn tag(&self) -> String {
        format!("{}-{}", self.events, self.days.last().map_or("", |day| &day.date))
    }
}
