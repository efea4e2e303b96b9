use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{DisableReason, Origin, PausedBy, Secret, Settings, StartFrom};
use crate::{Personal, WebhookId};

/// What happened to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum WebhookEvent {
    /// The endpoint exists and is active.
    #[serde(rename = "webhook.created")]
    WebhookCreated {
        /// Its id.
        webhook_id: WebhookId,
        /// What it is.
        settings: Settings,
        /// What its deliveries are signed with.
        secret: Personal<Secret>,
        /// Where in the log it starts.
        start_from: StartFrom,
        /// Where it came from.
        origin: Origin,
    },
    /// Its settings are now these.
    #[serde(rename = "webhook.updated")]
    WebhookUpdated {
        /// What it is.
        settings: Settings,
    },
    /// It is told nothing for the time being.
    #[serde(rename = "webhook.paused")]
    WebhookPaused {
        /// Who paused it.
        by: PausedBy,
    },
    /// It goes on where it was paused.
    #[serde(rename = "webhook.resumed")]
    WebhookResumed {},
    /// It is told nothing until its owner enables it.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled {
        /// Why.
        reason: DisableReason,
    },
    /// It goes on where it was disabled.
    #[serde(rename = "webhook.enabled")]
    WebhookEnabled {},
    /// It has a new secret; the one before it signs as well until the overlap ends.
    #[serde(rename = "webhook.secret_rotated")]
    SecretRotated {
        /// The new one.
        secret: Personal<Secret>,
        /// When.
        at: DateTime<Utc>,
        /// Until when the one before it signs.
        overlap_until: DateTime<Utc>,
    },
    /// The endpoint is gone; its address is free.
    #[serde(rename = "webhook.deleted")]
    WebhookDeleted {},
}

impl DomainEvent for WebhookEvent {
    fn event_type(&self) -> String {
        match self {
            Self::WebhookCreated { .. } => "webhook.created",
            Self::WebhookUpdated { .. } => "webhook.updated",
            Self::WebhookPaused { .. } => "webhook.paused",
            Self::WebhookResumed {} => "webhook.resumed",
            Self::WebhookDisabled { .. } => "webhook.disabled",
            Self::WebhookEnabled {} => "webhook.enabled",
            Self::SecretRotated { .. } => "webhook.secret_rotated",
            Self::WebhookDeleted {} => "webhook.deleted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
