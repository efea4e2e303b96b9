//! What a use case may answer instead of a result. The edge decides statuses and codes from it, in one file.

use interflow_domain::chat::ChatError;
use interflow_domain::checkpoint::CheckpointError;
use interflow_domain::customer::CustomerError;
use interflow_domain::instance::InstanceError;
use interflow_domain::job::JobError;
use interflow_domain::message::MessageError;
use interflow_domain::webhook::WebhookError;
use interflow_domain::workspace::WorkspaceError;

use crate::RecordedCommand;
use crate::log::LogError;
use crate::whatsapp::EngineError;

/// What a caller may have named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A channel, also called instance.
    Channel,
    /// A customer.
    Customer,
    /// A chat.
    Chat,
    /// A message.
    Message,
    /// A job.
    Job,
    /// A workspace.
    Workspace,
    /// An API key.
    Key,
    /// A webhook endpoint.
    Webhook,
    /// A delivery to a webhook endpoint.
    Delivery,
    /// A type of event that endpoints are told of.
    EventType,
    /// A request that events go back to.
    Correlation,
    /// A checkpoint of a log's tree.
    Checkpoint,
    /// A tile of a log's tree.
    Tile,
}

impl Resource {
    /// The resource's name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Customer => "customer",
            Self::Chat => "chat",
            Self::Message => "message",
            Self::Job => "job",
            Self::Workspace => "workspace",
            Self::Key => "key",
            Self::Webhook => "webhook",
            Self::Delivery => "delivery",
            Self::EventType => "type of event",
            Self::Correlation => "event of such a request",
            Self::Checkpoint => "checkpoint",
            Self::Tile => "tile",
        }
    }
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Which, as the caller wrote it.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// A field that breaks a rule.
    pub fn new(field: impl Into<String>, message: impl ToString) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

/// What a use case may answer instead of a result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked breaks a rule of its form.
    #[error("{message}")]
    Invalid {
        /// The first of them, for people.
        message: String,
        /// Every field that is wrong.
        fields: Vec<FieldError>,
    },
    /// There is none, or none in this workspace.
    #[error("there is no such {}", .0.name())]
    NotFound(Resource),
    /// The rules do not allow it in the present state.
    #[error("{0}")]
    Conflict(String),
    /// The caller may not, whatever the state.
    #[error("{0}")]
    Forbidden(String),
    /// The `If-Match` version is not the present one.
    #[error("the resource has changed: its version is {current}")]
    PreconditionFailed {
        /// The present version.
        current: u64,
    },
    /// A send on a channel that is logged out or was never paired.
    #[error("the channel is not connected to WhatsApp: connect it and scan its QR first")]
    ChannelNotConnected,
    /// No WhatsApp account has the number.
    #[error("the number is not on WhatsApp")]
    NumberNotOnWhatsApp,
    /// The same idempotency key was carried out before.
    #[error("the command was carried out before")]
    Repeated(Box<RecordedCommand>),
    /// Another server process owns the channel now; this one must let go of it.
    #[error("the channel moved to another server")]
    Fenced,
    /// The caller must come back later.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A rule about one field.
    pub fn field(field: &str, message: impl ToString) -> Self {
        let message = message.to_string();
        Self::Invalid {
            message: format!("The '{field}' field {message}"),
            fields: vec![FieldError::new(field, message)],
        }
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable(source) => {
                tracing::error!(error = %source, "the event log is not available");
                Self::Unavailable("the server cannot reach its database right now".to_owned())
            }
            LogError::Corrupt(what) => Self::Internal(what),
        }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotConnected => Self::ChannelNotConnected,
            EngineError::Fenced => Self::Fenced,
            EngineError::Refused(_) => Self::Conflict(error.to_string()),
            EngineError::Failed(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<InstanceError> for Error {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::NotRegistered | InstanceError::Deleted => Self::NotFound(Resource::Channel),
            InstanceError::AlreadyRegistered | InstanceError::NotPairing | InstanceError::NotLinked => {
                Self::Conflict(error.to_string())
            }
        }
    }
}

impl From<CheckpointError> for Error {
    fn from(error: CheckpointError) -> Self {
        match error {}
    }
}

impl From<CustomerError> for Error {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::NotCreated | CustomerError::Deleted | CustomerError::Erased => {
                Self::NotFound(Resource::Customer)
            }
            CustomerError::AlreadyCreated => Self::Conflict(error.to_string()),
            // The reference prints this very answer for a customer with neither.
            CustomerError::NoIdentity => Self::Invalid {
                message: "The 'email' field is required".to_owned(),
                fields: vec![FieldError::new("email", "Required field")],
            },
            CustomerError::TooManyTags => Self::field("tags", "holds more than 50 tags"),
            CustomerError::AttributesTooLarge => {
                Self::field("attributes", "is larger than 16 KiB of JSON, or nested deeper than 32 levels")
            }
        }
    }
}

impl From<ChatError> for Error {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::NotOpened => Self::NotFound(Resource::Chat),
            ChatError::AlreadyOpened | ChatError::Closed => Self::Conflict(error.to_string()),
        }
    }
}

impl From<MessageError> for Error {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NotFound => Self::NotFound(Resource::Message),
            MessageError::AlreadyQueued | MessageError::NotOutbound => Self::Conflict(error.to_string()),
        }
    }
}

impl From<WebhookError> for Error {
    fn from(error: WebhookError) -> Self {
        use WebhookError as E;

        match error {
            E::NotCreated | E::Deleted => Self::NotFound(Resource::Webhook),
            E::TooManyEvents => Self::field("events", "holds more than 50 patterns"),
            E::TooManyChannels => Self::field("channels", "holds more than 100 channels"),
            E::TooManyHeaders => Self::field("headers", "holds more than 20 headers"),
            E::ByEventsNeedsEvolution => Self::field("by_events", "needs the format 'evolution'"),
            E::FormatIsFixed => Self::field("format", "cannot be changed: create another webhook"),
            E::OverlapInThePast => Self::field("overlap_until", "lies in the past"),
            E::SecretInUse => Self::field("secret", "is, or was, this webhook's already"),
            E::AlreadyCreated | E::Disabled | E::TooManySecrets => Self::Conflict(error.to_string()),
        }
    }
}

impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        match error {
            JobError::NotCreated => Self::NotFound(Resource::Job),
            JobError::AlreadyCreated | JobError::Closed | JobError::StillOpen | JobError::Ended => {
                Self::Conflict(error.to_string())
            }
        }
    }
}

impl From<WorkspaceError> for Error {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::NotCreated => Self::NotFound(Resource::Workspace),
            WorkspaceError::UnknownKey(_) => Self::NotFound(Resource::Key),
            WorkspaceError::NoScopes => Self::field("scopes", "needs at least one scope"),
            WorkspaceError::BeyondAsker(scopes) => {
                let names: Vec<_> =
                    scopes.iter().filter_map(|scope| serde_json::to_value(scope).ok()).collect();
                let names: Vec<_> = names.iter().filter_map(serde_json::Value::as_str).collect();
                Self::Forbidden(format!(
                    "the API key that asks does not have the scopes {} itself",
                    names.join(", ")
                ))
            }
            WorkspaceError::GovernsElsewhere => Self::field("scopes", error),
            WorkspaceError::AlreadyCreated
            | WorkspaceError::KeyAlreadyIssued
            | WorkspaceError::EnvironmentKey
            | WorkspaceError::Expired
            | WorkspaceError::LastManager
            | WorkspaceError::HomeWorkspace => Self::Conflict(error.to_string()),
        }
    }
}
