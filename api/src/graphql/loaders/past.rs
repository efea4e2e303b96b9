//! What was shown once, of many at a time.

use std::collections::HashMap;

use async_graphql::async_trait;
use async_graphql::dataloader::Loader;
use interflow_application::ChannelRef;
use interflow_application::past::{Past, Shown, Thing};
use interflow_application::read::{
    Channel, Chat, ChatFilter, ChatSort, Customer, Listing, Marked, Message, MessageFilter, MessageSort,
    Sort, Start,
};
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};

use super::{Batches, ChatsOfChannel, ChatsOfCustomer, MessagesOf};
use crate::error::ApiError;

/// Something as of a position of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Then<K>(pub K, pub u64);

macro_rules! by_id {
    ($($id:ty, $kind:ident, $view:ty);* $(;)?) => {$(
        #[async_trait::async_trait]
        impl Loader<Then<$id>> for Batches {
            type Value = Past<$view>;
            type Error = ApiError;

            async fn load(&self, keys: &[Then<$id>]) -> Result<HashMap<Then<$id>, Past<$view>>, ApiError> {
                let mut wanted: HashMap<u64, Vec<$id>> = HashMap::new();
                for Then(id, at) in keys {
                    wanted.entry(*at).or_default().push(*id);
                }
                let mut found = HashMap::with_capacity(keys.len());
                for (at, ids) in wanted {
                    let things: Vec<_> = ids.iter().copied().map(Thing::$kind).collect();
                    let shown = self.app.past.each(self.workspace, at, &things).await?;
                    for (id, past) in ids.into_iter().zip(shown) {
                        if let Some(Past { item: Shown::$kind(item), erased }) = past {
                            found.insert(Then(id, at), Past { item, erased });
                        }
                    }
                }
                Ok(found)
            }
        }
    )*};
}

by_id! {
    CustomerId, Customer, Customer;
    ChatId, Chat, Chat;
    MessageId, Message, Message;
    InstanceId, Channel, Channel;
}

macro_rules! by_stretch {
    ($($key:ident, $view:ty, $question:ident, $sort:expr, $filter:expr);* $(;)?) => {$(
        /// One list after another: each is folded from the log, which is work for the database. One that cannot be told
        /// takes no other with it.
        #[async_trait::async_trait]
        impl Loader<Then<$key>> for Batches {
            type Value = Result<Marked<Past<$view>>, ApiError>;
            type Error = ApiError;

            async fn load(
                &self,
                keys: &[Then<$key>],
            ) -> Result<HashMap<Then<$key>, Self::Value>, ApiError> {
                let mut found = HashMap::with_capacity(keys.len());
                for key in keys {
                    let Then($key(stretch, extent), at) = key;
                    let listing = Listing {
                        filter: ($filter)(stretch.of),
                        sort: Sort { key: $sort, descending: extent.descending },
                        start: stretch.after.clone().map_or(Start::Page(1), Start::After),
                        size: extent.size,
                    };
                    let page = self.app.past.$question(self.workspace, *at, &listing).await;
                    found.insert(key.clone(), page.map_err(ApiError::from));
                }
                Ok(found)
            }
        }
    )*};
}

by_stretch! {
    MessagesOf, Message, messages, MessageSort::CreatedAt,
        |chat| MessageFilter { chat: Some(chat), ..MessageFilter::default() };
    ChatsOfCustomer, Chat, chats, ChatSort::LastActivity,
        |customer| ChatFilter { customer: Some(customer), ..ChatFilter::default() };
    ChatsOfChannel, Chat, chats, ChatSort::LastActivity,
        |channel| ChatFilter { channel: Some(ChannelRef::id(channel)), ..ChatFilter::default() };
}
