use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{KeyOrigin, MessageRetention, Plan, Scope};
use crate::{DisplayName, KeyId, Reason, WorkspaceId, WorkspaceSlug};

/// What happened to a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum WorkspaceEvent {
    /// The workspace exists.
    #[serde(rename = "workspace.created")]
    WorkspaceCreated {
        /// Its id.
        workspace_id: WorkspaceId,
        /// Its short name.
        slug: WorkspaceSlug,
        /// How much it may do.
        plan: Plan,
    },
    /// Its plan is another one.
    #[serde(rename = "workspace.plan_changed")]
    WorkspacePlanChanged {
        /// The new plan.
        plan: Plan,
    },
    /// It is called otherwise.
    #[serde(rename = "workspace.renamed")]
    WorkspaceRenamed {
        /// What people call it; nothing but its slug when none.
        name: Option<DisplayName>,
    },
    /// Its callers are refused.
    #[serde(rename = "workspace.suspended")]
    WorkspaceSuspended {
        /// Why.
        reason: Option<Reason>,
    },
    /// Its callers are served again.
    #[serde(rename = "workspace.resumed")]
    WorkspaceResumed {},
    /// The contents of its messages are kept for another time.
    #[serde(rename = "workspace.retention_changed")]
    RetentionChanged {
        /// For so many days; for ever when none.
        message_days: Option<MessageRetention>,
    },
    /// Contents of old messages were forgotten: the certificate of it, one for each part that was done at once.
    #[serde(rename = "workspace.messages_expired")]
    MessagesExpired {
        /// They were recorded before this day (UTC).
        before: NaiveDate,
        /// How many data keys were destroyed, one a customer and month.
        data_keys: u64,
        /// How many messages lost their contents.
        messages: u64,
        /// How many attempts at deliveries about them lost what their receiver answered.
        webhook_attempts: u64,
    },
    /// An API key was issued. The secret is not here, only its hash.
    #[serde(rename = "workspace.key_issued")]
    KeyIssued {
        /// The key's id.
        key_id: KeyId,
        /// What people call it.
        name: DisplayName,
        /// What it may do.
        scopes: Vec<Scope>,
        /// SHA-256 of the secret, in hexadecimal.
        secret_sha256: String,
        /// When it stops working.
        expires_at: Option<DateTime<Utc>>,
        /// Where it came from.
        origin: KeyOrigin,
        /// What of the secret may be shown, to tell keys apart; the first events of this kind did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
    },
    /// An API key has another secret.
    #[serde(rename = "workspace.key_rotated")]
    KeyRotated {
        /// The key's id.
        key_id: KeyId,
        /// SHA-256 of the new secret, in hexadecimal.
        secret_sha256: String,
        /// What of the new secret may be shown.
        prefix: Option<String>,
        /// Until when the secret before it goes on working; one still older has stopped.
        previous_until: DateTime<Utc>,
    },
    /// An API key stopped working.
    #[serde(rename = "workspace.key_revoked")]
    KeyRevoked {
        /// The key's id.
        key_id: KeyId,
    },
}

impl DomainEvent for WorkspaceEvent {
    fn event_type(&self) -> String {
        match self {
            Self::WorkspaceCreated { .. } => "workspace.created",
            Self::WorkspacePlanChanged { .. } => "workspace.plan_changed",
            Self::WorkspaceRenamed { .. } => "workspace.renamed",
            Self::WorkspaceSuspended { .. } => "workspace.suspended",
            Self::WorkspaceResumed {} => "workspace.resumed",
            Self::RetentionChanged { .. } => "workspace.retention_changed",
            Self::MessagesExpired { .. } => "workspace.messages_expired",
            Self::KeyIssued { .. } => "workspace.key_issued",
            Self::KeyRotated { .. } => "workspace.key_rotated",
            Self::KeyRevoked { .. } => "workspace.key_revoked",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
