//! The fields of `Subscription`: what happens, as it does. The live feed that `GET /v1/events/stream` tells of, too.

mod feed;

use async_graphql::{Context, ID, Subscription as Fields};
use futures::Stream;
use futures::stream::{self, StreamExt as _};
use interflow_application::live::{Filter, Item, SignalKind};
use interflow_application::webhook::catalogue::DataKind;
use interflow_domain::workspace::Scope;

use super::asker::Asker;
use super::scalars::Long;
use super::types::{ChannelUpdate, Event, Signal};
use crate::error::ApiError;
use feed::{Narrowed, follow, matching};

type Told<T> = async_graphql::Result<T>;

/// The root of what can be followed.
pub struct Subscription;

/// What can be followed. Each subscription tells of what happens from now on or, with `since`, of everything behind a
/// position of the workspace's log first: whoever gives the position of the last event it had misses nothing and gets
/// nothing twice, on whichever server.
#[Fields]
impl Subscription {
    /// Everything that happens, or what fits a filter. Needs `events:read`.
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Everything behind this position of the log first; 0 is the beginning.")]
        since: Option<Long>,
        #[graphql(
            desc = "Of these types, or patterns of them such as `message.*`; of all when it is left out."
        )]
        types: Option<Vec<String>>,
        #[graphql(desc = "On this channel alone, by its id or its name.")] channel_id: Option<ID>,
        #[graphql(desc = "In this chat alone.")] chat_id: Option<ID>,
        #[graphql(desc = "About this customer alone.")] customer_id: Option<ID>,
    ) -> Result<impl Stream<Item = Told<Event>> + use<>, ApiError> {
        let narrowed = Narrowed { channel: channel_id, chat: chat_id, customer: customer_id };
        let filter = narrowed.filter(context, &[Scope::EventsRead], matching(types)?).await?;
        follow(context, Scope::EventsRead, filter, since, event).await
    }

    /// Messages that come, go, arrive, are read or fail. Needs `messages:read`.
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Everything behind this position of the log first; 0 is the beginning.")]
        since: Option<Long>,
        #[graphql(desc = "On this channel alone, by its id or its name.")] channel_id: Option<ID>,
        #[graphql(desc = "In this chat alone.")] chat_id: Option<ID>,
        #[graphql(desc = "To or from this customer alone.")] customer_id: Option<ID>,
    ) -> Result<impl Stream<Item = Told<Event>> + use<>, ApiError> {
        let narrowed = Narrowed { channel: channel_id, chat: chat_id, customer: customer_id };
        let filter = narrowed
            .filter(context, &[Scope::MessagesRead], Filter::of(|public| public.data() == DataKind::Message))
            .await?;
        follow(context, Scope::MessagesRead, filter, since, event).await
    }

    /// Whatever changes a list of chats: chats that are opened, closed, assigned, put aside or read, and their messages.
    /// Needs `chats:read` and `messages:read`.
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Everything behind this position of the log first; 0 is the beginning.")]
        since: Option<Long>,
        #[graphql(desc = "Of this channel alone, by its id or its name.")] channel_id: Option<ID>,
        #[graphql(desc = "With this customer alone.")] customer_id: Option<ID>,
    ) -> Result<impl Stream<Item = Told<Event>> + use<>, ApiError> {
        let narrowed = Narrowed { channel: channel_id, chat: None, customer: customer_id };
        let kinds = [DataKind::Chat, DataKind::Message];
        let filter = narrowed
            .filter(
                context,
                &[Scope::ChatsRead, Scope::MessagesRead],
                Filter::of(|public| kinds.contains(&public.data())),
            )
            .await?;
        follow(context, Scope::ChatsRead, filter, since, event).await
    }

    /// Channels that are created, connect, are paired, break off or are deleted, and the QRs to scan: each as it is
    /// issued, and first the one that is to be scanned now, where a channel is named. A QR is a secret of the server that
    /// connects the channel, and told by that server alone. Needs `channels:read`.
    async fn channels(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Everything behind this position of the log first; 0 is the beginning. QRs are in no log."
        )]
        since: Option<Long>,
        #[graphql(desc = "This channel alone, by its id or its name.")] channel_id: Option<ID>,
    ) -> Result<impl Stream<Item = Told<ChannelUpdate>> + use<>, ApiError> {
        let narrowed = Narrowed { channel: channel_id, chat: None, customer: None };
        let wanted = Filter::of(|public| public.data() == DataKind::Channel);
        let mut filter = narrowed.filter(context, &[Scope::ChannelsRead], wanted).await?;
        filter.qr = true;
        let channel = filter.channel;
        let updates = follow(context, Scope::ChannelsRead, filter, since, update).await?;
        let asker = Asker::of(context)?;
        let shown = channel.and_then(|channel| {
            let shown = asker.app.gateway.qr_of(asker.workspace(), channel)?;
            asker.saw("channels.qr", Some(channel.to_string()), 0);
            Some(ChannelUpdate::shown(channel, shown.code, shown.expires_at))
        });
        Ok(stream::iter(shown.map(Ok)).chain(updates))
    }

    /// What customers do at the moment: they type, record, are online or not. Signals are in no log: they have no
    /// position, are told at most once, and left out for a client that is behind. Needs `events:read`.
    async fn signals(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "On this channel alone, by its id or its name.")] channel_id: Option<ID>,
        #[graphql(desc = "In this chat alone.")] chat_id: Option<ID>,
        #[graphql(desc = "Of this customer alone.")] customer_id: Option<ID>,
    ) -> Result<impl Stream<Item = Told<Signal>> + use<>, ApiError> {
        let narrowed = Narrowed { channel: channel_id, chat: chat_id, customer: customer_id };
        let mut filter = narrowed.filter(context, &[Scope::EventsRead], Filter::of(|_| false)).await?;
        filter.signals = true;
        follow(context, Scope::EventsRead, filter, None, signal).await
    }
}

fn event(item: Item) -> Option<Event> {
    if let Item::Event(event) = item { Some(event.into()) } else { None }
}

fn signal(item: Item) -> Option<Signal> {
    match item {
        Item::Signal(signal) => match signal.kind {
            SignalKind::Activity(activity) => Some(Signal::new(&signal, activity)),
            SignalKind::Qr { .. } => None,
        },
        Item::Event(_) => None,
    }
}

fn update(item: Item) -> Option<ChannelUpdate> {
    match item {
        Item::Event(event) => ChannelUpdate::happened(event),
        Item::Signal(signal) => match &signal.kind {
            SignalKind::Qr { code, expires_at } => {
                Some(ChannelUpdate::shown(signal.channel, code.clone(), *expires_at))
            }
            SignalKind::Activity(_) => None,
        },
    }
}
