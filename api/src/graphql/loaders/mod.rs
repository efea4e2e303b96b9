//! What many fields need of the same kind, as one question: the customers of 50 chats, say. A field that needs one waits
//! a moment for the others; what is loaded is kept for nobody, so that a mutation's answer shows what it did.

mod past;

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, async_trait};
use interflow_application::read::{Channel, Chat, Customer, Extent, Job, Marked, Message, Stretch};
use interflow_application::webhook::{Attempt, Delivery};
use interflow_domain::{
    ChatId, CustomerId, DeliveryId, InstanceId, JobId, MessageId, WebhookId, WorkspaceId,
};

use super::asker::Asker;
use super::types::Webhook;
use crate::error::ApiError;
use crate::rest::v1::webhooks::shape_of;
use crate::state::App;

pub use past::Then;

/// How long a field waits for others that need the same. Several of a query's fields are gathered within one turn of
/// the scheduler; it is as short as the timer allows.
const WAIT: Duration = Duration::from_millis(1);

/// The loader of one request, within its workspace.
pub type Loaders = DataLoader<Batches>;

/// Asks for many at once.
pub struct Batches {
    app: App,
    workspace: WorkspaceId,
}

/// The loader of a request.
pub fn loaders(app: App, workspace: WorkspaceId) -> Loaders {
    DataLoader::new(Batches { app, workspace }, tokio::spawn).delay(WAIT)
}

/// One of many, when its turn comes.
pub async fn one<K>(context: &Context<'_>, key: K) -> Result<Option<<Batches as Loader<K>>::Value>, ApiError>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Batches: Loader<K, Error = ApiError>,
{
    let loaders = context.data_opt::<Loaders>();
    let loaders = loaders.ok_or_else(|| ApiError::internal("a GraphQL request without loaders"))?;
    loaders.load_one(key).await
}

/// What is had by its id, and what REST's route to it is called.
pub trait Named: ToString + Send + Sync + Hash + Eq + Clone + 'static {
    const RESOURCE: &'static str;
}

/// What was asked for by its id. Who sees it is noted with the id.
pub async fn by_id<K>(context: &Context<'_>, id: K) -> Result<Option<<Batches as Loader<K>>::Value>, ApiError>
where
    K: Named,
    Batches: Loader<K, Error = ApiError>,
{
    let found = one(context, id.clone()).await?;
    if found.is_some() {
        Asker::of(context)?.saw(K::RESOURCE, Some(id.to_string()), 0);
    }
    Ok(found)
}

/// What stands beside something else that is shown. Who sees it is noted as for an entry of a list, without the id: a
/// page of a hundred would be a hundred notes.
pub async fn beside<K>(
    context: &Context<'_>,
    id: K,
) -> Result<Option<<Batches as Loader<K>>::Value>, ApiError>
where
    K: Named,
    Batches: Loader<K, Error = ApiError>,
{
    let found = one(context, id).await?;
    if found.is_some() {
        Asker::of(context)?.saw(K::RESOURCE, None, 1);
    }
    Ok(found)
}

macro_rules! by_id {
    ($($id:ty, $view:ty, $question:ident, $resource:literal);* $(;)?) => {$(
        impl Named for $id {
            const RESOURCE: &'static str = $resource;
        }

        #[async_trait::async_trait]
        impl Loader<$id> for Batches {
            type Value = $view;
            type Error = ApiError;

            async fn load(&self, ids: &[$id]) -> Result<HashMap<$id, $view>, ApiError> {
                let found = self.app.core.reads.$question(self.workspace, ids).await?;
                Ok(found.into_iter().map(|view| (view.id, view)).collect())
            }
        }
    )*};
}

by_id! {
    CustomerId, Customer, customers_by_id, "customers";
    ChatId, Chat, chats_by_id, "chats";
    MessageId, Message, messages_by_id, "messages";
    InstanceId, Channel, channels_by_id, "channels";
    JobId, Job, jobs_by_id, "jobs";
}

/// A stretch of the messages of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessagesOf(pub Stretch<ChatId>, pub Extent);

/// A stretch of the chats of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChatsOfCustomer(pub Stretch<CustomerId>, pub Extent);

/// A stretch of the chats through a channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChatsOfChannel(pub Stretch<InstanceId>, pub Extent);

macro_rules! by_stretch {
    ($($key:ident, $id:ty, $view:ty, $question:ident);* $(;)?) => {$(
        #[async_trait::async_trait]
        impl Loader<$key> for Batches {
            type Value = Marked<$view>;
            type Error = ApiError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Marked<$view>>, ApiError> {
                let mut found = HashMap::with_capacity(keys.len());
                // As many questions as there are such fields in the query, however many rows have them.
                for (extent, stretches) in by_extent(keys.iter().map(|$key(stretch, extent)| (*extent, stretch.clone()))) {
                    let pages = self.app.core.reads.$question(self.workspace, &stretches, extent).await?;
                    found.extend(stretches.into_iter().map(|stretch| $key(stretch, extent)).zip(pages));
                }
                Ok(found)
            }
        }
    )*};
}

by_stretch! {
    MessagesOf, ChatId, Message, messages_of_chats;
    ChatsOfCustomer, CustomerId, Chat, chats_of_customers;
    ChatsOfChannel, InstanceId, Chat, chats_of_channels;
}

fn by_extent<P>(asked: impl Iterator<Item = (Extent, Stretch<P>)>) -> HashMap<Extent, Vec<Stretch<P>>> {
    let mut gathered: HashMap<Extent, Vec<Stretch<P>>> = HashMap::new();
    for (extent, stretch) in asked {
        gathered.entry(extent).or_default().push(stretch);
    }
    gathered
}

/// The attempts at a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptsAt(pub DeliveryId);

impl Named for DeliveryId {
    const RESOURCE: &'static str = "webhooks.deliveries";
}

#[async_trait::async_trait]
impl Loader<DeliveryId> for Batches {
    type Value = Delivery;
    type Error = ApiError;

    async fn load(&self, ids: &[DeliveryId]) -> Result<HashMap<DeliveryId, Delivery>, ApiError> {
        let found = self.app.webhooks.reads.deliveries_by_id(self.workspace, ids).await?;
        Ok(found.into_iter().map(|delivery| (delivery.id, delivery)).collect())
    }
}

#[async_trait::async_trait]
impl Loader<AttemptsAt> for Batches {
    type Value = Vec<Attempt>;
    type Error = ApiError;

    async fn load(&self, keys: &[AttemptsAt]) -> Result<HashMap<AttemptsAt, Vec<Attempt>>, ApiError> {
        let ids: Vec<_> = keys.iter().map(|AttemptsAt(id)| *id).collect();
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for (id, attempt) in self.app.webhooks.reads.attempts_of(self.workspace, &ids).await? {
            found.entry(AttemptsAt(id)).or_default().push(attempt);
        }
        Ok(found)
    }
}

impl Named for WebhookId {
    const RESOURCE: &'static str = "webhooks";
}

/// What an endpoint is stands in its stream, so each is read by itself; they are few.
#[async_trait::async_trait]
impl Loader<WebhookId> for Batches {
    type Value = Webhook;
    type Error = ApiError;

    async fn load(&self, ids: &[WebhookId]) -> Result<HashMap<WebhookId, Webhook>, ApiError> {
        let mut found = HashMap::with_capacity(ids.len());
        for id in ids {
            if let Some(view) = self.app.webhooks.reads.webhook(self.workspace, *id).await? {
                let shape = shape_of(&self.app, self.workspace, view).await?;
                found.insert(*id, shape.into());
            }
        }
        Ok(found)
    }
}
