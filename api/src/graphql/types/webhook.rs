//! A webhook.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use futures::future::try_join_all;
use interflow_domain::workspace::Scope;
use interflow_domain::{DeliveryId, InstanceId, WebhookId};

use super::{Channel, Delivery};
use crate::extract::Query;
use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::{page_request, parameters};
use crate::graphql::loaders::{Named as _, beside, one};
use crate::graphql::scalars::Long;
use crate::graphql::types::delivery::DeliveryFilter;
use crate::rest::v1::webhooks::deliveries::delivery_filter;
use crate::rest::v1::webhooks::shape::{ProgressShape, Shape, Start};
use crate::time::Timestamp;

/// An endpoint that is told what happens. What is secret of it is left out: of its headers there are the names.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct Webhook {
    /// Its id.
    pub(super) id: ID,
    /// Where it is told; absent when it was erased.
    url: Option<String>,
    /// What people say of it.
    description: Option<String>,
    /// What its bodies look like.
    format: WebhookFormat,
    /// The version of the bodies' schema.
    schema_version: i32,
    /// What it is told of; all of it when the list is empty.
    events: Vec<String>,
    /// The ids of the channels that it is told of; all when the list is empty.
    channel_ids: Vec<ID>,
    /// How its bodies are signed.
    signing: WebhookSigning,
    /// What its receiver verifies Ed25519 with.
    public_key: Option<String>,
    /// Until when the secret before the last rotation signs as well.
    previous_secret_expires_at: Option<Timestamp>,
    /// The names of its own headers.
    header_names: Vec<String>,
    /// How many deliveries a second it gets at most.
    rate_limit: Option<i32>,
    /// The waits before each attempt, in seconds, where it has a schedule of its own.
    schedule: Option<Vec<i32>>,
    /// Whether the type of the event is added to the address (format `EVOLUTION`).
    by_events: bool,
    /// From where in the log it is told.
    start_from: WebhookStart,
    /// Where it came from.
    origin: WebhookOrigin,
    /// Whether it is told.
    status: WebhookStatus,
    /// Why it is told nothing, where it is not.
    reason: Option<String>,
    /// How far it is; absent before it began.
    progress: Option<WebhookProgress>,
    /// When it was created.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// How many events it has: what `expectedVersion` is compared with.
    version: Long,
    #[graphql(skip)]
    ids: (WebhookId, Vec<InstanceId>),
}

/// What a webhook's bodies look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// Standard Webhooks.
    Standard,
    /// As Evolution API has them.
    Evolution,
}

/// How a webhook's bodies are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookSigning {
    /// HMAC-SHA256, with a secret that both sides have.
    Hmac,
    /// Ed25519: the receiver has the public key alone.
    Ed25519,
}

/// Where a webhook came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "interflow_domain::webhook::Origin")]
pub enum WebhookOrigin {
    /// Made by a call.
    Api,
    /// Given by the operator in the server's environment.
    Environment,
}

/// Whether a webhook is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum WebhookStatus {
    /// It is.
    Active,
    /// It rests, and misses nothing.
    Paused,
    /// It is told nothing any more, until it is resumed.
    Disabled,
}

/// From where in the log a webhook is told; with neither, from when it was created.
#[derive(Clone, SimpleObject)]
pub struct WebhookStart {
    /// From this position on.
    position: Option<Long>,
    /// From this time on.
    time: Option<Timestamp>,
}

/// How far a webhook is.
#[derive(Clone, SimpleObject)]
pub struct WebhookProgress {
    /// Up to which position of the log its deliveries were made.
    position: Long,
    /// How many events of the log are not read for it yet.
    lag: Long,
    /// How many deliveries are open.
    open: i32,
    /// Whether no more deliveries are made until some are settled.
    backed_up: bool,
    /// Whether it is tried.
    breaker: WebhookBreaker,
    /// Since when every attempt fails.
    failing_since: Option<Timestamp>,
    /// Before when nothing is tried, where the breaker or the receiver asks for that.
    not_before: Option<Timestamp>,
}

/// Whether a webhook that fails is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum WebhookBreaker {
    /// It is tried.
    Closed,
    /// It is left alone for a while.
    Open,
    /// One delivery is tried.
    HalfOpen,
}

