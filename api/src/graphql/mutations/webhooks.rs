//! Changes of webhooks, and telling them again.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use interflow_application::{DeleteWebhook, PauseWebhook, Resource, ResumeWebhook, UseCase};
use interflow_domain::WebhookId;
use interflow_domain::webhook::{PausedBy, Secret, Signing};
use interflow_domain::workspace::Scope;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::CHANGE;
use super::payloads::DeletedPayload;
use crate::error::ApiError;
use crate::graphql::change::{Change, named, read, version};
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::one;
use crate::graphql::scalars::Long;
use crate::graphql::types::Webhook;
use crate::graphql::types::webhook::{WebhookFormat, WebhookSigning};
use crate::rest::v1::webhooks::draft::{Change as Changed, Draft, Overlap, Unjudged};
use crate::rest::v1::webhooks::{make, renew, update, webhook_of};
use crate::time::Timestamp;

/// A webhook that is to be.
#[derive(InputObject, Serialize)]
pub struct CreateWebhookInput {
    /// Where it is to be told.
    url: String,
    /// What people say of it.
    description: Option<String>,
    /// What its bodies are to look like: `STANDARD` when it is left out.
    format: Option<WebhookFormat>,
    /// The version of the bodies' schema: the latest when it is left out.
    schema_version: Option<i32>,
    /// What it is to be told of, such as `message.*`; all of it when it is left out.
    events: Option<Vec<String>>,
    /// The channels that it is to be told of, by their ids or names; all when it is left out.
    channels: Option<Vec<ID>>,
    /// How its bodies are to be signed: `HMAC` when it is left out.
    signing: Option<WebhookSigning>,
    /// Headers of its own, 20 at most.
    #[serde(serialize_with = "as_object")]
    headers: Option<Vec<HeaderInput>>,
    /// How many deliveries a second it is to get at most: 1 to 1,000.
    rate_limit: Option<i32>,
    /// The waits before each attempt, in seconds: 1 to 20 of them.
    schedule: Option<Vec<i32>>,
    /// Whether the type of the event is added to the address (format `EVOLUTION`).
    by_events: Option<bool>,
    /// From where in the log it is to be told: from now on when it is left out.
    #[serde(serialize_with = "as_start")]
    start_from: Option<WebhookStartInput>,
}

/// What is to change of a webhook: what is left out stays, null is the default again.
#[derive(InputObject, Serialize)]
pub struct UpdateWebhookInput {
    /// The webhook's id.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the webhook has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// Where it is to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What people say of it.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    description: MaybeUndefined<String>,
    /// The version of the bodies' schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_version: Option<i32>,
    /// What it is to be told of.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    events: MaybeUndefined<Vec<String>>,
    /// The channels that it is to be told of, by their ids or names.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    channels: MaybeUndefined<Vec<ID>>,
    /// Headers of its own; all of them are replaced.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined", serialize_with = "as_object_or_null")]
    headers: MaybeUndefined<Vec<HeaderInput>>,
    /// How many deliveries a second it is to get at most.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    rate_limit: MaybeUndefined<i32>,
    /// The waits before each attempt, in seconds.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    schedule: MaybeUndefined<Vec<i32>>,
    /// Whether the type of the event is added to the address (format `EVOLUTION`).
    #[serde(skip_serializing_if = "Option::is_none")]
    by_events: Option<bool>,
}

/// A header of a webhook's own.
#[derive(InputObject)]
pub struct HeaderInput {
    /// Its name.
    name: String,
    /// Its value, which is shown to nobody again.
    value: String,
}

/// From where in the log: one of the two.
#[derive(async_graphql::OneofObject)]
pub enum WebhookStartInput {
    /// From this position on, from 1.
    Position(Long),
    /// From this time on.
    Time(Timestamp),
}

/// Headers as REST has them, an object.
fn as_object<S: Serializer>(headers: &Option<Vec<HeaderInput>>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(headers) = headers else { return serializer.serialize_none() };
    let mut object = serializer.serialize_map(Some(headers.len()))?;
    for HeaderInput { name, value } in headers {
        object.serialize_entry(name, value)?;
    }
    object.end()
}

fn as_object_or_null<S: Serializer>(
    headers: &MaybeUndefined<Vec<HeaderInput>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match headers {
        MaybeUndefined::Value(headers) => {
            let fields = headers.iter().map(|header| (header.name.clone(), header.value.clone().into()));
            serde_json::Value::Object(fields.collect()).serialize(serializer)
        }
        _ => serializer.serialize_none(),
    }
}

