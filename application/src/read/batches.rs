//! Questions about many at once: what a page of one list needs of others is one question, however long the page is.

use async_trait::async_trait;
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, MessageId, WorkspaceId};

use super::{Channel, Chat, Customer, Job, Mark, Marked, Message};
use crate::log::LogError;

/// A stretch of a list that belongs to something: of the messages of a chat, say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stretch<P> {
    /// To what.
    pub of: P,
    /// Behind which row it begins; at the list's beginning without one.
    pub after: Option<Mark>,
}

/// What is the same for all stretches of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Whether the latest come first.
    pub descending: bool,
    /// How many entries at most, 1 to [`super::PageRequest::MAX_SIZE`].
    pub size: u32,
    /// Whether the totals are wanted; else they are zero.
    pub counted: bool,
}

/// Answers questions about many at once. What there is none of is left out.
#[async_trait]
pub trait BatchReads: Send + Sync {
    /// The customers with these ids that are not deleted.
    async fn customers_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[CustomerId],
    ) -> Result<Vec<Customer>, LogError>;

    /// The chats with these ids.
    async fn chats_by_id(&self, workspace: WorkspaceId, ids: &[ChatId]) -> Result<Vec<Chat>, LogError>;

    /// The messages with these ids.
    async fn messages_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, LogError>;

    /// The channels with these ids that are not deleted.
    async fn channels_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[InstanceId],
    ) -> Result<Vec<Channel>, LogError>;

    /// The jobs with these ids.
    async fn jobs_by_id(&self, workspace: WorkspaceId, ids: &[JobId]) -> Result<Vec<Job>, LogError>;

    /// Messages of chats, a list a stretch, by when they were recorded.
    async fn messages_of_chats(
        &self,
        workspace: WorkspaceId,
        stretches: &[Stretch<ChatId>],
        extent: Extent,
    ) -> Result<Vec<Marked<Message>>, LogError>;

    /// Chats of customers, a list a stretch, by their last activity.
    async fn chats_of_customers(
        &self,
        workspace: WorkspaceId,
        stretches: &[Stretch<CustomerId>],
        extent: Extent,
    ) -> Result<Vec<Marked<Chat>>, LogError>;

    /// Chats through channels, a list a stretch, by their last activity.
    async fn chats_of_channels(
        &self,
        workspace: WorkspaceId,
        stretches: &[Stretch<InstanceId>],
        extent: Extent,
    ) -> Result<Vec<Marked<Chat>>, LogError>;
}
