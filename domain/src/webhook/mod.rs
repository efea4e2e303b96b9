//! A webhook is an endpoint of a workspace that is told what happens.
//!
//! It is created active, with an address, a format and a secret, and says where in the log it starts. It is changed as
//! a whole. Its secret is rotated: the old one goes on signing, beside the new one, until the overlap ends. It is
//! paused and resumed, by its owner or because more work lies open than it is allowed; it is disabled by what its
//! receiver answers, or by failing for days, and enabled again by its owner. In neither state it misses anything: it is
//! a cursor on the log, which waits. Deleted, it is gone, and another may have its address.
//!
//! Its address may hold a credential in its path, its headers usually do, and its secret is one: all three are sealed
//! ([`crate::Personal`]) under the webhook's own data key, like personal data.

mod aggregate;
mod command;
mod error;
mod event;
mod settings;
#[cfg(test)]
mod tests;
mod values;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use aggregate::{Phase, Retiring, Webhook};
pub use command::WebhookCommand;
pub use error::WebhookError;
pub use event::WebhookEvent;
pub use settings::{Settings, SettingsDraft};
pub use values::{
    Description, EventPattern, HeaderName, HeaderValue, RateLimit, RetrySchedule, Secret, WebhookUrl,
};

/// What a body looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Standard Webhooks 1.0, with the resources of the Interflow API.
    Standard,
    /// The events of Evolution API v2.
    Evolution,
}

impl Format {
    /// The format's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Evolution => "evolution",
        }
    }
}

/// How a delivery is signed, after Standard Webhooks 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// HMAC-SHA256 with a secret that both sides hold (`whsec_…`).
    Hmac,
    /// Ed25519: we hold the private key (`whsk_…`), the receiver its public half (`whpk_…`).
    Ed25519,
}

impl Signing {
    /// The scheme's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// Where in the log a new endpoint starts. What lies before is never told unless it is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StartFrom {
    /// After the event by which it was created.
    Now,
    /// With the event at this position, from 1; it may lie ahead.
    Position {
        /// The first position that is told.
        position: u64,
    },
    /// With the first event recorded at this time or later.
    Time {
        /// The time.
        at: DateTime<Utc>,
    },
}

/// Where an endpoint came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Made by a caller of the API.
    Api,
    /// Given by the operator in the server's environment. Its address is exempt from the guard of addresses.
    Environment,
}

/// Who paused an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// Its owner.
    Caller,
    /// The server, because too many of its deliveries are open.
    Backlog,
}

/// Why an endpoint was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// Its receiver answered 410 Gone.
    Gone,
    /// Its receiver answered with `webhook-delivery: disable`.
    ReceiversWord,
    /// Nothing got through for five days.
    Failing,
}

impl DisableReason {
    /// The reason's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::ReceiversWord => "receivers_word",
            Self::Failing => "failing",
        }
    }
}
