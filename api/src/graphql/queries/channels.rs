//! Channels.

use async_graphql::{Context, ID, Object};
use interflow_application::{ChannelRef, Error};
use interflow_domain::InstanceId;
use interflow_domain::workspace::Scope;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::page_request;
use crate::graphql::loaders::Named as _;
use crate::graphql::past::AsOf;
use crate::graphql::types::Channel;

#[derive(Default)]
pub struct ChannelQuery;

#[Object]
impl ChannelQuery {
    /// The channels, newest first. Needs `channels:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn channels(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Connection<Channel>> {
        needs(context, Scope::ChannelsRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            if let Some(as_of) = AsOf::said(asker, as_of).await? {
                let channels = asker.app.past.channels(asker.workspace(), as_of.place(), request).await?;
                let (whole, channels) = as_of.plain_page(channels);
                let page = Connection::of(channels, after.is_some(), |channel: Channel| channel).dated(whole);
                return Ok(Some(asker.shown(InstanceId::RESOURCE, None, page)));
            }
            let channels = asker.app.core.reads.channels(asker.workspace(), request).await?;
            Ok(Some(asker.shown(
                InstanceId::RESOURCE,
                None,
                Connection::of(channels, after.is_some(), Channel::from),
            )))
        })
        .await
    }

    /// A channel, by its id or its name. Needs `channels:read`.
    async fn channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id, or its name; in the past, the name it had then.")] id: ID,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, async {
            let asker = Asker::of(context)?;
            let Ok(channel) = id.parse::<ChannelRef>() else { return Ok(None) };
            if let Some(as_of) = AsOf::said(asker, as_of).await? {
                let past = asker.app.past.channel(asker.workspace(), as_of.place(), &channel).await?;
                let Some(past) = past else { return Ok(None) };
                asker.saw(InstanceId::RESOURCE, Some(past.item.id.to_string()), 0);
                return Ok(Some(as_of.one(past)));
            }
            match channel.find(&*asker.app.core.reads, asker.workspace()).await {
                Ok(channel) => {
                    asker.saw(InstanceId::RESOURCE, Some(channel.id.to_string()), 0);
                    Ok(Some(channel.into()))
                }
                Err(Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}
