use chrono::{DateTime, Utc};
use interflow_domain::{ChatId, CustomerId, InstanceId, WorkspaceId};

/// What is in no log: it is told to whoever listens, and is gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Signal {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The channel.
    pub channel: InstanceId,
    /// The customer it is about.
    pub customer: Option<CustomerId>,
    /// The open chat with the customer.
    pub chat: Option<ChatId>,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: SignalKind,
}

/// What a signal tells.
#[derive(Clone, PartialEq, Eq)]
pub enum SignalKind {
    /// What a customer does.
    Activity(Activity),
    /// A QR to scan: a secret, which stays in the process that connects the channel.
    Qr {
        /// The string behind it.
        code: String,
        /// Until when WhatsApp accepts it.
        expires_at: DateTime<Utc>,
    },
}

/// What a customer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Writes a text.
    Typing,
    /// Records a voice message.
    Recording,
    /// Has stopped doing either.
    Paused,
    /// Has WhatsApp open.
    Online,
    /// Has not, since the time that WhatsApp told, if it did: seconds since 1970.
    Offline {
        /// Since when.
        last_seen: Option<i64>,
    },
}

impl Activity {
    /// Its name outside.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typing => "typing",
            Self::Recording => "recording",
            Self::Paused => "paused",
            Self::Online => "online",
            Self::Offline { .. } => "offline",
        }
    }
}

/// A sign of a customer, as processes tell each other: ids alone, the time first, so that signs have an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sign {
    /// When, in milliseconds since 1970.
    pub at_millis: i64,
    /// The channel.
    pub channel: InstanceId,
    /// The customer.
    pub customer: CustomerId,
    /// The open chat with the customer.
    pub chat: Option<ChatId>,
    /// What the customer does.
    pub activity: Activity,
}

impl Sign {
    /// As listeners are told of it.
    #[must_use]
    pub fn signal(self, workspace: WorkspaceId) -> Signal {
        Signal {
            workspace,
            channel: self.channel,
            customer: Some(self.customer),
            chat: self.chat,
            at: DateTime::from_timestamp_millis(self.at_millis).unwrap_or_default(),
            kind: SignalKind::Activity(self.activity),
        }
    }
}

impl std::fmt::Debug for Signal {
    /// Without what it tells, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signal").field("channel", &self.channel).finish_non_exhaustive()
    }
}
