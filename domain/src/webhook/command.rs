use chrono::{DateTime, Utc};

use super::{DisableReason, Origin, PausedBy, Secret, SettingsDraft, StartFrom};
use crate::WebhookId;

/// What may be asked of a webhook, by people and by the part of the server that delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookCommand {
    /// Make it, active.
    CreateWebhook {
        /// Its id.
        webhook_id: WebhookId,
        /// What it is to be.
        settings: SettingsDraft,
        /// What its deliveries are signed with; says the scheme as well.
        secret: Secret,
        /// Where in the log it starts.
        start_from: StartFrom,
        /// Where it came from.
        origin: Origin,
    },
    /// Replace its settings. Does nothing when nothing differs. The format stays.
    UpdateWebhook {
        /// What it is to be.
        settings: SettingsDraft,
    },
    /// Deliver nothing until it is resumed. A pause by its owner outranks one for the backlog.
    PauseWebhook {
        /// Who pauses it.
        by: PausedBy,
    },
    /// Go on where it stopped, whoever paused it.
    ResumeWebhook,
    /// Go on where it stopped, if it was paused for the backlog and for nothing else.
    RecordBacklogCleared,
    /// Deliver nothing until its owner enables it.
    DisableWebhook {
        /// Why.
        reason: DisableReason,
    },
    /// Go on where it stopped when it was disabled.
    EnableWebhook,
    /// Sign with this secret from now on, and with the one before it until the overlap ends.
    RotateSecret {
        /// The new secret. Its scheme becomes the webhook's.
        secret: Secret,
        /// Now.
        at: DateTime<Utc>,
        /// Until when the secret before it signs as well; not before `at`.
        overlap_until: DateTime<Utc>,
    },
    /// Delete it.
    DeleteWebhook,
}
