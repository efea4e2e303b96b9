//! An endpoint in answers.

use chrono::{DateTime, Utc};
use interflow_application::webhook::breaker::State;
use interflow_application::webhook::signing;
use interflow_application::webhook::views::{Progress, WebhookView};
use interflow_domain::webhook::{
    EventPattern, Format, HeaderName, Origin, RateLimit, RetrySchedule, Secret, Settings, Signing, StartFrom,
    Webhook,
};
use interflow_domain::{InstanceId, WebhookId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::openapi::{values, webhooks};
use crate::time::Timestamp;

/// An endpoint, but for what is secret of it: of its headers there are the names.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct Shape {
    #[schema(value_type = values::WebhookId)]
    pub(crate) id: WebhookId,
    pub(crate) url: Option<String>,
    pub(crate) description: Option<String>,
    #[schema(schema_with = webhooks::format)]
    pub(crate) format: &'static str,
    pub(crate) schema_version: u16,
    #[schema(value_type = Vec<String>)]
    pub(crate) events: Vec<EventPattern>,
    #[schema(value_type = Vec<values::ChannelId>)]
    pub(crate) channels: Vec<InstanceId>,
    #[schema(schema_with = webhooks::signing)]
    pub(crate) signing: &'static str,
    pub(crate) public_key: Option<String>,
    pub(crate) previous_secret_expires_at: Option<Timestamp>,
    pub(crate) header_names: Vec<String>,
    #[schema(value_type = Option<u16>)]
    pub(crate) rate_limit: Option<RateLimit>,
    #[schema(value_type = Option<Vec<u32>>)]
    pub(crate) schedule: Option<RetrySchedule>,
    pub(crate) by_events: bool,
    #[schema(schema_with = webhooks::start_from)]
    pub(crate) start_from: Start,
    #[schema(schema_with = webhooks::origin)]
    pub(crate) origin: Origin,
    #[schema(schema_with = webhooks::status)]
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) progress: Option<ProgressShape>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) version: u64,
    #[serde(skip)]
    #[schema(ignore)]
    kinds: (Format, Signing),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Start {
    Now,
    Position(u64),
    Time(Timestamp),
}

/// How far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookProgress)]
pub(crate) struct ProgressShape {
    pub(crate) position: u64,
    pub(crate) lag: u64,
    pub(crate) open: u32,
    pub(crate) backed_up: bool,
    #[schema(schema_with = webhooks::breaker)]
    pub(crate) breaker: &'static str,
    pub(crate) failing_since: Option<Timestamp>,
    /// Before when nothing is tried, where the breaker or the receiver asks for that.
    pub(crate) not_before: Option<Timestamp>,
}

impl Shape {
    /// An endpoint as it stands now.
    pub(crate) fn new(view: WebhookView, webhook: &Webhook, now: DateTime<Utc>) -> Result<Self, ApiError> {
        let settings = webhook.settings().ok_or_else(|| ApiError::internal("a webhook has no settings"))?;
        let present = webhook.secrets(now).first().copied();
        let signing = webhook.signing().unwrap_or(Signing::Hmac);
        let public_key = present.filter(|_| signing == Signing::Ed25519).map(signing::verifier);
        let row = view.row;
        Ok(Self {
            id: row.id,
            url: settings.url.get().map(|url| url.expose().to_owned()),
            description: settings.description.as_ref().map(ToString::to_string),
            format: settings.format.name(),
            schema_version: settings.schema_version,
            events: settings.events.iter().cloned().collect(),
            channels: settings.channels.iter().copied().collect(),
            signing: signing.name(),
            public_key: public_key.and_then(Result::ok),
            previous_secret_expires_at: retiring_until(webhook, now),
            header_names: header_names(settings),
            rate_limit: settings.rate_limit,
            schedule: settings.schedule.clone(),
            by_events: settings.by_events,
            start_from: webhook.start_from().map_or(Start::Now, Start::from),
            origin: row.origin,
            status: row.status,
            reason: row.reason,
            progress: view.progress.map(|progress| ProgressShape::new(&progress, now)),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            version: row.version,
            kinds: (settings.format, signing),
        })
    }

    /// What its bodies look like.
    pub(crate) const fn format(&self) -> Format {
        self.kinds.0
    }

    /// How it is signed.
    pub(crate) const fn signing(&self) -> Signing {
        self.kinds.1
    }
}

fn retiring_until(webhook: &Webhook, now: DateTime<Utc>) -> Option<Timestamp> {
    webhook.retiring().iter().map(|retiring| retiring.until).filter(|until| *until > now).max().map(Timestamp)
}

fn header_names(settings: &Settings) -> Vec<String> {
    let headers = settings.headers.as_ref().and_then(|headers| headers.get());
    headers.map(|headers| headers.keys().map(HeaderName::to_string).collect()).unwrap_or_default()
}

impl From<StartFrom> for Start {
    fn from(start: StartFrom) -> Self {
        match start {
            StartFrom::Now => Self::Now,
            StartFrom::Position { position } => Self::Position(position),
            StartFrom::Time { at } => Self::Time(at.into()),
        }
    }
}

impl ProgressShape {
    fn new(progress: &Progress, now: DateTime<Utc>) -> Self {
        let (breaker, opens_at) = match progress.breaker.state() {
            State::Closed => ("closed", None),
            State::Open { until, .. } => ("open", Some(until)),
            State::HalfOpen { .. } => ("half_open", None),
        };
        Self {
            position: progress.position,
            lag: progress.lag(),
            open: progress.open,
            backed_up: progress.is_backed_up(),
            breaker,
            failing_since: progress.breaker.failing_since().map(Timestamp),
            not_before: opens_at.max(progress.throttled_until).filter(|until| *until > now).map(Timestamp),
        }
    }
}

/// An endpoint's answer changes with its deliveries and with time, its version with its own events alone.
impl Versioned for Shape {
    fn tag(&self) -> String {
        format!("{}-{}", self.version, envelope::fingerprint(self))
    }
}

/// An endpoint and what its receiver verifies with: what its owner is shown once. The private key of Ed25519 is shown
/// to nobody: its receiver needs the public one, which is no secret.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    shape: Shape,
    secret: Option<String>,
}

impl WithSecret {
    pub(super) fn new(shape: Shape, secret: Option<&Secret>) -> Self {
        let secret = secret.filter(|secret| secret.signing() == Signing::Hmac);
        Self { shape, secret: secret.map(|secret| secret.expose().to_owned()) }
    }
}

impl Versioned for WithSecret {
    fn tag(&self) -> String {
        self.shape.tag()
    }
}
