//! A workspace is a tenant: its plan and its API keys.
//!
//! It is created once, with a plan. Keys are issued and revoked; a key's secret is shown to its owner once and known
//! here only by its hash. A key that comes from the server's environment replaces the one that came from there before.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use aggregate::{Key, Workspace};
pub use command::WorkspaceCommand;
pub use error::WorkspaceError;
pub use event::WorkspaceEvent;

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
