use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{KeyOrigin, Plan, Scope};
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