impl From<ProgressShape> for WebhookProgress {
    fn from(progress: ProgressShape) -> Self {
        Self {
            position: Long(progress.position),
            lag: Long(progress.lag),
            open: progress.open.cast_signed(),
            backed_up: progress.backed_up,
            breaker: match progress.breaker {
                "open" => WebhookBreaker::Open,
                "half_open" => WebhookBreaker::HalfOpen,
                _ => WebhookBreaker::Closed,
            },
            failing_since: progress.failing_since,
            not_before: progress.not_before,
        }
    }
}

impl From<Start> for WebhookStart {
    fn from(start: Start) -> Self {
        match start {
            Start::Now => Self { position: None, time: None },
            Start::Position(position) => Self { position: Some(Long(position)), time: None },
            Start::Time(time) => Self { position: None, time: Some(time) },
        }
    }
}

impl From<Shape> for Webhook {
    fn from(shape: Shape) -> Self {
        let waits = |wait: &u32| wait.cast_signed();
        Self {
            id: shape.id.to_string().into(),
            format: if shape.format == "evolution" {
                WebhookFormat::Evolution
            } else {
                WebhookFormat::Standard
            },
            signing: if shape.signing == "ed25519" { WebhookSigning::Ed25519 } else { WebhookSigning::Hmac },
            status: match shape.status.as_str() {
                "paused" => WebhookStatus::Paused,
                "disabled" => WebhookStatus::Disabled,
                _ => WebhookStatus::Active,
            },
            url: shape.url,
            description: shape.description,
            schema_version: i32::from(shape.schema_version),
            events: shape.events.iter().map(ToString::to_string).collect(),
            channel_ids: shape.channels.iter().map(|id| id.to_string().into()).collect(),
            public_key: shape.public_key,
            previous_secret_expires_at: shape.previous_secret_expires_at,
            header_names: shape.header_names,
            rate_limit: shape.rate_limit.map(|limit| i32::from(limit.per_second())),
            schedule: shape.schedule.map(|schedule| schedule.seconds().iter().map(waits).collect()),
            by_events: shape.by_events,
            start_from: shape.start_from.into(),
            origin: shape.origin.into(),
            reason: shape.reason,
            progress: shape.progress.map(WebhookProgress::from),
            created_at: shape.created_at,
            updated_at: shape.updated_at,
            version: Long(shape.version),
            ids: (shape.id, shape.channels),
        }
    }
}

#[ComplexObject]
impl Webhook {
    /// The channels that it is told of, but for those that are deleted; all when the list is empty. Needs `channels:read`.
    async fn channels(&self, context: &Context<'_>) -> Told<Vec<Channel>> {
        needs(context, Scope::ChannelsRead, async {
            let found = try_join_all(self.ids.1.iter().map(|id| beside(context, *id))).await?;
            Ok(Some(found.into_iter().flatten().map(Channel::from).collect()))
        })
        .await
    }

    /// What it was told, the latest events first. Needs `webhooks:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Which of them; all without it.")] filter: Option<DeliveryFilter>,
    ) -> Told<Connection<Delivery>> {
        needs(context, Scope::WebhooksRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let mut query = Query::of(parameters(filter.as_ref())?);
            let filter = delivery_filter(&mut query);
            query.close()?;
            let reads = &asker.app.webhooks.reads;
            let deliveries = reads.deliveries(asker.workspace(), self.ids.0, &filter, request).await?;
            let page = Connection::of(deliveries, after.is_some(), Delivery::from);
            Ok(Some(asker.shown(DeliveryId::RESOURCE, Some(self.ids.0.to_string()), page)))
        })
        .await
    }

    /// A delivery to it. Needs `webhooks:read`.
    async fn delivery(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Told<Delivery> {
        needs(context, Scope::WebhooksRead, async {
            let Ok(id) = id.parse::<DeliveryId>() else { return Ok(None) };
            let found = one(context, id).await?.filter(|delivery| delivery.webhook == self.ids.0);
            if found.is_some() {
                Asker::of(context)?.saw(DeliveryId::RESOURCE, Some(id.to_string()), 0);
            }
            Ok(found.map(Delivery::from))
        })
        .await
    }
}
