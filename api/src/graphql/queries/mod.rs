//! The fields of `Query`: one file for what belongs together.

mod channels;
mod chats;
mod customers;
mod events;
mod jobs;
mod keys;
mod messages;
mod nodes;
mod webhooks;
mod workspaces;

use async_graphql::MergedObject;

/// What can be asked. A field is null where there is no such thing, and, with an error that says why, where the key lacks
/// its scope or it cannot be answered; what else was asked for is answered all the same.
#[derive(MergedObject, Default)]
pub struct Query(
    nodes::NodeQuery,
    workspaces::WorkspaceQuery,
    channels::ChannelQuery,
    customers::CustomerQuery,
    chats::ChatQuery,
    messages::MessageQuery,
    jobs::JobQuery,
    webhooks::WebhookQuery,
    events::EventQuery,
    keys::KeyQuery,
);
