//! The fields of `Mutation`: what REST can do, by the same forms and the same use cases.

mod channels;
mod chats;
mod customers;
mod deliveries;
mod keys;
mod messages;
mod payloads;
mod webhooks;
mod workspaces;

use async_graphql::MergedObject;

use super::cost::FIELDS_OF_A_REQUEST;

/// What a change costs beside its answer: one request.
const CHANGE: usize = FIELDS_OF_A_REQUEST;

/// What can be changed, one after the other in the order of the request. A field that fails is null with an error that says
/// why, and the next is carried out all the same. With an `idempotencyKey` a change that is repeated within 24 hours happens
/// once.
#[derive(MergedObject, Default)]
pub struct Mutation(
    customers::CustomerMutation,
    chats::ChatMutation,
    messages::MessageMutation,
    channels::ChannelMutation,
    webhooks::WebhookMutation,
    deliveries::DeliveryMutation,
    keys::KeyMutation,
    workspaces::WorkspaceMutation,
);