/// A start as REST has it.
fn as_start<S: Serializer>(start: &Option<WebhookStartInput>, serializer: S) -> Result<S::Ok, S::Error> {
    match start {
        None => serializer.serialize_none(),
        Some(WebhookStartInput::Position(position)) => json!({"position": position}).serialize(serializer),
        Some(WebhookStartInput::Time(time)) => json!({"time": time}).serialize(serializer),
    }
}

/// Which webhook.
#[derive(InputObject)]
pub struct WebhookInput {
    /// The webhook's id.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the webhook has another version.
    expected_version: Option<Long>,
}

/// Which webhook is to get another secret.
#[derive(InputObject, Serialize)]
pub struct RotateWebhookSecretInput {
    /// The webhook's id.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the webhook has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// How long the secret before signs as well, in seconds.
    overlap_seconds: Option<i32>,
}

/// What became of a webhook.
#[derive(SimpleObject)]
pub struct WebhookPayload {
    /// The webhook as it is now.
    webhook: Webhook,
}

/// A webhook with its secret, which is shown here and nowhere else.
#[derive(SimpleObject)]
pub struct WebhookSecretPayload {
    /// The webhook as it is now.
    webhook: Webhook,
    /// What its receiver verifies with; absent with Ed25519, whose receiver has `publicKey`.
    secret: Option<String>,
}

async fn find(context: &Context<'_>, id: WebhookId) -> Result<Webhook, ApiError> {
    one(context, id).await?.ok_or_else(|| ApiError::no_such(Resource::Webhook))
}

async fn with_secret(
    context: &Context<'_>,
    id: WebhookId,
    secret: Option<&Secret>,
) -> Result<Option<WebhookSecretPayload>, ApiError> {
    let secret = secret.filter(|secret| secret.signing() == Signing::Hmac);
    let secret = secret.map(|secret| secret.expose().to_owned());
    Ok(Some(WebhookSecretPayload { webhook: find(context, id).await?, secret }))
}

async fn changed<U: UseCase<Output = WebhookId>>(
    context: &Context<'_>,
    change: &Change<'_>,
    use_case: &U,
) -> Result<Option<WebhookPayload>, ApiError> {
    let id = change.call.run(use_case, webhook_of).await?;
    Ok(Some(WebhookPayload { webhook: find(context, id).await? }))
}

#[derive(Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Creates a webhook. Its secret is in this answer and nowhere else. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn create_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateWebhookInput,
        #[graphql(desc = "A repetition with the same key makes nothing, and gives the same secret.")]
        idempotency_key: Option<String>,
    ) -> Told<WebhookSecretPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, secret) = make(change.app, &change.call, read::<Unjudged<Draft>>(&input)?).await?;
            with_secret(context, id, secret.as_ref()).await
        })
        .await
    }

    /// Changes a webhook. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn update_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateWebhookInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<WebhookPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<WebhookId>(&input.id)?;
            let expected = version(input.expected_version);
            let id =
                update(change.app, &change.call, id, read::<Unjudged<Changed>>(&input)?, expected).await?;
            Ok(Some(WebhookPayload { webhook: find(context, id).await? }))
        })
        .await
    }

    /// Deletes a webhook. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn delete_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: WebhookInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<DeletedPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<WebhookId>(&input.id)?;
            let expected = version(input.expected_version);
            let id = change.call.run(&DeleteWebhook { id, expected }, webhook_of).await?;
            Ok(Some(DeletedPayload::of(id)))
        })
        .await
    }

    /// Pauses a webhook. It misses nothing: it goes on where it stopped. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn pause_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: WebhookInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<WebhookPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<WebhookId>(&input.id)?;
            let expected = version(input.expected_version);
            changed(context, &change, &PauseWebhook { id, by: PausedBy::Caller, expected }).await
        })
        .await
    }

    /// Lets a webhook that is paused or disabled go on: it is told all that happened meanwhile. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn resume_webhook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: WebhookInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<WebhookPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<WebhookId>(&input.id)?;
            let expected = version(input.expected_version);
            let resumed = changed(context, &change, &ResumeWebhook { id, expected }).await;
            change.app.webhooks.dispatcher.wake();
            resumed
        })
        .await
    }

    /// Gives a webhook another secret; the one before signs as well for a while yet. Needs `webhooks:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn rotate_webhook_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RotateWebhookSecretInput,
        #[graphql(desc = "A repetition with the same key changes nothing, and gives the same secret.")]
        idempotency_key: Option<String>,
    ) -> Told<WebhookSecretPayload> {
        needs(context, Scope::WebhooksWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<WebhookId>(&input.id)?;
            let Overlap(overlap) = read(&input)?;
            let expected = version(input.expected_version);
            let secret = renew(change.app, &change.call, id, overlap, expected).await?;
            with_secret(context, id, Some(&secret)).await
        })
        .await
    }
}
