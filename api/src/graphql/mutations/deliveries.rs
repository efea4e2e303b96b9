//! Telling a webhook again: one delivery, a test that is no delivery, or all from a place in the log.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject};
use futures::FutureExt;
use interflow_application::{Context as Circumstances, Resource, ResourceRef};
use interflow_domain::workspace::Scope;
use interflow_domain::{DeliveryId, WebhookId};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::CHANGE;
use crate::error::ApiError;
use crate::graphql::change::{Change, named, read};
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::one;
use crate::graphql::scalars::Long;
use crate::graphql::types::delivery::DeliveryAttempt;
use crate::graphql::types::{Delivery, Job};
use crate::rest::v1::jobs::job_of;
use crate::rest::v1::webhooks::deliveries::{Type, succeeded};
use crate::rest::v1::webhooks::replay::Asked;
use crate::time::Timestamp;

/// Which delivery is to be made once more.
#[derive(InputObject)]
pub struct RedeliverInput {
    /// The delivery's id.
    id: ID,
}

/// Which webhook is to be tested, with what.
#[derive(InputObject, Serialize)]
pub struct TestWebhookInput {
    /// The webhook's id.
    #[serde(skip)]
    id: ID,
    /// Of which type the event is to be that is sent, which is the latest of them; of any that it is told of without it.
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// What a webhook is to be told once more.
#[derive(InputObject, Serialize)]
pub struct ReplayWebhookInput {
    /// The webhook's id.
    #[serde(skip)]
    id: ID,
    /// From where on.
    #[serde(serialize_with = "as_from")]
    from: ReplayFromInput,
    /// Up to which position; up to now without it.
    until: Option<Long>,
    /// Whether it is only counted how many deliveries it would be.
    dry_run: Option<bool>,
}

/// From where on a webhook is told once more: one of the three.
#[derive(OneofObject)]
pub enum ReplayFromInput {
    /// From this position on, from 1.
    Position(Long),
    /// From the first event at this time or later.
    Time(Timestamp),
    /// What failed alone; `true`.
    Failed(bool),
}

fn as_from<S: Serializer>(from: &ReplayFromInput, serializer: S) -> Result<S::Ok, S::Error> {
    match from {
        ReplayFromInput::Position(position) => json!({"position": position}),
        ReplayFromInput::Time(time) => json!({"time": time}),
        ReplayFromInput::Failed(failed) => json!({"failed": failed}),
    }
    .serialize(serializer)
}

/// What became of a delivery.
#[derive(SimpleObject)]
pub struct DeliveryPayload {
    /// The delivery as it is now.
    delivery: Delivery,
}

/// What was sent as a test, and what came of it. It is no delivery, and nothing is kept of it.
#[derive(SimpleObject)]
pub struct TestPayload {
    /// The event's type, by the name of the webhook's format.
    #[graphql(name = "type")]
    kind: String,
    /// The event's place in the log.
    position: Long,
    /// Whether the receiver took it.
    succeeded: bool,
    /// The body that was sent.
    body: String,
    /// What came of it.
    attempt: DeliveryAttempt,
}

/// A replay: a job, or, of a dry run, how many deliveries it would be at most.
#[derive(SimpleObject)]
pub struct ReplayPayload {
    /// The job that makes the deliveries.
    job: Option<Job>,
    /// How many deliveries it would be at most.
    count: Option<Long>,
}

#[derive(Default)]
pub struct DeliveryMutation;

#[Object]
impl DeliveryMutation {
    /// Makes a delivery once more. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn redeliver(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RedeliverInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<DeliveryPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let missing = || ApiError::no_such(Resource::Delivery);
            let id: DeliveryId = input.id.parse().map_err(|_| missing())?;
            let webhook = one(context, id).await?.ok_or_else(missing)?.webhook;
            let again = |circumstances: Circumstances| {
                let dispatcher = change.app.webhooks.dispatcher.clone();
                async move { dispatcher.redeliver(&circumstances, webhook, id).await }.boxed()
            };
            change.call.again(again).await?;
            change.call.note(ResourceRef::Webhook(webhook)).await?;
            let delivery = one(context, id).await?.ok_or_else(missing)?;
            Ok(Some(DeliveryPayload { delivery: delivery.into() }))
        })
        .await
    }

    /// Sends a webhook an event that happened, and shows the answer. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn test_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, with what.")] input: TestWebhookInput,
        #[graphql(desc = "A repetition with the same key is known for one.")] idempotency_key: Option<String>,
    ) -> Told<TestPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let webhook = named::<WebhookId>(&input.id)?;
            let Type { name } = read(&input)?;
            let test = |circumstances: Circumstances| {
                let (dispatcher, name) = (change.app.webhooks.dispatcher.clone(), name.clone());
                async move { dispatcher.test(&circumstances, webhook, name.as_deref()).await }.boxed()
            };
            let tested = change.call.again(test).await?;
            change.call.note(ResourceRef::Webhook(webhook)).await?;
            Ok(Some(TestPayload {
                kind: tested.event_type.to_owned(),
                position: Long(tested.position),
                succeeded: succeeded(&tested.attempt.outcome),
                body: tested.body,
                attempt: tested.attempt.into(),
            }))
        })
        .await
    }

    /// Tells a webhook once more what happened since, as a job; or counts it. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn replay_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and what.")] input: ReplayWebhookInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ReplayPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let webhook = named::<WebhookId>(&input.id)?;
            let Asked { from, until, dry_run } = read(&input)?;
            one(context, webhook).await?.ok_or_else(|| ApiError::no_such(Resource::Webhook))?;
            let dispatcher = &change.app.webhooks.dispatcher;
            if dry_run {
                let count = |circumstances: Circumstances| {
                    let dispatcher = dispatcher.clone();
                    async move { dispatcher.count_replay(&circumstances, webhook, from, until).await }.boxed()
                };
                let count = change.call.again(count).await?;
                change.call.note(ResourceRef::Webhook(webhook)).await?;
                return Ok(Some(ReplayPayload { job: None, count: Some(Long(count)) }));
            }
            let replay = dispatcher.replay(&change.call.context, webhook, from, until);
            let job = change.call.once(job_of, replay).await?;
            dispatcher.wake();
            let job = one(context, job).await?.ok_or_else(|| ApiError::no_such(Resource::Job))?;
            Ok(Some(ReplayPayload { job: Some(job.into()), count: None }))
        })
        .await
    }
}
