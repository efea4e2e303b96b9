use chrono::{DateTime, Utc};
use interflow_domain::WebhookId;
use interflow_domain::webhook::{PausedBy, WebhookEvent};

use super::Portrait;
use crate::log::{Event, RecordedEvent};

/// A webhook at a moment, without its address and secrets: another endpoint is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPortrait {
    /// Its id.
    pub id: WebhookId,
    /// What it is for.
    pub description: Option<String>,
    /// How it stood.
    pub status: EndpointStatus,
    /// Why it does not deliver, where it does not.
    pub reason: Option<&'static str>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its latest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// How many events it had.
    pub version: u64,
}

/// How a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It is told what happens.
    Active,
    /// It waits to be resumed.
    Paused,
    /// It waits to be enabled.
    Disabled,
    /// It is gone.
    Deleted,
}

impl Portrait for EndpointPortrait {
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent) {
        use WebhookEvent as E;

        let Event::Webhook(event) = &recorded.event else { return };
        if let E::WebhookCreated { webhook_id, settings, .. } = event {
            *portrait = Some(Self {
                id: *webhook_id,
                description: settings.description.as_ref().map(ToString::to_string),
                status: EndpointStatus::Active,
                reason: None,
                created_at: recorded.recorded_at,
                updated_at: recorded.recorded_at,
                version: recorded.version,
            });
        }
        let Some(endpoint) = portrait else { return };
        let stands = match event {
            E::WebhookCreated { .. } | E::SecretRotated { .. } => (endpoint.status, endpoint.reason),
            E::WebhookUpdated { settings } => {
                endpoint.description = settings.description.as_ref().map(ToString::to_string);
                (endpoint.status, endpoint.reason)
            }
            E::WebhookPaused { by: PausedBy::Caller } => (EndpointStatus::Paused, Some("caller")),
            E::WebhookPaused { by: PausedBy::Backlog } => (EndpointStatus::Paused, Some("backlog")),
            E::WebhookDisabled { reason } => (EndpointStatus::Disabled, Some(reason.name())),
            E::WebhookResumed {} | E::WebhookEnabled {} => (EndpointStatus::Active, None),
            E::WebhookDeleted {} => (EndpointStatus::Deleted, None),
        };
        (endpoint.status, endpoint.reason) = stands;
        endpoint.updated_at = recorded.recorded_at;
        endpoint.version = recorded.version;
    }
}
