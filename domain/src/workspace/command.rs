use chrono::{DateTime, Utc};

use super::{KeyOrigin, Plan, Scope};
use crate::{DisplayName, KeyId, WorkspaceId, WorkspaceSlug};

/// What may be asked of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceCommand {
    /// Make it.
    CreateWorkspace {
        /// Its id.
        workspace_id: WorkspaceId,
        /// Its short name.
        slug: WorkspaceSlug,
        /// How much it may do.
        plan: Plan,
    },
    /// Give it another plan.
    ChangePlan {
        /// The new plan.
        plan: Plan,
    },
    /// Issue an API key.
    IssueKey {
        /// The key's id.
        key_id: KeyId,
        /// What people call it.
        name: DisplayName,
        /// What it may do; at least one.
        scopes: Vec<Scope>,
        /// SHA-256 of the secret, in hexadecimal.
        secret_sha256: String,
        /// When it stops working.
        expires_at: Option<DateTime<Utc>>,
        /// Where it came from. A key from the environment replaces the one before it.
        origin: KeyOrigin,
    },
    /// Stop an API key from working.
    RevokeKey {
        /// The key's id.
        key_id: KeyId,
    },
}
