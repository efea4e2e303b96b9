//! Idempotency keys: a command that is repeated gives its first answer and changes nothing.
//!
//! A [`Command`] rides in the append of the change it asks for, so key and change are durable together. The answer's
//! bytes are kept once they are known; after a crash between the two the answer is rendered again from the resource.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, KeyId, MessageId, WebhookId, WorkspaceId};
use uuid::Uuid;

use crate::log::LogError;

/// A caller's idempotency key, made unique for workspace, method and path, and the hash of what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// SHA-256 of (workspace, method, path, key).
    pub id: [u8; 32],
    /// SHA-256 of the request's body.
    pub request_hash: [u8; 32],
    /// Until when a repetition is recognised.
    pub expires_at: DateTime<Utc>,
}

/// The resource a command made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceRef {
    /// A message.
    Message(MessageId),
    /// A job.
    Job(JobId),
    /// A customer.
    Customer(CustomerId),
    /// A chat.
    Chat(ChatId),
    /// An instance.
    Instance(InstanceId),
    /// An API key.
    Key(KeyId),
    /// The secret of an API key or webhook, by what it was made from.
    Secret(Uuid),
    /// A workspace.
    Workspace(WorkspaceId),
    /// A webhook.
    Webhook(WebhookId),
}

/// What is kept of a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCommand {
    /// The hash of what was asked.
    pub request_hash: [u8; 32],
    /// What it made or changed.
    pub resource: ResourceRef,
    /// The answer, once it was given.
    pub answer: Option<Answer>,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `ETag` and `Location` headers, where there were any.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Where commands and their answers are found again.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// What is kept of a command, unless it has expired.
    async fn find(
        &self,
        workspace: WorkspaceId,
        command: &[u8; 32],
    ) -> Result<Option<RecordedCommand>, LogError>;

    /// Keeps the answer of a command that was appended. Does nothing when there is none, or an answer already.
    async fn keep(&self, workspace: WorkspaceId, command: &[u8; 32], answer: Answer) -> Result<(), LogError>;

    /// Deletes what has expired; says how many.
    async fn prune(&self) -> Result<u64, LogError>;
}
