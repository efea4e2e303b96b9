//! What the read models showed at any position of the log.
//!
//! Nothing is kept for it: a row as of a position is folded from the events up to it, by the fold that makes the row of
//! the present. That is cheap because streams are short. A chat alone has many events and more messages: its row is
//! folded from the few of them that say all ([`chats`]). What is erased can be opened no more, so it is missing in the
//! past as well; keys are remembered for one look, and no longer.
//!
//! Cast: [`look`] is one look at the past, with its keys; [`point`] finds positions; [`channels`], [`chats`] fold rows;
//! [`lists`] tells which there were; [`shown`] follows one thing along its changes; [`PgPast`] is the port.

mod channels;
mod chats;
mod lists;
mod look;
mod point;
mod shown;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::ChannelRef;
use interflow_application::log::{LogError, StreamId};
use interflow_application::past::{Past, PastError, PastReads, Point, Shown, Thing};
use interflow_application::read::{
    Channel, Chat, ChatFilter, ChatSort, Customer, CustomerFilter, CustomerSort, Listing, Marked, Message,
    MessageFilter, MessageSort, Page, PageRequest,
};
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId, WorkspaceId};

use super::customers;
use crate::event_log::PgEventLog;
use look::{Aged, Look};

/// The past of the read models in Postgres.
#[derive(Clone)]
pub struct PgPast {
    log: PgEventLog,
}

impl PgPast {
    /// The past that this log tells.
    #[must_use]
    pub const fn new(log: PgEventLog) -> Self {
        Self { log }
    }
}

/// The only row of an answer.
fn only<R, T>(rows: Vec<Option<Aged<R>>>, view: impl FnOnce(R) -> T) -> Option<Past<T>> {
    rows.into_iter().next().flatten().map(|aged| aged.shown(view))
}

/// The instance that a filter asks for, if it does; nothing when it asks for what there was not.
async fn channel_of(
    look: &Look,
    at: u64,
    asked: Option<&ChannelRef>,
) -> Result<Option<Option<InstanceId>>, LogError> {
    let Some(channel) = asked else { return Ok(Some(None)) };
    let found = channels::find(look, at, channel).await?.map(|aged| aged.row.view.id);
    Ok(found.or_else(|| channel.as_id()).map(Some))
}

#[async_trait]
impl PastReads for PgPast {
    async fn place(&self, workspace: WorkspaceId, position: u64) -> Result<Result<Point, u64>, LogError> {
        point::of_position(self.log.pool(), workspace, position).await
    }

    async fn place_before(&self, workspace: WorkspaceId, time: DateTime<Utc>) -> Result<Point, LogError> {
        point::before(self.log.pool(), workspace, time).await
    }

    async fn customer(
        &self,
        workspace: WorkspaceId,
        at: u64,
        id: CustomerId,
    ) -> Result<Option<Past<Customer>>, LogError> {
        let look = Look::new(&self.log, workspace);
        let rows = look.folded(&[(StreamId::Customer(id), at)], customers::fold).await?;
        Ok(only(rows, |row| row.view))
    }

    async fn chat(
        &self,
        workspace: WorkspaceId,
        at: u64,
        id: ChatId,
    ) -> Result<Option<Past<Chat>>, LogError> {
        let look = Look::new(&self.log, workspace);
        Ok(only(chats::rows(&look, &[(id, at)]).await?, |row| row.view))
    }

    async fn message(
        &self,
        workspace: WorkspaceId,
        at: u64,
        id: MessageId,
    ) -> Result<Option<Past<Message>>, LogError> {
        let look = Look::new(&self.log, workspace);
        Ok(only(look.messages(&[(id, at)]).await?, |row| row.view))
    }

    async fn channel(
        &self,
        workspace: WorkspaceId,
        at: u64,
        channel: &ChannelRef,
    ) -> Result<Option<Past<Channel>>, LogError> {
        let look = Look::new(&self.log, workspace);
        let found = channels::find(&look, at, channel).await?;
        Ok(found.map(|aged| aged.shown(|row| row.view)))
    }

    async fn shown(
        &self,
        workspace: WorkspaceId,
        thing: Thing,
        at: &[u64],
    ) -> Result<Vec<Option<Past<Shown>>>, LogError> {
        shown::shown(&Look::new(&self.log, workspace), thing, at).await
    }

    async fn each(
        &self,
        workspace: WorkspaceId,
        at: u64,
        things: &[Thing],
    ) -> Result<Vec<Option<Past<Shown>>>, LogError> {
        shown::each(&Look::new(&self.log, workspace), at, things).await
    }

    async fn customers(
        &self,
        workspace: WorkspaceId,
        at: u64,
        listing: &Listing<CustomerFilter, CustomerSort>,
    ) -> Result<Marked<Past<Customer>>, PastError> {
        lists::customers::list(&Look::new(&self.log, workspace), at, listing).await
    }

    async fn chats(
        &self,
        workspace: WorkspaceId,
        at: u64,
        listing: &Listing<ChatFilter, ChatSort>,
    ) -> Result<Marked<Past<Chat>>, PastError> {
        let look = Look::new(&self.log, workspace);
        let Some(channel) = channel_of(&look, at, listing.filter.channel.as_ref()).await? else {
            return Ok(Marked::empty());
        };
        lists::chats::list(&look, at, channel, listing).await
    }

    async fn messages(
        &self,
        workspace: WorkspaceId,
        at: u64,
        listing: &Listing<MessageFilter, MessageSort>,
    ) -> Result<Marked<Past<Message>>, PastError> {
        let look = Look::new(&self.log, workspace);
        let Some(channel) = channel_of(&look, at, listing.filter.channel.as_ref()).await? else {
            return Ok(Marked::empty());
        };
        lists::messages::list(&look, at, channel, listing).await
    }

    async fn channels(
        &self,
        workspace: WorkspaceId,
        at: u64,
        page: PageRequest,
    ) -> Result<Page<Past<Channel>>, PastError> {
        lists::channels::list(&Look::new(&self.log, workspace), at, page).await
    }
}
