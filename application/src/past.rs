//! The past: what the read models showed once, at any position of a workspace's log.
//!
//! A [`Point`] is a place in the log that somebody asked for, by position or by time. What is shown as of it is folded
//! from the events up to it by the very folds that make the rows of the present, so it is what an answer was then. One
//! thing is not: what was erased since is erased there too, and named.

mod changes;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::webhook::Webhook;
use interflow_domain::{ChatId, CustomerId, InstanceId, KeyId, MessageId, WebhookId, WorkspaceId};

use crate::log::{LogError, StreamId};
use crate::read::{
    ApiKey, Channel, Chat, ChatFilter, ChatSort, Customer, CustomerFilter, CustomerSort, Listing, Marked,
    Message, MessageFilter, MessageSort, Page, PageRequest, Workspace,
};
use crate::webhook::views::WebhookRow;
use crate::{ChannelRef, Clock};

pub use changes::{Change, changes};

/// As of when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// As of the event at this position; 0 is before the first.
    Position(u64),
    /// As of this time, compared in milliseconds as answers show times: with all that was recorded until the end of it.
    Time(DateTime<Utc>),
}

/// A place in a workspace's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The position of the last event that counts; 0 where none does.
    pub position: u64,
    /// When that event was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
}

/// Why there is no such place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchPoint {
    /// The log does not go so far yet.
    #[error("must not be beyond the last event, which has the position {head}")]
    BeyondHead {
        /// Its last position.
        head: u64,
    },
    /// It is yet to come.
    #[error("must not be in the future")]
    Future,
}

/// What was shown as of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Past<T> {
    /// What.
    pub item: T,
    /// Whether something personal that was shown then was erased since, and is missing.
    pub erased: bool,
}

/// What has a past that can be told change by change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// The workspace itself.
    Workspace,
    /// An API key.
    Key(KeyId),
    /// A channel.
    Channel(InstanceId),
    /// A customer.
    Customer(CustomerId),
    /// A chat.
    Chat(ChatId),
    /// A message.
    Message(MessageId),
    /// A webhook endpoint.
    Webhook(WebhookId),
}

impl Thing {
    /// Where its events are.
    #[must_use]
    pub const fn stream(self, workspace: WorkspaceId) -> StreamId {
        match self {
            Self::Workspace | Self::Key(_) => StreamId::Workspace(workspace),
            Self::Channel(id) => StreamId::Instance(id),
            Self::Customer(id) => StreamId::Customer(id),
            Self::Chat(id) => StreamId::Chat(id),
            Self::Message(id) => StreamId::Message(id),
            Self::Webhook(id) => StreamId::Webhook(id),
        }
    }
}

/// What was shown of a [`Thing`].
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Of a workspace.
    Workspace(Workspace),
    /// Of a key.
    Key(ApiKey),
    /// Of a channel.
    Channel(Channel),
    /// Of a customer.
    Customer(Customer),
    /// Of a chat.
    Chat(Chat),
    /// Of a message.
    Message(Message),
    /// Of a webhook endpoint: how it stood, and what it was.
    Webhook(Box<(WebhookRow, Webhook)>),
}

