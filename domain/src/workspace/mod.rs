//! A workspace is a tenant: its plan and its API keys.
//!
//! It is created once, with a plan, and may be renamed, suspended and resumed. The first one of a server, by its slug
//! [`HOME_SLUG`], is the home of those who run the server: its keys alone may govern other workspaces, and it is never
//! suspended. It may say after how many days the contents of its messages are forgotten ([`MessageRetention`]), and
//! records what was.
//!
//! Keys are issued, rotated and revoked; a key's secret is shown to its owner once and known here only by its hash.
//! Nobody gets more from a key than the key they ask with may do: none issues scopes that it lacks, nor sees the new
//! secret of one that may do more. After a rotation the old secret goes on working for a while; there are never more
//! than two. The last key that may manage keys is not revoked, so that nobody locks everybody out. A key that comes
//! from the server's environment replaces the one that came from there before.

mod aggregate;
mod command;
mod error;
mod event;
mod retention;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use aggregate::{Key, PreviousSecret, Workspace};
pub use command::WorkspaceCommand;
pub use error::WorkspaceError;
pub use event::WorkspaceEvent;
pub use retention::MessageRetention;

use crate::InvalidValue;

/// The slug of the first workspace of a server.
pub const HOME_SLUG: &str = "default";

/// How much a workspace may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// 60 requests a minute.
    Starter,
    /// 300 requests a minute.
    Professional,
    /// 1,000 requests a minute.
    Enterprise,
    /// No bound: what the first workspace of a fresh server has.
    Unlimited,
}

impl Plan {
    /// Every plan, the smallest first.
    pub const ALL: [Self; 4] = [Self::Starter, Self::Professional, Self::Enterprise, Self::Unlimited];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
            Self::Unlimited => "unlimited",
        }
    }
}

impl FromStr for Plan {
    type Err = InvalidValue;

    fn from_str(name: &str) -> Result<Self, InvalidValue> {
        let plan = Self::ALL.into_iter().find(|plan| plan.name() == name);
        plan.ok_or(InvalidValue("must be starter, professional, enterprise or unlimited"))
    }
}

/// Whether the callers of a workspace are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceStatus {
    /// They are.
    Active,
    /// They are refused.
    Suspended,
}

/// What a key may do. A scope that writes does not imply the one that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Everything in its workspace.
    #[serde(rename = "*")]
    All,
    /// Read customers.
    #[serde(rename = "customers:read")]
    CustomersRead,
    /// Create, change and delete customers.
    #[serde(rename = "customers:write")]
    CustomersWrite,
    /// Erase customers: what cannot be taken back.
    #[serde(rename = "customers:erase")]
    CustomersErase,
    /// Read chats.
    #[serde(rename = "chats:read")]
    ChatsRead,
    /// Open chats.
    #[serde(rename = "chats:write")]
    ChatsWrite,
    /// Read messages.
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// Send messages.
    #[serde(rename = "messages:write")]
    MessagesWrite,
    /// See channels and their state.
    #[serde(rename = "channels:read")]
    ChannelsRead,
    /// Connect, restart, log out and delete channels.
    #[serde(rename = "channels:write")]
    ChannelsWrite,
    /// See API keys, never their secrets.
    #[serde(rename = "keys:read")]
    KeysRead,
    /// Create, rotate and revoke API keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// See every workspace of the server. In the first workspace only.
    #[serde(rename = "workspaces:read")]
    WorkspacesRead,
    /// Create, change, suspend and resume workspaces. In the first workspace only.
    #[serde(rename = "workspaces:write")]
    WorkspacesWrite,
    /// See jobs and how far they are.
    #[serde(rename = "jobs:read")]
    JobsRead,
    /// Cancel jobs.
    #[serde(rename = "jobs:write")]
    JobsWrite,
    /// See webhook endpoints and their deliveries.
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    /// Create, change and delete webhook endpoints.
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    /// Read the public events.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Read the audit trail.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Export the audit trail.
    #[serde(rename = "audit:write")]
    AuditWrite,
}

impl Scope {
    /// Whether it reaches beyond its workspace, and so belongs to keys of the first one alone.
    #[must_use]
    pub const fn governs(self) -> bool {
        matches!(self, Self::WorkspacesRead | Self::WorkspacesWrite)
    }

    /// Whether a key that holds these scopes may do what this one allows.
    #[must_use]
    pub fn is_within<'a>(self, mut held: impl Iterator<Item = &'a Self>) -> bool {
        held.any(|scope| *scope == Self::All || *scope == self)
    }
}

/// Where a key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// Made by the server and shown once.
    Issued,
    /// Given by the operator in the server's environment.
    Environment,
}
