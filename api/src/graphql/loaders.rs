//! What many fields need of the same kind, as one question: the customers of 50 chats, say. A field that needs one waits
//! a moment for the others; what is loaded is kept for nobody, so that a mutation's answer shows what it did.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, async_trait};
use interflow_application::read::{Channel, Chat, Customer, Extent, Marked, Message, Reads, Stretch};
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId, WorkspaceId};

use super::asker::Asker;
use crate::error::ApiError;

/// How long a field waits for others that need the same. Several of a query's fields are gathered within one turn of
/// the scheduler; it is as short as the timer allows.
const WAIT: Duration = Duration::from_millis(1);

/// The loader of one request, within its workspace.
pub type Loaders = DataLoader<Batches>;

/// Asks for many at once.
pub struct Batches {
    reads: Arc<dyn Reads>,
    workspace: WorkspaceId,
}

/// The loader of a request.
pub fn loaders(reads: Arc<dyn Reads>, workspace: WorkspaceId) -> Loaders {
    DataLoader::new(Batches { reads, workspace }, tokio::spawn).delay(WAIT)
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
                let found = self.reads.$question(self.workspace, ids).await?;
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
                    let pages = self.reads.$question(self.workspace, &stretches, extent).await?;
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
