//! What is new of a channel.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, Utc};
use interflow_application::live::LiveEvent;
use interflow_domain::InstanceId;
use interflow_domain::workspace::Scope;

use super::channel::ChannelQr;
use super::{Channel, Event};
use crate::graphql::guard::{Told, needs};
use crate::graphql::loaders::beside;

/// What is new of a channel: something that happened to it, or a QR to scan.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ChannelUpdate {
    /// The channel's id.
    channel_id: ID,
    /// What happened; absent where a QR is shown, which is in no log.
    event: Option<Event>,
    /// The QR to scan now; absent where something happened.
    qr: Option<ChannelQr>,
    #[graphql(skip)]
    channel: InstanceId,
}

impl ChannelUpdate {
    /// Something happened to a channel.
    pub fn happened(event: Arc<LiveEvent>) -> Option<Self> {
        let channel = event.channel()?;
        Some(Self { channel_id: channel.to_string().into(), event: Some(event.into()), qr: None, channel })
    }

    /// A QR is shown.
    pub fn shown(channel: InstanceId, code: String, expires_at: DateTime<Utc>) -> Self {
        let qr = Some(ChannelQr::new(code, expires_at));
        Self { channel_id: channel.to_string().into(), event: None, qr, channel }
    }
}

#[ComplexObject]
impl ChannelUpdate {
    /// The channel as it is now, unless it is deleted. Needs `channels:read`.
    async fn channel(&self, context: &Context<'_>) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, async {
            Ok(beside(context, self.channel).await?.map(Channel::from))
        })
        .await
    }
}
