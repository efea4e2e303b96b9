use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{KeyOrigin, MessageRetention, Plan, Scope};
use crate::{DisplayName, KeyId, Reason, WorkspaceId, WorkspaceSlug};

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
    /// Call it otherwise.
    RenameWorkspace {
        /// What people call it; nothing but its slug when none.
        name: Option<DisplayName>,
    },
    /// Refuse its callers from now on.
    SuspendWorkspace {
        /// Why.
        reason: Option<Reason>,
    },
    /// Serve its callers again.
    ResumeWorkspace,
    /// Keep the contents of messages for another time.
    ChangeRetention {
        /// For so many days; for ever when none.
        message_days: Option<MessageRetention>,
    },
    /// Note that contents of messages were forgotten.
    RecordMessagesExpired {
        /// They were recorded before this day.
        before: NaiveDate,
        /// How many data keys were destroyed; none says that there is nothing to note.
        data_keys: u64,
        /// How many messages lost their contents.
        messages: u64,
        /// How many attempts at deliveries lost what was answered.
        webhook_attempts: u64,
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
        /// What of the secret may be shown, to tell keys apart.
        prefix: Option<String>,
        /// When it stops working.
        expires_at: Option<DateTime<Utc>>,
        /// Where it came from. A key from the environment replaces the one before it.
        origin: KeyOrigin,
        /// The key that asks; the operator when none.
        issued_by: Option<KeyId>,
    },
    /// Give an API key another secret.
    RotateKey {
        /// The key's id.
        key_id: KeyId,
        /// SHA-256 of the new secret, in hexadecimal.
        secret_sha256: String,
        /// What of the new secret may be shown.
        prefix: Option<String>,
        /// Now.
        at: DateTime<Utc>,
        /// How long the old secret goes on working.
        overlap: TimeDelta,
        /// The key that asks; the operator when none.
        rotated_by: Option<KeyId>,
    },
    /// Stop an API key from working.
    RevokeKey {
        /// The key's id.
        key_id: KeyId,
        /// Now.
        at: DateTime<Utc>,
    },
}
