//! A channel.

use async_graphql::connection::PageInfo;
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use interflow_application::read::{self, ChatSort, Cursor, Sort, Window};
use interflow_application::{ChannelRef, Error, timeline};
use interflow_domain::InstanceId;
use interflow_domain::instance::ConnectionStatus as Status;
use interflow_domain::workspace::Scope;

use super::Chat;
use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs, told};
use crate::graphql::listing::{Nested, Paging, page_request};
use crate::graphql::loaders::ChatsOfChannel;
use crate::graphql::past::{AsOf, Dated};
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// A WhatsApp number that the server is, or was, connected to; the Flowcore API calls it an instance.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Channel {
    /// Its id.
    pub(super) id: ID,
    /// Its name, which may stand for the id wherever a channel is asked for.
    name: String,
    /// How it is connected.
    status: ConnectionStatus,
    /// The account's number, once there is one.
    phone: Option<String>,
    /// The name that the account shows.
    profile_name: Option<String>,
    /// The last end of a connection.
    last_disconnect: Option<Disconnect>,
    /// When it was created.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// How many events it has: what `expectedVersion` is compared with.
    version: Long,
    /// As of when this is told; absent where it is the present.
    as_of: Option<AsOf>,
    #[graphql(skip)]
    instance: InstanceId,
}

/// Whether a channel is connected to WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum ConnectionStatus {
    /// Not connected and not trying.
    Close,
    /// Pairing, logging in or reconnecting.
    Connecting,
    /// Logged in and able to send.
    Open,
}

/// The end of a connection.
#[derive(SimpleObject)]
pub struct Disconnect {
    /// Why.
    reason: String,
    /// When.
    at: Timestamp,
}

impl From<read::Channel> for Channel {
    fn from(channel: read::Channel) -> Self {
        let last = channel.last_disconnect;
        Self {
            id: channel.id.to_string().into(),
            name: channel.name,
            status: channel.status.into(),
            phone: channel.phone,
            profile_name: channel.profile_name,
            last_disconnect: last.map(|last| Disconnect { reason: last.reason, at: last.at.into() }),
            created_at: channel.created_at.into(),
            updated_at: channel.updated_at.into(),
            version: Long(channel.version),
            as_of: None,
            instance: channel.id,
        }
    }
}

impl Dated<read::Channel> for Channel {
    fn dated(self, as_of: AsOf) -> Self {
        Self { as_of: Some(as_of), ..self }
    }
}

/// What is to be scanned to link a channel. Whoever has it may link the channel to any account.
#[derive(SimpleObject)]
pub struct ChannelQr {
    /// The string behind the QR.
    qr: String,
    /// Until when it is good.
    expires_at: Timestamp,
}

impl ChannelQr {
    /// This string, until then.
    pub fn new(qr: String, expires_at: DateTime<Utc>) -> Self {
        Self { qr, expires_at: expires_at.into() }
    }
}

/// What happened to a channel's connection, for people, the latest first.
#[derive(SimpleObject)]
pub struct ChannelTimeline {
    /// What happened.
    nodes: Vec<Moment>,
    /// Where the part is.
    page_info: PageInfo,
}

/// Something that happened to a channel's connection.
#[derive(SimpleObject)]
pub struct Moment {
    /// When.
    at: Timestamp,
    /// What, for programs.
    kind: String,
    /// Why, where there is a reason.
    reason: Option<String>,
    /// What happened and what to do, one sentence for a person.
    message: String,
}

impl From<interflow_application::Moment> for Moment {
    fn from(moment: interflow_application::Moment) -> Self {
        Self {
            at: moment.at.into(),
            kind: moment.kind.name().to_owned(),
            reason: moment.reason.map(str::to_owned),
            message: moment.message,
        }
    }
}

#[ComplexObject]
impl Channel {
    /// The QR of the moment; absent when there is nothing to scan, and in the past. It changes every 20 to 60 seconds.
    async fn qr(&self, context: &Context<'_>) -> Told<ChannelQr> {
        told(async {
            if self.status != ConnectionStatus::Connecting || self.as_of.is_some() {
                return Ok(None);
            }
            let asker = Asker::of(context)?;
            match asker.app.gateway.qr(&asker.circumstances, &ChannelRef::id(self.instance)).await {
                Ok((channel, shown)) => {
                    asker.saw("channels.qr", Some(channel.id.to_string()), 0);
                    Ok(Some(ChannelQr::new(shown.code, shown.expires_at)))
                }
                Err(Error::Conflict(_) | Error::NotFound(_) | Error::ChannelNotConnected) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// What happened to its connection, for people, the latest first.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
    ) -> Told<ChannelTimeline> {
        told(async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let begin = match request.window {
                Window::After(cursor) => Some(cursor),
                // The last that counts is the one that made this version.
                Window::Number(_) => self.as_of.map(|_| Cursor(self.version.0 + 1)),
            };
            let size = request.size as usize;
            let told = timeline(&asker.app.core, asker.workspace(), self.instance, begin, size).await?;
            asker.saw("channels.timeline", Some(self.instance.to_string()), told.moments.len());
            let page_info = PageInfo {
                has_previous_page: begin.is_some(),
                has_next_page: told.next.is_some(),
                start_cursor: None,
                end_cursor: told.next.map(|cursor| cursor.to_string()),
            };
            Ok(Some(ChannelTimeline {
                nodes: told.moments.into_iter().map(Moment::from).collect(),
                page_info,
            }))
        })
        .await
    }

    /// The chats through it, the last active first. Needs `chats:read`.
    #[graphql(complexity = "page(first, last, child_complexity)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end, or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Told<Connection<Chat>> {
        needs(context, Scope::ChatsRead, async {
            let path = format!("/channels/{}/chats", self.instance);
            let nested =
                Nested::new(&path, Sort::<ChatSort>::USUAL, Paging { first, after, last, before }, context)?;
            let key = ChatsOfChannel(nested.stretch(self.instance), nested.extent());
            nested.told(context, key, self.as_of).await
        })
        .await
    }
}
