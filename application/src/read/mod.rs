//! The read models as plain structs, and the port that answers questions from them.
//!
//! They are written in the append itself, so a read after a write's answer always sees it. Every query is within one
//! workspace.

mod page;
mod views;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::{ChatId, CustomerId, InstanceId, InstanceName, MessageId, WorkspaceId};

use crate::log::LogError;

pub use page::{Cursor, InvalidCursor, Page, PageRequest, Window};
pub use views::{ApiKey, Channel, Chat, Customer, Disconnect, Identity, LastMessage, LiveInstance, Message};

/// Answers questions from the read models.
#[async_trait]
pub trait Reads: Send + Sync {
    /// The key with this secret, of whatever workspace.
    async fn api_key(&self, secret_sha256: &str) -> Result<Option<ApiKey>, LogError>;

    /// A customer that is not deleted.
    async fn customer(&self, workspace: WorkspaceId, id: CustomerId) -> Result<Option<Customer>, LogError>;
    /// Customers, newest first.
    async fn customers(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Customer>, LogError>;

    /// A chat.
    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>, LogError>;
    /// Chats, the one with the latest activity first.
    async fn chats(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Chat>, LogError>;
    /// The chats of a customer that are not closed.
    async fn open_chats_of(
        &self,
        workspace: WorkspaceId,
        customer: CustomerId,
    ) -> Result<Vec<Chat>, LogError>;
    /// The messages of a chat, newest first.
    async fn messages_of(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        page: PageRequest,
    ) -> Result<Page<Message>, LogError>;

    /// A message.
    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, LogError>;
    /// The outbound messages of an instance that have these ids on WhatsApp.
    async fn outbound_by_whatsapp_id(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        whatsapp_ids: &[String],
    ) -> Result<Vec<MessageId>, LogError>;

    /// A channel that is not deleted.
    async fn channel(&self, workspace: WorkspaceId, id: InstanceId) -> Result<Option<Channel>, LogError>;
    /// A channel that is not deleted, by its name.
    async fn channel_named(
        &self,
        workspace: WorkspaceId,
        name: &InstanceName,
    ) -> Result<Option<Channel>, LogError>;
    /// Channels that are not deleted, newest first.
    async fn channels(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Channel>, LogError>;
    /// Every channel that is not deleted, by name, for the Flowcore face, which knows no pages.
    async fn all_channels(&self, workspace: WorkspaceId) -> Result<Vec<Channel>, LogError>;

    /// The instances of all workspaces that are connecting or open: what a server that starts has to take up again.
    async fn live_instances(&self) -> Result<Vec<LiveInstance>, LogError>;

    /// The time on the database's clock: that the database answers.
    async fn ping(&self) -> Result<DateTime<Utc>, LogError>;
}
