//! The read models as plain structs, and the port that answers questions from them.
//!
//! They are written in the append itself, so a read after a write's answer always sees it. Every query is within one
//! workspace.

mod batches;
mod filter;
mod jobs;
mod listing;
mod page;
mod views;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::workspace::MessageRetention;
use interflow_domain::{ChatId, CustomerId, InstanceId, InstanceName, KeyId, MessageId, WorkspaceId};

use crate::log::LogError;

pub use batches::{BatchReads, Extent, Stretch};
pub use filter::{Assigned, ChatFilter, CustomerFilter, MessageFilter, SearchText, TimeRange};
pub use jobs::{Job, JobReads, Need, Progress};
pub use listing::{
    ChatSort, CustomerSort, Fingerprint, InvalidSort, Listing, Mark, Marked, MessageSort, Sort, SortKey,
    SortValue, Start,
};
pub use page::{Cursor, InvalidCursor, Page, PageRequest, Window};
pub use views::{
    ApiKey, Channel, Chat, Credential, Customer, Disconnect, Identity, LastMessage, LiveInstance, Message,
    Workspace,
};

/// Answers questions from the read models.
#[async_trait]
pub trait Reads: JobReads + BatchReads + Send + Sync {
    /// What a secret opens, in whatever workspace. It may have expired.
    async fn credential(&self, secret_sha256: &str) -> Result<Option<Credential>, LogError>;
    /// A key that is not revoked.
    async fn api_key(&self, workspace: WorkspaceId, id: KeyId) -> Result<Option<ApiKey>, LogError>;
    /// Keys that are not revoked, newest first.
    async fn api_keys(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<ApiKey>, LogError>;

    /// A workspace.
    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, LogError>;
    /// Every workspace of the server, newest first.
    async fn workspaces(&self, page: PageRequest) -> Result<Page<Workspace>, LogError>;

    /// A customer that is not deleted.
    async fn customer(&self, workspace: WorkspaceId, id: CustomerId) -> Result<Option<Customer>, LogError>;
    /// Customers that are not deleted.
    async fn customers(
        &self,
        workspace: WorkspaceId,
        listing: &Listing<CustomerFilter, CustomerSort>,
    ) -> Result<Marked<Customer>, LogError>;

    /// A chat.
    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>, LogError>;
    /// Chats.
    async fn chats(
        &self,
        workspace: WorkspaceId,
        listing: &Listing<ChatFilter, ChatSort>,
    ) -> Result<Marked<Chat>, LogError>;
    /// The chats of a customer that are not closed.
    async fn open_chats_of(
        &self,
        workspace: WorkspaceId,
        customer: CustomerId,
    ) -> Result<Vec<Chat>, LogError>;
    /// Messages, of all chats or of one.
    async fn messages(
        &self,
        workspace: WorkspaceId,
        listing: &Listing<MessageFilter, MessageSort>,
    ) -> Result<Marked<Message>, LogError>;

    /// The ids on WhatsApp of the latest inbound messages of a chat, newest first.
    async fn latest_inbound(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        limit: u32,
    ) -> Result<Vec<String>, LogError>;
    /// Chats of any workspace that were put aside until a time that has come, the earliest first.
    async fn snoozed_until(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(WorkspaceId, ChatId)>, LogError>;

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

    /// The workspaces that forget old messages, and after how long.
    async fn retentions(&self) -> Result<Vec<(WorkspaceId, MessageRetention)>, LogError>;

    /// How many webhooks a workspace has that were created over the API, whatever their state.
    async fn webhook_count(&self, workspace: WorkspaceId) -> Result<u64, LogError>;

    /// The instances of all workspaces that are connecting or open: what a server that starts has to take up again.
    async fn live_instances(&self) -> Result<Vec<LiveInstance>, LogError>;

    /// The time on the database's clock: that the database answers.
    async fn ping(&self) -> Result<DateTime<Utc>, LogError>;
}
