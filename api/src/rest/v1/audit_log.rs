//! `/v1/audit/log`: the proof of the workspace's log. Below it everything lies where C2SP `tlog-tiles` has it, so that
//! verifiers of other people walk it: `checkpoint`, `tile/…`.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interflow_application::Resource;
use interflow_application::proof::asking::{self, Consistency, Inclusion};
use interflow_application::proof::tile::{TilePath, WIDTH};
use interflow_application::proof::{Hash, PublishedKey};
use interflow_application::read::{Page, PageRequest, Window};
use interflow_domain::workspace::Scope;
use serde::Serialize;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::events::bounded;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, InPath, Query, Resolves};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

/// What is never another: a full tile.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::AuditRead, route);
    Router::new()
        .route("/audit/log/checkpoint", reads(get(checkpoint)))
        .route("/audit/log/keys", reads(get(keys)))
        .route("/audit/log/inclusion", reads(get(inclusion)))
        .route("/audit/log/consistency", reads(get(consistency)))
        .route("/audit/log/tile/{*tile}", reads(get(tile)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(checkpoint, keys, inclusion, consistency, tile))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/audit/log/checkpoint",
    tag = "Audit",
    operation_id = "getCheckpoint",
    summary = "Get the latest signed checkpoint",
    description = "How many events the Merkle tree of the workspace's log has, and its root, as a C2SP `tlog-checkpoint` in a \
        `signed-note`. Events are sealed within a second or so.",
    responses((status = 200, content((String = "text/plain")))),
    security(("key" = ["audit:read"]))
)]
async fn checkpoint(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let sealed = asking::checkpoint(&*app.tenants.proofs, call.workspace()).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], sealed.note).into_response())
}

#[utoipa::path(
    get,
    path = "/v1/audit/log/keys",
    tag = "Audit",
    operation_id = "listCheckpointKeys",
    summary = "List the keys that checkpoints are signed with",
    responses((status = 200, body = Vec<KeyShape>)),
    security(("key" = ["audit:read"]))
)]
async fn keys(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let keys = app.tenants.proofs.keys(call.workspace()).await?;
    let (total, size) = (keys.len() as u64, PageRequest::MAX_SIZE);
    let all = Page { items: keys, total, total_is_estimate: false, next: None, cursors: vec![] };
    Ok(envelope::list(PageRequest { window: Window::Number(1), size }, all, KeyShape::from))
}

#[utoipa::path(
    get,
    path = "/v1/audit/log/inclusion",
    tag = "Audit",
    operation_id = "proveInclusion",
    summary = "Prove that an event is in the log",
    params(InclusionQuery),
    responses((status = 200, body = InclusionShape)),
    security(("key" = ["audit:read"]))
)]
async fn inclusion(State(app): State<App>, call: Call, asked: InclusionOf) -> Result<Response, ApiError> {
    let InclusionOf { position, size } = asked;
    let proof = asking::inclusion(&*app.tenants.proofs, call.workspace(), position, size).await?;
    Ok(envelope::ok(InclusionShape::from(proof)))
}

#[utoipa::path(
    get,
    path = "/v1/audit/log/consistency",
    tag = "Audit",
    operation_id = "proveConsistency",
    summary = "Prove that the log has only grown",
    params(ConsistencyQuery),
    responses((status = 200, body = ConsistencyShape)),
    security(("key" = ["audit:read"]))
)]
async fn consistency(State(app): State<App>, call: Call, asked: ConsistencyOf) -> Result<Response, ApiError> {
    let ConsistencyOf { from, to } = asked;
    let proof = asking::consistency(&*app.tenants.proofs, call.workspace(), from, to).await?;
    Ok(envelope::ok(ConsistencyShape::from(proof)))
}

#[utoipa::path(
    get,
    path = "/v1/audit/log/tile/{tile}",
    tag = "Audit",
    operation_id = "getTile",
    summary = "Get a tile of the tree, or its entries",
    description = "As C2SP `tlog-tiles` lays them out; the slashes of the path stay as they are. A full tile never changes.",
    responses((status = 200, content((Vec<u8> = "application/octet-stream")))),
    security(("key" = ["audit:read"]))
)]
async fn tile(
    State(app): State<App>,
    call: Call,
    InPath(tile): InPath<TilePath>,
) -> Result<Response, ApiError> {
    let bytes = asking::tile(&*app.tenants.proofs, call.workspace(), tile).await?;
    let mut response = ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response();
    if tile.width == WIDTH {
        response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    }
    Ok(response)
}

