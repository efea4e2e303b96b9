//! A delivery, and the attempts at it.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, SimpleObject};
use interflow_application::Error;
use interflow_application::webhook::{Attempt, Delivery as Row, DeliveryStatus as Status, Outcome, Rendered};
use interflow_domain::workspace::Scope;
use interflow_domain::{DeliveryId, WebhookId};
use serde::Serialize;

use super::Webhook;
use crate::graphql::asker::Asker;
use crate::graphql::guard::{Told, needs, told};
use crate::graphql::loaders::{AttemptsAt, Named as _, beside, one};
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// What the body of a delivery costs: it is made again from the log.
const RENDERING: usize = 50;
/// What the attempts at a delivery cost beside their fields.
const ATTEMPTS: usize = 5;

/// What a webhook was told, or is to be told.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Delivery {
    /// Its id.
    pub(super) id: ID,
    /// The id of its webhook.
    webhook_id: ID,
    /// The id of the event.
    event_id: ID,
    /// The event's place in the log.
    position: Long,
    /// The event's type, by the name of the webhook's format.
    #[graphql(name = "type")]
    kind: String,
    /// What it is in order with.
    lane: String,
    /// Its place in that order.
    sequence: Long,
    /// The place of the one before it in that order.
    previous_sequence: Option<Long>,
    /// What became of it.
    status: DeliveryStatus,
    /// When the next attempt may begin, while it is open.
    next_attempt_at: Option<Timestamp>,
    /// When it ended.
    settled_at: Option<Timestamp>,
    /// How many attempts were made.
    attempts: i32,
    /// When it was made.
    created_at: Timestamp,
    #[graphql(skip)]
    ids: (DeliveryId, WebhookId),
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is still to be told.
    Pending,
    /// The receiver has it.
    Delivered,
    /// Every attempt failed; it can be told again.
    Failed,
    /// The receiver said that it does not want it.
    Aborted,
}

/// Which deliveries: those that fit all of it.
#[derive(InputObject, Serialize)]
pub struct DeliveryFilter {
    /// Of which this became.
    status: Option<DeliveryStatus>,
    /// Of this type, by the name of the webhook's format.
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Made later than.
    created_after: Option<Timestamp>,
    /// Made earlier than.
    created_before: Option<Timestamp>,
}

/// What is sent, but for its signature and the webhook's own headers.
#[derive(SimpleObject)]
pub struct DeliveryRequest {
    /// To which address.
    url: String,
    /// With which headers.
    headers: Vec<Header>,
    /// The body.
    body: String,
}

/// A header.
#[derive(SimpleObject)]
pub struct Header {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// What came of an attempt.
#[derive(SimpleObject)]
pub struct DeliveryAttempt {
    /// Its number, from 1.
    number: i32,
    /// When it began.
    at: Timestamp,
    /// Whether somebody asked for it.
    by_hand: bool,
    /// The HTTP status that was answered.
    status: Option<i32>,
    /// Why there is no answer.
    error: Option<String>,
    /// The headers that were answered.
    headers: Vec<Header>,
    /// The beginning of the body that was answered.
    body: String,
    /// How long it took, in milliseconds.
    took_ms: Long,
}

impl From<Attempt> for DeliveryAttempt {
    fn from(attempt: Attempt) -> Self {
        let Outcome { status, error, headers, body, took } = attempt.outcome;
        Self {
            number: attempt.number.cast_signed(),
            at: attempt.at.into(),
            by_hand: attempt.by_hand,
            status: status.map(i32::from),
            error: error.map(|class| class.name().to_owned()),
            headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
            took_ms: Long(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl From<Rendered> for DeliveryRequest {
    fn from(rendered: Rendered) -> Self {
        let Rendered { url, body, headers } = rendered;
        let headers = headers.into_iter().map(|(name, value)| Header { name: name.to_owned(), value });
        Self { url, headers: headers.collect(), body }
    }
}

impl From<Row> for Delivery {
    fn from(delivery: Row) -> Self {
        let (status, next, settled) = match delivery.status {
            Status::Pending { next_attempt_at } => (DeliveryStatus::Pending, Some(next_attempt_at), None),
            Status::Delivered { at } => (DeliveryStatus::Delivered, None, Some(at)),
            Status::Failed { at } => (DeliveryStatus::Failed, None, Some(at)),
            Status::Aborted { at } => (DeliveryStatus::Aborted, None, Some(at)),
        };
        Self {
            id: delivery.id.to_string().into(),
            webhook_id: delivery.webhook.to_string().into(),
            event_id: delivery.event.to_string().into(),
            position: Long(delivery.position),
            kind: delivery.event_type,
            lane: delivery.lane.to_string(),
            sequence: Long(delivery.numbering.sequence),
            previous_sequence: delivery.numbering.previous.map(Long),
            status,
            next_attempt_at: next.map(Timestamp),
            settled_at: settled.map(Timestamp),
            attempts: delivery.attempts.cast_signed(),
            created_at: delivery.created_at.into(),
            ids: (delivery.id, delivery.webhook),
        }
    }
}

#[ComplexObject]
impl Delivery {
    /// Its webhook, unless that is deleted. Needs `webhooks:read`.
    async fn webhook(&self, context: &Context<'_>) -> Told<Webhook> {
        needs(context, Scope::WebhooksRead, async { beside(context, self.ids.1).await }).await
    }

    /// What is sent; absent when nothing is any more, because the webhook's address was erased.
    #[graphql(complexity = "RENDERING + child_complexity")]
    async fn request(&self, context: &Context<'_>) -> Told<DeliveryRequest> {
        told(async {
            let asker = Asker::of(context)?;
            let (delivery, webhook) = self.ids;
            match asker.app.webhooks.dispatcher.preview(&asker.circumstances, webhook, delivery).await {
                Ok(rendered) => {
                    asker.saw(DeliveryId::RESOURCE, Some(delivery.to_string()), 0);
                    Ok(Some(rendered.into()))
                }
                Err(Error::NotFound(_) | Error::Conflict(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The attempts at it that are kept, in order; 100 at most, the latest.
    #[graphql(complexity = "ATTEMPTS + 5 * child_complexity")]
    async fn history(&self, context: &Context<'_>) -> Told<Vec<DeliveryAttempt>> {
        told(async {
            let attempts = one(context, AttemptsAt(self.ids.0)).await?.unwrap_or_default();
            Ok(Some(attempts.into_iter().map(DeliveryAttempt::from).collect()))
        })
        .await
    }
}
