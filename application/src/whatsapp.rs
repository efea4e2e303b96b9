//! The port to WhatsApp. This crate owns it; an engine implements it.
//!
//! Cast:
//! - [`Engine`] opens a [`Session`] for an instance and forgets the keys of one that is deleted.
//! - [`Session`] is one live connection attempt that keeps itself connected until it is stopped or logged out.
//! - [`SessionSink`] is ours: the engine hands it what arrives. Both of its calls are awaited by the engine, and
//!   [`SessionSink::inbound`] **before** WhatsApp is told that the messages were received, so that an inbound
//!   message is either in the event log or delivered again.
//!
//! A session belongs to one node at a time: [`SessionSpec::epoch`] is the fencing epoch of the lease, and every
//! write the engine makes to its key store is conditional on it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::{InstanceId, PhoneNumber, WorkspaceId};

use crate::live::Activity;

/// Opens sessions and forgets keys.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Starts the session of an instance: resumes it when its device is paired, else begins pairing by QR.
    ///
    /// Returns as soon as the session runs; what happens then is told to `sink`, in order.
    async fn open(
        &self,
        spec: SessionSpec,
        sink: Arc<dyn SessionSink>,
    ) -> Result<Arc<dyn Session>, EngineError>;

    /// Whether the instance has the keys of a paired device, which [`Engine::open`] would resume.
    async fn is_paired(&self, spec: SessionSpec) -> Result<bool, EngineError>;

    /// Deletes every key of the instance. Fenced by the epoch like any other write.
    async fn forget(&self, spec: SessionSpec) -> Result<(), EngineError>;

    /// Whether the engine was built to trust the simulated network. The production binary refuses to start if so.
    fn built_for_lab(&self) -> bool;
}

/// Which session, and by what right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSpec {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The instance.
    pub instance: InstanceId,
    /// The fencing epoch of the lease this node holds on the instance.
    pub epoch: i64,
}

/// A running session. Dropping it does not stop it; [`Session::stop`] does.
#[async_trait]
pub trait Session: Send + Sync {
    /// Sends a text and waits for the server's acknowledgement.
    ///
    /// Idempotent by `whatsapp_id`: a repeated call shows one message at the phone.
    async fn send_text(&self, message: OutboundText) -> Result<Acknowledged, SendError>;

    /// Asks for a code that links the device when its owner types it into the phone of this number, instead of
    /// scanning the QR that waits. A code that was asked for before is void.
    async fn pair_code(&self, phone: &PhoneNumber) -> Result<PairCode, EngineError>;

    /// Tells the other side of a one-to-one chat that these messages of it were read.
    async fn mark_read(&self, from: &Party, whatsapp_ids: &[String]) -> Result<(), EngineError>;

    /// Unlinks this device from the account. On success the sink hears [`SessionSignal::LoggedOut`].
    async fn log_out(&self) -> Result<(), EngineError>;

    /// Closes the connection, keeps the keys, and returns when nothing of the session runs any more.
    async fn stop(&self);
}

/// What links a device without a camera.
#[derive(Clone, PartialEq, Eq)]
pub struct PairCode {
    /// Eight letters and digits, to be typed into the phone.
    pub code: String,
    /// How long WhatsApp accepts it.
    pub valid_for: Duration,
}

/// A text to send.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundText {
    /// The WhatsApp id we chose and recorded before this call.
    pub whatsapp_id: String,
    /// The number to send to.
    pub to: PhoneNumber,
    /// The text, at most 65,536 characters.
    pub text: String,
}

/// WhatsApp's server has accepted a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// When the server accepted it, on its clock, where it said so.
    pub at: Option<DateTime<Utc>>,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not connected, or no acknowledgement came: try again with the same id.
    #[error("the message was not acknowledged: {0}")]
    Retry(String),
    /// The number has no WhatsApp account.
    #[error("the number is not on WhatsApp")]
    NotOnWhatsApp,
    /// WhatsApp refused the message for good.
    #[error("WhatsApp refused the message: {0}")]
    Refused(String),
}

/// What the engine could not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The lease is no longer ours: another node owns the instance.
    #[error("the lease on the instance was lost to another node")]
    Fenced,
    /// Not connected, so WhatsApp could not be told.
    #[error("the session is not connected")]
    NotConnected,
    /// WhatsApp, or the engine on its behalf, does not do what was asked.
    #[error("WhatsApp refused: {0}")]
    Refused(String),
    /// The key store or the network failed.
    #[error("the WhatsApp engine failed: {0}")]
    Failed(String),
}

