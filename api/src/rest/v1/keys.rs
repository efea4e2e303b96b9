//! `/v1/keys`: the API keys of a workspace. A secret is in the answer that made it, and nowhere else.

use std::str::FromStr;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, post};
use chrono::{DateTime, TimeDelta, Utc};
use interflow_application::read::ApiKey;
use interflow_application::{CreateKey, Resource, ResourceRef, RevokeKey, RotateKey};
use interflow_domain::workspace::{KeyOrigin, Scope};
use interflow_domain::{DisplayName, KeyId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::auth::{scope_from, scope_name};
use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm, IfMatch, IfNoneMatch, InPath, OptionalBody, Paging};
use crate::openapi::{bodies, queries, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

/// How long the secret before a rotation goes on working, in seconds, when nobody says otherwise.
const OVERLAP: u64 = 24 * 3600;
const LONGEST_OVERLAP: u64 = 7 * 24 * 3600;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::KeysRead, route);
    let writes = |route| guard.writes(Scope::KeysWrite, route);
    Router::new()
        .route("/keys", reads(get(list)).merge(writes(post(create))))
        .route("/keys/{key}", reads(get(show)).merge(writes(delete(revoke))))
        .route("/keys/{key}/rotate", writes(post(rotate)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, show, create, rotate, revoke))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "Keys",
    operation_id = "listKeys",
    summary = "List API keys",
    params(queries::Paging),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["keys:read"]))
)]
async fn list(State(app): State<App>, call: Call, Paging(page): Paging) -> Result<Response, ApiError> {
    let keys = app.core.reads.api_keys(call.workspace(), page).await?;
    Ok(envelope::list(page, keys, Shape::from))
}

#[utoipa::path(
    get,
    path = "/v1/keys/{key}",
    tag = "Keys",
    operation_id = "getKey",
    summary = "Get an API key",
    params(IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["keys:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<KeyId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let key = find(&app, &call, id).await?;
    Ok(if known.has(&key) { envelope::not_modified(&key) } else { envelope::resource(&key) })
}

#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "Keys",
    operation_id = "createKey",
    summary = "Create an API key",
    description = "The secret is in this answer and nowhere else.",
    request_body = bodies::KeyDraft,
    responses((status = 201, body = WithSecret)),
    security(("key" = ["keys:write"]))
)]
async fn create(State(app): State<App>, call: Call, Body(draft): Body<Draft>) -> Result<Response, ApiError> {
    let (id, key) = issue(&app, &call, draft).await?;
    let made = WithSecret { shape: find(&app, &call, id).await?, key };
    Ok(envelope::created(format!("/v1/keys/{id}"), &made))
}

/// Makes a key, or finds the one that the same command made, with its secret.
pub(crate) async fn issue(app: &App, call: &Call, draft: Draft) -> Result<(KeyId, String), ApiError> {
    let Draft { name, scopes, expires_at } = draft;
    let key_id = KeyId::new(app.core.ids.next());
    let secret = secret(app, call, key_id.uuid());
    let create = CreateKey { key_id, name, scopes, secret: secret.clone(), expires_at };
    let id = call.run(&create, key_of).await?;
    Ok((id, if id == key_id { secret } else { self::secret(app, call, id.uuid()) }))
}

#[utoipa::path(
    post,
    path = "/v1/keys/{key}/rotate",
    tag = "Keys",
    operation_id = "rotateKey",
    summary = "Give an API key another secret",
    description = "The one before works for a while yet.",
    params(IfMatch),
    request_body = Option<bodies::Overlap>,
    responses((status = 200, body = WithSecret)),
    security(("key" = ["keys:write"]))
)]
async fn rotate(
    State(app): State<App>,
    call: Call,
    InPath(key_id): InPath<KeyId>,
    IfMatch(expected): IfMatch,
    OptionalBody(Overlap(overlap)): OptionalBody<Overlap>,
) -> Result<Response, ApiError> {
    let key = renew(&app, &call, key_id, overlap, expected).await?;
    Ok(envelope::resource(&WithSecret { shape: find(&app, &call, key_id).await?, key }))
}

