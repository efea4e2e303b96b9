//! Anything that has an id of its own.

use async_graphql::{Context, ID, Interface};
use interflow_domain::workspace::Scope;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};

use super::{Channel, Chat, Customer, Message};
use crate::error::ApiError;
use crate::graphql::asker::Asker;
use crate::graphql::loaders::by_id;

/// Anything that has an id of its own, and can be had by it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "Its id, which says by its prefix what it is."))]
pub enum Node {
    Channel(Channel),
    Chat(Chat),
    Customer(Customer),
    Message(Message),
}

impl Node {
    /// What has this id, if there is anything of the kind. The key needs the scope that its kind asks for.
    pub async fn find(context: &Context<'_>, id: &str) -> Result<Option<Self>, ApiError> {
        let asker = Asker::of(context)?;
        let prefix = id.split_once('_').map(|(prefix, _)| prefix);
        match prefix {
            Some(CustomerId::PREFIX) => {
                asker.may(Scope::CustomersRead)?;
                let Ok(id) = id.parse::<CustomerId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Customer::from).map(Self::Customer))
            }
            Some(ChatId::PREFIX) => {
                asker.may(Scope::ChatsRead)?;
                let Ok(id) = id.parse::<ChatId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Chat::from).map(Self::Chat))
            }
            Some(MessageId::PREFIX) => {
                asker.may(Scope::MessagesRead)?;
                let Ok(id) = id.parse::<MessageId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Message::from).map(Self::Message))
            }
            Some(InstanceId::PREFIX) => {
                asker.may(Scope::ChannelsRead)?;
                let Ok(id) = id.parse::<InstanceId>() else { return Ok(None) };
                Ok(by_id(context, id).await?.map(Channel::from).map(Self::Channel))
            }
            _ => Ok(None),
        }
    }
}