/// Where a session puts what arrives.
#[async_trait]
pub trait SessionSink: Send + Sync {
    /// Makes a batch durable. WhatsApp is told that the messages were received only after `Ok`.
    async fn inbound(&self, messages: Vec<InboundMessage>) -> Result<(), SinkError>;

    /// A change of the connection, or a receipt. Called one at a time, in order.
    async fn signal(&self, signal: SessionSignal) -> Result<(), SinkError>;
}

/// The sink could not make it durable; the engine must not acknowledge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not durable: {0}")]
pub struct SinkError(pub String);

/// A party of a conversation, by every name WhatsApp gave for it: at least one is present.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The phone number, where WhatsApp told it.
    pub phone: Option<PhoneNumber>,
    /// The user part of the LID (WhatsApp's number-hiding identity), where WhatsApp told it.
    pub lid: Option<String>,
}

/// A message that came in a one-to-one chat, decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundMessage {
    /// WhatsApp's id, unique per (instance, chat, sender).
    pub whatsapp_id: String,
    /// The other side of the conversation.
    pub party: Party,
    /// Whether the account itself wrote it, on its phone or another linked device.
    pub from_me: bool,
    /// The name the sender shows.
    pub push_name: Option<String>,
    /// When WhatsApp's server took it.
    pub sent_at: DateTime<Utc>,
    /// What it says.
    pub content: InboundContent,
}

/// The content of an inbound message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboundContent {
    /// A text.
    Text(String),
    /// A kind this version does not carry yet (`image`, `audio` …): recorded as having come, so nothing vanishes.
    Unsupported {
        /// The kind, as WhatsApp's protocol names it.
        kind: String,
    },
}

/// What a session tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionSignal {
    /// A QR to show. A newer one replaces it.
    QrIssued {
        /// The string behind the QR; begins with `2@`.
        code: String,
        /// How long WhatsApp accepts it.
        valid_for: Duration,
    },
    /// Nobody scanned any of the QRs; the session has ended.
    QrExhausted,
    /// The phone scanned and the device is linked; a reconnect follows by itself.
    Paired {
        /// The account.
        account: Party,
    },
    /// Logged in and able to send.
    Connected {
        /// The account.
        account: Party,
        /// The name the account shows.
        push_name: Option<String>,
    },
    /// The connection is gone; the session reconnects by itself unless the reason says otherwise.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
    },
    /// The device is no longer linked; its keys are useless and the session has ended.
    LoggedOut {
        /// Who unlinked it.
        by: LoggedOutBy,
    },
    /// Receipts for messages we sent.
    Receipts {
        /// The WhatsApp ids.
        whatsapp_ids: Vec<String>,
        /// How far the messages got.
        kind: ReceiptKind,
        /// When, as WhatsApp says.
        at: DateTime<Utc>,
    },
    /// What the other side of a one-to-one chat does. Told at most once, and never again.
    Activity {
        /// Who.
        party: Party,
        /// What.
        activity: Activity,
    },
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The socket broke or could not be opened; it is tried again with backoff.
    ConnectionLost,
    /// Another process connected with the same keys. Not retried.
    Replaced,
    /// WhatsApp bars the account for a time.
    TemporarilyBanned {
        /// WhatsApp's code.
        code: String,
        /// For how long, where it was said.
        retry_after: Option<Duration>,
    },
    /// WhatsApp no longer accepts this version of the client. Not retried.
    ClientOutdated,
    /// WhatsApp refused the login with a code that is none of the above.
    Refused {
        /// WhatsApp's code or text.
        code: String,
    },
}

/// Who ended the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedOutBy {
    /// We did, through [`Session::log_out`].
    Us,
    /// The account's owner on the phone, or WhatsApp.
    Phone,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiptKind {
    /// At the phone.
    Delivered,
    /// Read by a person.
    Read,
    /// A voice or video message was played.
    Played,
}

impl std::fmt::Debug for PairCode {
    /// Without the code, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairCode").field("valid_for", &self.valid_for).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OutboundText {
    /// Without the text and the number, so that no log ever holds them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundText").field("whatsapp_id", &self.whatsapp_id).finish_non_exhaustive()
    }
}