/// Gives a key another secret, or finds the one that the same command gave it.
pub(crate) async fn renew(
    app: &App,
    call: &Call,
    key_id: KeyId,
    overlap: TimeDelta,
    expected: Option<u64>,
) -> Result<String, ApiError> {
    let nonce = app.core.ids.next();
    let secret = secret(app, call, nonce);
    let rotate = RotateKey { key_id, secret: secret.clone(), nonce, overlap, expected };
    let made_from = call.run(&rotate, nonce_of).await?;
    Ok(if made_from == nonce { secret } else { self::secret(app, call, made_from) })
}

#[utoipa::path(
    delete,
    path = "/v1/keys/{key}",
    tag = "Keys",
    operation_id = "revokeKey",
    summary = "Revoke an API key",
    params(IfMatch),
    responses((status = 200, body = envelope::Deleted)),
    security(("key" = ["keys:write"]))
)]
async fn revoke(
    call: Call,
    InPath(key_id): InPath<KeyId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let id = call.run(&RevokeKey { key_id, expected }, key_of).await?;
    Ok(envelope::deleted(id))
}

async fn find(app: &App, call: &Call, id: KeyId) -> Result<Shape, ApiError> {
    let key = app.core.reads.api_key(call.workspace(), id).await?;
    key.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Key))
}

fn secret(app: &App, call: &Call, nonce: Uuid) -> String {
    app.tenants.secrets.of(call.context.command.as_ref(), nonce)
}

/// Which key a repeated command made or revoked.
pub(crate) const fn key_of(resource: ResourceRef) -> Option<KeyId> {
    if let ResourceRef::Key(id) = resource { Some(id) } else { None }
}

const fn nonce_of(resource: ResourceRef) -> Option<Uuid> {
    if let ResourceRef::Secret(nonce) = resource { Some(nonce) } else { None }
}

/// `{"name","scopes","expires_at"?}`.
pub(crate) struct Draft {
    name: DisplayName,
    scopes: Vec<Scope>,
    expires_at: Option<DateTime<Utc>>,
}

impl FromForm for Draft {
    fn from_form(form: &mut Form) -> Option<Self> {
        let name = form.required("name");
        let scopes = match form.texts::<NamedScope>("scopes") {
            Some(None) => form.missing("scopes"),
            Some(Some(scopes)) if scopes.is_empty() => form.wrong("scopes", "must name at least one scope"),
            scopes => scopes.flatten(),
        };
        let expires_at = form.optional("expires_at");
        let mut scopes: Vec<Scope> = scopes?.into_iter().map(|NamedScope(scope)| scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Some(Self { name: name?, scopes, expires_at: expires_at?.map(|Timestamp(at)| at) })
    }
}

struct NamedScope(Scope);

impl FromStr for NamedScope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        scope_from(name).map(Self)
    }
}

/// `{"overlap_seconds"?}`.
pub(crate) struct Overlap(pub(crate) TimeDelta);

impl FromForm for Overlap {
    fn from_form(form: &mut Form) -> Option<Self> {
        let seconds = form.number("overlap_seconds", 0..=LONGEST_OVERLAP)?.unwrap_or(OVERLAP);
        Some(Self(TimeDelta::seconds(seconds.cast_signed())))
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct Shape {
    #[schema(value_type = values::KeyId)]
    id: KeyId,
    name: String,
    prefix: Option<String>,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Vec<&'static str>,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    created_at: Timestamp,
    rotated_at: Option<Timestamp>,
    /// Until when the secret before the last rotation works.
    previous_expires_at: Option<Timestamp>,
    #[schema(value_type = values::KeyOrigin)]
    origin: KeyOrigin,
    version: u64,
}

impl From<ApiKey> for Shape {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(scope_name).collect(),
            expires_at: key.expires_at.map(Timestamp::from),
            last_used_at: key.last_used_at.map(Timestamp::from),
            created_at: key.created_at.into(),
            rotated_at: key.rotated_at.map(Timestamp::from),
            previous_expires_at: key.previous_until.map(Timestamp::from),
            origin: key.origin,
            version: key.version,
        }
    }
}

/// A key's answer changes with its use, its version with its own events alone.
impl Versioned for Shape {
    fn tag(&self) -> String {
        let used = self.last_used_at.map_or(0, |Timestamp(at)| at.timestamp_millis());
        format!("{}-{used}", self.version)
    }
}

/// A key and its secret: what its owner is shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithSecret)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    pub shape: Shape,
    pub key: String,
}

impl Versioned for WithSecret {
    fn tag(&self) -> String {
        self.shape.tag()
    }
}
