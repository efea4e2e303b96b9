//! A delivery: what one endpoint is told of one event, and what became of each attempt to tell it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_domain::{DeliveryId, EventId, WebhookId, WorkspaceId};
use uuid::Uuid;

use crate::log::StreamId;

/// What is told in order: the events of one chat with its messages, or of one aggregate that belongs to no chat.
/// Within a lane a delivery waits until the one before it is settled; lanes do not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub StreamId);

/// A chat's id, or that of an aggregate: `cht_…`, `cus_…`, `ins_…`, `whk_…`.
impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.aggregate_id())
    }
}

/// The place of a delivery among those of its endpoint and lane, given once, when it is materialised. A receiver that
/// sees `previous` of each delivery as the `sequence` of one it has, has missed none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Numbering {
    /// From 1, without a gap.
    pub sequence: u64,
    /// The number before it; absent for the first.
    pub previous: Option<u64>,
}

impl Numbering {
    /// The n-th of its lane, from 1.
    #[must_use]
    pub const fn nth(sequence: u64) -> Self {
        let previous = if sequence > 1 { Some(sequence - 1) } else { None };
        Self { sequence, previous }
    }
}

/// The id of what an endpoint is told of an event, and the value of `webhook-id` in every attempt at it: a function of
/// the two, so that making the delivery again makes the same one.
#[must_use]
pub fn delivery_id(webhook: WebhookId, event: EventId) -> DeliveryId {
    DeliveryId::new(Uuid::new_v5(&webhook.uuid(), event.uuid().as_bytes()))
}

/// What one endpoint is told of one event. There is at most one of each (webhook, event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id: [`delivery_id`].
    pub id: DeliveryId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The endpoint.
    pub webhook: WebhookId,
    /// The event.
    pub event: EventId,
    /// The event's place in the log.
    pub position: u64,
    /// The event's type by the name of the endpoint's format.
    pub event_type: String,
    /// What it is in order with.
    pub lane: Lane,
    /// Its place in that order.
    pub numbering: Numbering,
    /// What became of it.
    pub status: DeliveryStatus,
    /// How many attempts were made, those asked for by hand included.
    pub attempts: u32,
    /// When it was materialised.
    pub created_at: DateTime<Utc>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is still to be told, not before this time.
    Pending {
        /// When the next attempt may begin.
        next_attempt_at: DateTime<Utc>,
    },
    /// The receiver has it.
    Delivered {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// A dead letter: every attempt of the schedule failed. It no longer holds up its lane, and can be replayed.
    Failed {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The receiver said that it does not want it (`webhook-delivery: abort-message`).
    Aborted {
        /// Since when.
        at: DateTime<Utc>,
    },
}

impl DeliveryStatus {
    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
            Self::Aborted { .. } => "aborted",
        }
    }

    /// Whether its lane goes on without it.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending { .. })
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it began: `webhook-timestamp`, but for its fraction.
    pub at: DateTime<Utc>,
    /// Whether somebody asked for it; such attempts are no part of the schedule.
    pub by_hand: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of one POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The answer's status, when one came; also when its body was not read to the end.
    pub status: Option<u16>,
    /// What went wrong before the answer was complete.
    pub error: Option<ErrorClass>,
    /// The answer's headers, in lower case. At most [`Outcome::MAX_HEADERS_BYTES`] in all; what is beyond is dropped.
    pub headers: Vec<(String, String)>,
    /// The beginning of the answer's body, at most [`Outcome::MAX_BODY_BYTES`].
    pub body: Vec<u8>,
    /// How long it took in all.
    pub took: Duration,
}

impl Outcome {
    /// How much of an answer's body is read, in bytes. An answer that is longer is complete all the same.
    pub const MAX_BODY_BYTES: usize = 16 * 1024;
    /// How much of an answer's headers is kept, in bytes.
    pub const MAX_HEADERS_BYTES: usize = 8 * 1024;
    /// How long connecting may take, TLS included.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long everything may take, the answer's body included.
    pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);

    /// An attempt that came to nothing.
    #[must_use]
    pub const fn failed(error: ErrorClass, took: Duration) -> Self {
        Self { status: None, error: Some(error), headers: Vec::new(), body: Vec::new(), took }
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What went wrong with a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The address, or one it resolves to, is where deliveries must not go.
    Blocked,
    /// The name does not resolve.
    Dns,
    /// Nobody listens there, or cannot be reached.
    Connect,
    /// TLS failed: its certificate, most likely.
    Tls,
    /// It took longer than allowed.
    Timeout,
    /// The connection broke off.
    Reset,
    /// What came is not HTTP.
    Protocol,
}

impl ErrorClass {
    /// All there are.
    pub const ALL: [Self; 7] =
        [Self::Blocked, Self::Dns, Self::Connect, Self::Tls, Self::Timeout, Self::Reset, Self::Protocol];

    /// The class's name in the API and in storage.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
        }
    }

    /// The class with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_made_again_is_the_same_one_and_another_endpoints_is_another() {
        let (webhook, event) = (WebhookId::new(Uuid::from_u128(1)), EventId::new(Uuid::from_u128(2)));
        let id = delivery_id(webhook, event);
        assert_eq!(id, delivery_id(webhook, event));
        assert_ne!(id, delivery_id(WebhookId::new(Uuid::from_u128(3)), event));
        assert_ne!(id, delivery_id(webhook, EventId::new(Uuid::from_u128(3))));
        assert!(!id.to_string().contains('.'), "Standard Webhooks signs `id.timestamp.body`");
    }

    #[test]
    fn the_numbers_of_a_lane_form_a_chain() {
        assert_eq!(Numbering::nth(1), Numbering { sequence: 1, previous: None });
        assert_eq!(Numbering::nth(7), Numbering { sequence: 7, previous: Some(6) });
    }

    #[test]
    fn error_classes_are_read_back_from_their_names() {
        for class in ErrorClass::ALL {
            assert_eq!(ErrorClass::parse(class.name()), Some(class));
        }
        assert_eq!(ErrorClass::parse("luck"), None);
    }
}
