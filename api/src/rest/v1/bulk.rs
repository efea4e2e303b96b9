//! `POST /v1/messages/bulk`: many messages in one call. Each is judged by itself, and becomes a message of the job that
//! the call is answered with.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use interflow_application::{BulkItem, ChannelRef};
use interflow_domain::message::Content;
use interflow_domain::workspace::Scope;
use interflow_domain::{JobId, MessageId, PhoneNumber};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::jobs::job_of;
use super::messages;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Body, Call, Form, FromForm};
use crate::openapi::{bodies, values};
use crate::router::Guard;
use crate::state::App;

/// Most messages in a call.
const MOST: usize = 1_000;
/// Largest body: some 2,000 bytes for each message of a full call.
const BODY_LIMIT: usize = 2 * 1024 * 1024;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let guard = guard.taking(BODY_LIMIT);
    Router::new().route("/messages/bulk", guard.writes(Scope::MessagesWrite, post(send)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(send))]
pub(super) struct Doc;

#[utoipa::path(
    post,
    path = "/v1/messages/bulk",
    tag = "Messages",
    operation_id = "sendMessages",
    summary = "Send many messages",
    description = "Each is judged by itself, and what is accepted becomes a message of a job, sent at the channel's pace.",
    request_body = bodies::BulkDraft,
    responses((status = 202, body = Shape), (status = 404)),
    security(("key" = ["messages:write"]))
)]
async fn send(State(app): State<App>, call: Call, Body(bulk): Body<Bulk>) -> Result<Response, ApiError> {
    let total = bulk.total;
    let posted = post_bulk(&app, &call, bulk).await?;
    Ok(envelope::accepted(format!("/v1/jobs/{}", posted.job), Shape::new(posted, total)))
}

/// What became of a bulk: its job, and of each message, in their order, its id or why there is none.
pub(crate) struct Posted {
    pub(crate) job: JobId,
    pub(crate) items: Vec<(u16, Result<MessageId, ApiError>)>,
}

/// Queues a bulk, or what the same command had not queued when it broke off.
pub(crate) async fn post_bulk(app: &App, call: &Call, bulk: Bulk) -> Result<Posted, ApiError> {
    let Bulk { channel, total, items, refused } = bulk;
    let job = call.once(job_of, app.gateway.open_bulk(&call.context, &channel, total)).await?;
    let patience = app.settings.send_deadline;
    let queued = app.gateway.queue_bulk(&call.context, job, items, patience).await?;
    let queued = queued.into_iter().map(|(index, outcome)| (index, outcome.map_err(ApiError::from)));
    let mut items: Vec<_> =
        queued.chain(refused.into_iter().map(|(index, error)| (index, Err(error)))).collect();
    items.sort_unstable_by_key(|(index, _)| *index);
    Ok(Posted { job, items })
}

/// What is to be sent, as far as it is right.
pub(crate) struct Bulk {
    channel: ChannelRef,
    total: u32,
    items: Vec<BulkItem>,
    refused: Vec<(u16, ApiError)>,
}

impl FromForm for Bulk {
    fn from_form(form: &mut Form) -> Option<Self> {
        let channel = form.required("channel_id");
        let entries = form.list("messages").and_then(|entries| {
            if (1..=MOST).contains(&entries.len()) {
                Some(entries)
            } else {
                form.wrong("messages", format!("must hold 1 to {MOST} messages"))
            }
        });
        let (total, items, refused) = judged(entries?);
        if items.is_empty() {
            tell(form, &refused);
            return None;
        }
        Some(Self { channel: channel?, total, items, refused })
    }
}

/// Each message by itself.
fn judged(entries: Vec<Value>) -> (u32, Vec<BulkItem>, Vec<(u16, ApiError)>) {
    let (mut total, mut items, mut refused) = (0, vec![], vec![]);
    for (index, entry) in (0..).zip(entries) {
        total += 1;
        match Form::read_entry(entry) {
            Ok(Letter { to, content }) => items.push(BulkItem { index, to, content }),
            Err(error) => refused.push((index, error)),
        }
    }
    (total, items, refused)
}

/// Where nothing is right, the call is wrong.
fn tell(form: &mut Form, refused: &[(u16, ApiError)]) {
    for (index, error) in refused {
        for detail in error.details() {
            form.wrong::<()>(&format!("messages[{index}].{}", detail.field), &detail.message);
        }
        if error.details().is_empty() {
            form.wrong::<()>(&format!("messages[{index}]"), "must be an object");
        }
    }
}

/// `{"to","type","content"}`.
struct Letter {
    to: PhoneNumber,
    content: Content,
}

impl FromForm for Letter {
    fn from_form(form: &mut Form) -> Option<Self> {
        let to = form.required("to");
        let content = messages::content(form);
        Some(Self { to: to?, content: content? })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Bulk)]
struct Shape {
    #[schema(value_type = values::JobId)]
    id: JobId,
    total: u32,
    accepted: usize,
    items: Vec<Item>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BulkItem)]
struct Item {
    index: u16,
    #[serde(flatten)]
    outcome: Outcome,
}

/// One or the other.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkOutcome)]
#[serde(untagged)]
enum Outcome {
    Accepted {
        #[schema(value_type = values::MessageId)]
        id: MessageId,
    },
    Refused {
        error: ApiError,
    },
}

impl Shape {
    fn new(posted: Posted, total: u32) -> Self {
        let Posted { job: id, items } = posted;
        let accepted = items.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        let item = |(index, outcome): (u16, Result<MessageId, ApiError>)| {
            let outcome =
                outcome.map_or_else(|error| Outcome::Refused { error }, |id| Outcome::Accepted { id });
            Item { index, outcome }
        };
        let items = items.into_iter().map(item).collect();
        Self { id, total, accepted, items }
    }
}