impl Resolves for TilePath {
    const RESOURCE: Resource = Resource::Tile;
}

/// Which event, in which tree.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes; what reads is below")]
struct InclusionQuery {
    /// The event's position in the log.
    #[param(minimum = 1, required = true)]
    position: u64,
    /// How many events the tree has; the latest checkpoint's size when absent.
    #[param(minimum = 1)]
    size: Option<u64>,
}

/// Which trees.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes; what reads is below")]
struct ConsistencyQuery {
    /// The size of the earlier checkpoint.
    #[param(minimum = 1, required = true)]
    from: u64,
    /// The size of the later one; the latest checkpoint's when absent.
    #[param(minimum = 1)]
    to: Option<u64>,
}

struct InclusionOf {
    position: u64,
    size: Option<u64>,
}

struct ConsistencyOf {
    from: u64,
    to: Option<u64>,
}

/// Two numbers from 1, the first of which is required.
fn sizes(parts: &Parts, first: &str, second: &str) -> Result<(u64, Option<u64>), ApiError> {
    const SIZES: std::ops::RangeInclusive<u64> = 1..=i64::MAX.unsigned_abs();
    let mut query = Query::new(parts.uri.query().unwrap_or_default());
    let given = query.has(first);
    let required = bounded(&mut query, first, SIZES);
    if !given {
        query.wrong(first, "must be given");
    }
    let optional = bounded(&mut query, second, SIZES);
    query.close()?;
    Ok((required.unwrap_or_default(), optional))
}

impl FromRequestParts<App> for InclusionOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        sizes(parts, "position", "size").map(|(position, size)| Self { position, size })
    }
}

impl FromRequestParts<App> for ConsistencyOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        sizes(parts, "from", "to").map(|(from, to)| Self { from, to })
    }
}

/// A key in answers.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckpointKey)]
struct KeyShape {
    /// What signatures call it: eight hexadecimal digits.
    id: String,
    /// The key as verifiers of signed notes take it: its name, which is the tree's origin, its id, and the Ed25519 public key.
    key: String,
    created_at: Timestamp,
    /// When it stops signing, or did. Another signs too since before that.
    retires_at: Option<Timestamp>,
}

impl From<PublishedKey> for KeyShape {
    fn from(key: PublishedKey) -> Self {
        Self {
            id: key.verifier.key_id(),
            key: key.verifier.to_string(),
            created_at: key.created_at.into(),
            retires_at: key.retires_at.map(Into::into),
        }
    }
}

/// That an event is in the tree. Hashes are SHA-256, in base64.
#[derive(Serialize, ToSchema)]
#[schema(as = InclusionProof)]
struct InclusionShape {
    position: u64,
    /// How many events the tree has.
    size: u64,
    /// What of the event is hashed, in base64.
    entry: String,
    /// SHA-256 of a zero byte and the entry.
    leaf_hash: String,
    /// The hashes beside the way from the leaf to the root, from the bottom up.
    path: Vec<String>,
    /// The root of the tree.
    root: String,
    /// The latest checkpoint, if it is of a tree of this size: signed, it says the same root.
    checkpoint: Option<String>,
}

impl From<Inclusion> for InclusionShape {
    fn from(proof: Inclusion) -> Self {
        let entry = proof.leaf.entry();
        Self {
            position: proof.leaf.position,
            size: proof.size,
            leaf_hash: Hash::leaf(&entry).to_string(),
            entry: BASE64.encode(entry),
            path: texts(&proof.path),
            root: proof.root.to_string(),
            checkpoint: proof.checkpoint.map(|sealed| sealed.note),
        }
    }
}

/// That the later tree begins with the earlier one. Hashes are SHA-256, in base64.
#[derive(Serialize, ToSchema)]
#[schema(as = ConsistencyProof)]
struct ConsistencyShape {
    from: u64,
    to: u64,
    /// The root of the earlier tree.
    from_root: String,
    /// The root of the later tree.
    to_root: String,
    /// The hashes that both roots are made of, as RFC 6962 orders them.
    path: Vec<String>,
    /// The latest checkpoint, if it is of a tree of the later size.
    checkpoint: Option<String>,
}

impl From<Consistency> for ConsistencyShape {
    fn from(proof: Consistency) -> Self {
        Self {
            from: proof.from,
            to: proof.to,
            from_root: proof.old.to_string(),
            to_root: proof.new.to_string(),
            path: texts(&proof.path),
            checkpoint: proof.checkpoint.map(|sealed| sealed.note),
        }
    }
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}