/// Why a list of the past cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// More would have to be read than one answer may.
    #[error("{message}")]
    TooMuch {
        /// What of the question to change.
        parameter: &'static str,
        /// Into what.
        message: String,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl PastError {
    /// More than so many would have to be sorted: in this order, the order they were made in, they need not be.
    #[must_use]
    pub fn too_many(order: &str, most: u64) -> Self {
        let message = format!(
            "must be '{order}' or '-{order}' where more than {most} there were then fit what never changes of them"
        );
        Self::TooMuch { parameter: "sort", message }
    }
}

/// Answers questions about the past of the read models. Everything is within one workspace, and `at` is a position up to
/// the head's.
#[async_trait]
pub trait PastReads: Send + Sync {
    /// The place of this position, if the log goes so far; the last position, if it does not.
    async fn place(&self, workspace: WorkspaceId, position: u64) -> Result<Result<Point, u64>, LogError>;
    /// The place of the last event that was recorded before a time.
    async fn place_before(&self, workspace: WorkspaceId, time: DateTime<Utc>) -> Result<Point, LogError>;

    /// A customer that was not deleted then.
    async fn customer(
        &self,
        workspace: WorkspaceId,
        at: u64,
        id: CustomerId,
    ) -> Result<Option<Past<Customer>>, LogError>;
    /// A chat.
    async fn chat(&self, workspace: WorkspaceId, at: u64, id: ChatId)
    -> Result<Option<Past<Chat>>, LogError>;
    /// A message.
    async fn message(
        &self,
        workspace: WorkspaceId,
        at: u64,
        id: MessageId,
    ) -> Result<Option<Past<Message>>, LogError>;
    /// A channel that was not deleted then, by its id or by the name it had then.
    async fn channel(
        &self,
        workspace: WorkspaceId,
        at: u64,
        channel: &ChannelRef,
    ) -> Result<Option<Past<Channel>>, LogError>;

    /// What something was as of each of these positions, in their order; nothing where it was not there.
    async fn shown(
        &self,
        workspace: WorkspaceId,
        thing: Thing,
        at: &[u64],
    ) -> Result<Vec<Option<Past<Shown>>>, LogError>;

    /// What each of these was as of a position, in their order; nothing where it was not there.
    async fn each(
        &self,
        workspace: WorkspaceId,
        at: u64,
        things: &[Thing],
    ) -> Result<Vec<Option<Past<Shown>>>, LogError>;

    /// Customers that were not deleted then.
    async fn customers(
        &self,
        workspace: WorkspaceId,
        at: u64,
        listing: &Listing<CustomerFilter, CustomerSort>,
    ) -> Result<Marked<Past<Customer>>, PastError>;
    /// Chats.
    async fn chats(
        &self,
        workspace: WorkspaceId,
        at: u64,
        listing: &Listing<ChatFilter, ChatSort>,
    ) -> Result<Marked<Past<Chat>>, PastError>;
    /// Messages, of all chats or of one.
    async fn messages(
        &self,
        workspace: WorkspaceId,
        at: u64,
        listing: &Listing<MessageFilter, MessageSort>,
    ) -> Result<Marked<Past<Message>>, PastError>;
    /// Channels that were not deleted then, newest first.
    async fn channels(
        &self,
        workspace: WorkspaceId,
        at: u64,
        page: PageRequest,
    ) -> Result<Page<Past<Channel>>, PastError>;
}

impl AsOf {
    /// The place that is asked for, if there is one by now.
    pub async fn find(
        self,
        past: &dyn PastReads,
        clock: &dyn Clock,
        workspace: WorkspaceId,
    ) -> Result<Result<Point, NoSuchPoint>, LogError> {
        match self {
            Self::Position(position) => {
                let place = past.place(workspace, position).await?;
                Ok(place.map_err(|head| NoSuchPoint::BeyondHead { head }))
            }
            Self::Time(time) if time > clock.now() => Ok(Err(NoSuchPoint::Future)),
            Self::Time(time) => past.place_before(workspace, end_of_millisecond(time)).await.map(Ok),
        }
    }
}

/// The first instant that an answer would not show as this time or an earlier one.
fn end_of_millisecond(time: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::{Duration, DurationRound};

    let millisecond = Duration::milliseconds(1);
    // Times that cannot be rounded are centuries away.
    time.duration_trunc(millisecond).unwrap_or(time) + millisecond
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_to_the_end_of_the_millisecond_it_is_shown_as() {
        let recorded: DateTime<Utc> = "2026-01-01T00:00:00.123456Z".parse().unwrap();
        let shown: DateTime<Utc> = "2026-01-01T00:00:00.123Z".parse().unwrap();
        assert!(recorded < end_of_millisecond(shown));
        assert!(recorded < end_of_millisecond(recorded));
        let earlier: DateTime<Utc> = "2026-01-01T00:00:00.122999Z".parse().unwrap();
        assert!(recorded >= end_of_millisecond(earlier));
    }
}
