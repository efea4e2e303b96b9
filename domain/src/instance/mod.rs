//! An instance is one WhatsApp connection; the Interflow API calls it a channel.
//!
//! Its life: registered (`close`); asked to connect (`connecting`); without a link it pairs: one QR after the other is
//! issued until a phone scans (paired) or all have expired (`close`); with a link it logs in (`open`). A connection
//! that breaks is tried again (`connecting`) or, where that is pointless, not (`close`), and the reason is kept. A
//! device that was unlinked, by us or on the phone, is logged out (`close`, and the next connection pairs anew).
//! Deleted, it is gone; a new instance may take its name. It may be renamed at any time: its id is what names it.
//!
//! A connection that keeps breaking is flapping ([`Stability`]): said once, until it has been stable again.

mod aggregate;
mod command;
mod error;
mod event;
mod phase;
mod stability;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use aggregate::Instance;
pub use command::InstanceCommand;
pub use error::InstanceError;
pub use event::InstanceEvent;
pub use phase::{Account, Phase};
pub use stability::{FLAPPING_DISCONNECTS, FLAPPING_WINDOW, Stability};

/// What the outside is told of an instance's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Not connected and not trying.
    Close,
    /// Pairing, logging in or reconnecting.
    Connecting,
    /// Logged in and able to send.
    Open,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DisconnectReason {
    /// The socket broke or could not be opened.
    ConnectionLost,
    /// The server stopped.
    ServerStopped,
    /// Somebody asked for a restart of the connection.
    RestartRequested,
    /// Another process connected with the same keys.
    Replaced,
    /// WhatsApp bars the account for a time.
    TemporarilyBanned {
        /// WhatsApp's code.
        code: String,
    },
    /// WhatsApp no longer accepts this version of the client.
    ClientOutdated,
    /// WhatsApp refused the login.
    Refused {
        /// WhatsApp's code or text.
        code: String,
    },
}

impl DisconnectReason {
    /// Whether the connection is tried again by itself.
    #[must_use]
    pub const fn is_retried(&self) -> bool {
        !matches!(self, Self::Replaced | Self::ClientOutdated)
    }

    /// Whether it says that something is wrong with the connection; a stop or a restart of ours does not.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        !matches!(self, Self::ServerStopped | Self::RestartRequested)
    }

    /// The reason's name in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ConnectionLost => "connection_lost",
            Self::ServerStopped => "server_stopped",
            Self::RestartRequested => "restart_requested",
            Self::Replaced => "replaced",
            Self::TemporarilyBanned { .. } => "temporarily_banned",
            Self::ClientOutdated => "client_outdated",
            Self::Refused { .. } => "refused",
        }
    }
}

/// Who ended the link between device and account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoggedOutBy {
    /// A caller of our API.
    Api,
    /// The account's owner on the phone, or WhatsApp.
    Phone,
}
