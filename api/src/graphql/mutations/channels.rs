//! Changes of channels and of their connections.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use interflow_application::gateway::Connected;
use interflow_application::{ChannelRef, Context as Circumstances, RegisterInstance, RenameInstance};
use interflow_domain::workspace::Scope;
use serde::Serialize;

use super::CHANGE;
use super::payloads::{ChannelPayload, DeletedPayload};
use crate::graphql::change::{Change, named, read, version};
use crate::graphql::guard::{Told, needs};
use crate::graphql::scalars::Long;
use crate::graphql::types::Channel;
use crate::rest::v1::channels::connection::Linking;
use crate::rest::v1::channels::{Named, instance_of};
use crate::time::Timestamp;

/// A channel that is to be.
#[derive(InputObject, Serialize)]
pub struct CreateChannelInput {
    /// Its name.
    name: String,
}

/// Another name for a channel.
#[derive(InputObject, Serialize)]
pub struct RenameChannelInput {
    /// The channel, by its id or its name.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the channel has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// The new name.
    name: String,
}

/// Which channel is to be deleted.
#[derive(InputObject)]
pub struct DeleteChannelInput {
    /// The channel, by its id or its name.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the channel has another version.
    expected_version: Option<Long>,
}

/// Which channel.
#[derive(InputObject)]
pub struct ChannelInput {
    /// The channel, by its id or its name.
    id: ID,
}

/// Which channel is to be connected, and how.
#[derive(InputObject, Serialize)]
pub struct ConnectChannelInput {
    /// The channel, by its id or its name.
    #[serde(skip)]
    id: ID,
    /// The number whose owner types a code instead of scanning a QR.
    phone: Option<String>,
}

/// What is to be scanned or typed to link a channel. Neither is there when it is open.
#[derive(SimpleObject)]
pub struct ConnectPayload {
    /// The channel as it is now.
    channel: Channel,
    /// The string behind the QR of the moment.
    qr: Option<String>,
    /// The code to type, where a number was named.
    pair_code: Option<String>,
    /// Until when the code, or else the QR, is good.
    expires_at: Option<Timestamp>,
}

impl From<Connected> for ConnectPayload {
    fn from(connected: Connected) -> Self {
        let Connected { channel, qr, pair_code } = connected;
        let expires_at = pair_code.as_ref().or(qr.as_ref()).map(|shown| shown.expires_at.into());
        let (qr, pair_code) = (qr.map(|shown| shown.code), pair_code.map(|shown| shown.code));
        Self { channel: channel.into(), qr, pair_code, expires_at }
    }
}

#[derive(Default)]
pub struct ChannelMutation;

#[Object]
impl ChannelMutation {
    /// Creates a channel, which is not connected yet. Needs `channels:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn create_channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateChannelInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChannelPayload> {
        needs(context, Scope::ChannelsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let Named { name } = read(&input)?;
            let id = change.call.run(&RegisterInstance { name }, instance_of).await?;
            ChannelPayload::of(context, id).await
        })
        .await
    }

    /// Gives a channel another name. Needs `channels:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn rename_channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and its name.")] input: RenameChannelInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChannelPayload> {
        needs(context, Scope::ChannelsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let channel = named::<ChannelRef>(&input.id)?;
            let Named { name } = read(&input)?;
            let expected = version(input.expected_version);
            let id = change.call.run(&RenameInstance { channel, name, expected }, instance_of).await?;
            ChannelPayload::of(context, id).await
        })
        .await
    }

    /// Deletes a channel: logs it out, and frees its name. Needs `channels:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn delete_channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: DeleteChannelInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<DeletedPayload> {
        needs(context, Scope::ChannelsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let channel = named::<ChannelRef>(&input.id)?;
            let expected = version(input.expected_version);
            let (gateway, circumstances) = (&change.app.gateway, &change.call.context);
            let deleted = async { Ok(gateway.delete(circumstances, &channel, expected).await?.id) };
            Ok(Some(DeletedPayload::of(change.call.once(instance_of, deleted).await?)))
        })
        .await
    }

    /// Connects a channel: gives the QR of the moment, or a code to type where a number is named, or neither when the
    /// channel is open. May be called as often as you like. Needs `channels:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn connect_channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and how.")] input: ConnectChannelInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ConnectPayload> {
        needs(context, Scope::ChannelsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let channel = named::<ChannelRef>(&input.id)?;
            let Linking { phone } = read(&input)?;
            let connect = |circumstances: Circumstances| {
                let (gateway, channel, phone) = (change.app.gateway.clone(), channel.clone(), phone.clone());
                async move { gateway.connect_channel(&circumstances, &channel, phone.as_ref()).await }.boxed()
            };
            Ok(Some(change.call.again(connect).await?.into()))
        })
        .await
    }

    /// Closes and opens a channel's connection; the link stays. Needs `channels:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn restart_channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ChannelInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChannelPayload> {
        needs(context, Scope::ChannelsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let channel = named::<ChannelRef>(&input.id)?;
            let (gateway, circumstances) = (&change.app.gateway, &change.call.context);
            let restarted = async { Ok(gateway.restart(circumstances, &channel).await?.id) };
            ChannelPayload::of(context, change.call.once(instance_of, restarted).await?).await
        })
        .await
    }

    /// Unlinks a channel from its account; what waits to be sent is given up. Needs `channels:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn log_out_channel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ChannelInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ChannelPayload> {
        needs(context, Scope::ChannelsWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let channel = named::<ChannelRef>(&input.id)?;
            let (gateway, circumstances) = (&change.app.gateway, &change.call.context);
            let logged_out = async { Ok(gateway.log_out(circumstances, &channel).await?.id) };
            ChannelPayload::of(context, change.call.once(instance_of, logged_out).await?).await
        })
        .await
    }
}
