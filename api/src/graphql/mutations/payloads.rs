//! What changes are answered with.

use async_graphql::{Context, ID, SimpleObject};
use interflow_application::Resource;
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId};

use crate::error::ApiError;
use crate::graphql::loaders::one;
use crate::graphql::types::{Channel, Chat, Customer, Job, Message};

/// What became of a customer.
#[derive(SimpleObject)]
pub struct CustomerPayload {
    /// The customer as it is now.
    customer: Customer,
}

/// What became of a chat.
#[derive(SimpleObject)]
pub struct ChatPayload {
    /// The chat as it is now.
    chat: Chat,
}

/// What became of a message.
#[derive(SimpleObject)]
pub struct MessagePayload {
    /// The message as it is now.
    message: Message,
}

/// What became of a channel.
#[derive(SimpleObject)]
pub struct ChannelPayload {
    /// The channel as it is now.
    channel: Channel,
}

/// What became of a job.
#[derive(SimpleObject)]
pub struct JobPayload {
    /// The job as it is now.
    job: Job,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeletedPayload {
    /// The id of what was deleted.
    deleted_id: ID,
}

impl DeletedPayload {
    pub fn of(id: impl ToString) -> Self {
        Self { deleted_id: id.to_string().into() }
    }
}

impl CustomerPayload {
    pub async fn of(context: &Context<'_>, id: CustomerId) -> Result<Option<Self>, ApiError> {
        let found = one(context, id).await?.ok_or_else(|| ApiError::no_such(Resource::Customer))?;
        Ok(Some(Self { customer: found.into() }))
    }
}

impl ChatPayload {
    pub async fn of(context: &Context<'_>, id: ChatId) -> Result<Option<Self>, ApiError> {
        let found = one(context, id).await?.ok_or_else(|| ApiError::no_such(Resource::Chat))?;
        Ok(Some(Self { chat: found.into() }))
    }
}

impl MessagePayload {
    pub fn new(message: impl Into<Message>) -> Self {
        Self { message: message.into() }
    }
}

impl ChannelPayload {
    pub async fn of(context: &Context<'_>, id: InstanceId) -> Result<Option<Self>, ApiError> {
        let found = one(context, id).await?.ok_or_else(|| ApiError::no_such(Resource::Channel))?;
        Ok(Some(Self { channel: found.into() }))
    }
}

impl JobPayload {
    pub async fn of(context: &Context<'_>, id: JobId) -> Result<Option<Self>, ApiError> {
        let found = one(context, id).await?.ok_or_else(|| ApiError::no_such(Resource::Job))?;
        Ok(Some(Self { job: found.into() }))
    }
}
