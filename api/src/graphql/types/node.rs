//! Anything that has an id of its own.

use async_graphql::{Context, ID, Interface};
use interflow_domain::workspace::Scope;
use interflow_domain::{
    ChatId, CustomerId, DeliveryId, InstanceId, JobId, KeyId, MessageId, WebhookId, WorkspaceId,
};

use super::{Channel, Chat, Customer, Delivery, Job, Key, Message, Webhook, Workspace};
use crate::error::ApiError;
use crate::extract::Query;
use crate::graphql::asker::Asker;
use crate::graphql::loaders::by_id;
use crate::graphql::past::{AsOf, by_id_as_of};

/// Anything that has an id of its own, and can be had by it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "Its id, which says by its prefix what it is."))]
pub enum Node {
    Channel(Channel),
    Chat(Chat),
    Customer(Customer),
    Message(Message),
    Job(Job),
    Webhook(Webhook),
    Delivery(Delivery),
    Key(Key),
    Workspace(Workspace),
}

impl Node {
    /// What has this id, if there is anything of the kind. The key needs the scope that its kind asks for.
    pub async fn find(
        context: &Context<'_>,
        id: &str,
        as_of: Option<AsOf>,
    ) -> Result<Option<Self>, ApiError> {
        let asker = Asker::of(context)?;
        let prefix = id.split_once('_').map(|(prefix, _)| prefix);
        match prefix {
            Some(CustomerId::PREFIX) => {
                asker.may(Scope::CustomersRead)?;
                let Ok(id) = id.parse::<CustomerId>() else { return Ok(None) };
                Ok(by_id_as_of(context, id, as_of).await?.map(Self::Customer))
            }
            Some(ChatId::PREFIX) => {
                asker.may(Scope::ChatsRead)?;
                let Ok(id) = id.parse::<ChatId>() else { return Ok(None) };
                Ok(by_id_as_of(context, id, as_of).await?.map(Self::Chat))
            }
            Some(MessageId::PREFIX) => {
                asker.may(Scope::MessagesRead)?;
                let Ok(id) = id.parse::<MessageId>() else { return Ok(None) };
                Ok(by_id_as_of(context, id, as_of).await?.map(Self::Message))
            }
            Some(InstanceId::PREFIX) => {
                asker.may(Scope::ChannelsRead)?;
                let Ok(id) = id.parse::<InstanceId>() else { return Ok(None) };
                Ok(by_id_as_of(context, id, as_of).await?.map(Self::Channel))
            }
            _ if as_of.is_some() => Err(Query::refused(
                "as_of",
                "must be left out for what is no channel, chat, customer or message",
            )),
            Some(JobId::PREFIX) => {
                asker.may(Scope::JobsRead)?;
                let Ok(id) = id.parse::<JobId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Job::from).map(Self::Job))
            }
            Some(WebhookId::PREFIX) => {
                asker.may(Scope::WebhooksRead)?;
                let Ok(id) = id.parse::<WebhookId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Self::Webhook))
            }
            Some(DeliveryId::PREFIX) => {
                asker.may(Scope::WebhooksRead)?;
                let Ok(id) = id.parse::<DeliveryId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Delivery::from).map(Self::Delivery))
            }
            Some(KeyId::PREFIX) => {
                asker.may(Scope::KeysRead)?;
                let Ok(id) = id.parse::<KeyId>() else { return Ok(None) };
                let key = asker.app.core.reads.api_key(asker.workspace(), id).await?;
                Ok(key.inspect(|_| asker.saw("keys", Some(id.to_string()), 0)).map(Key::from).map(Self::Key))
            }
            Some(WorkspaceId::PREFIX) => {
                let Ok(id) = id.parse::<WorkspaceId>() else { return Ok(None) };
                if id != asker.workspace() {
                    asker.may(Scope::WorkspacesRead)?;
                }
                let workspace = asker.app.core.reads.workspace(id).await?;
                let workspace = workspace.inspect(|_| asker.saw("workspaces", Some(id.to_string()), 0));
                Ok(workspace.map(Workspace::from).map(Self::Workspace))
            }
            _ => Ok(None),
        }
    }
}
