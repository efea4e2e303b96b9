//! API keys.

use async_graphql::{Context, ID, Object};
use interflow_domain::KeyId;
use interflow_domain::workspace::Scope;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::page_request;
use crate::graphql::types::Key;

#[derive(Default)]
pub struct KeyQuery;

#[Object]
impl KeyQuery {
    /// The API keys of the workspace, newest first. Needs `keys:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn keys(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
    ) -> Told<Connection<Key>> {
        needs(context, Scope::KeysRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let keys = asker.app.core.reads.api_keys(asker.workspace(), request).await?;
            Ok(Some(asker.shown("keys", None, Connection::of(keys, after.is_some(), Key::from))))
        })
        .await
    }

    /// An API key. Needs `keys:read`.
    async fn key(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Told<Key> {
        needs(context, Scope::KeysRead, async {
            let asker = Asker::of(context)?;
            let Ok(id) = id.parse::<KeyId>() else { return Ok(None) };
            let Some(key) = asker.app.core.reads.api_key(asker.workspace(), id).await? else {
                return Ok(None);
            };
            asker.saw("keys", Some(id.to_string()), 0);
            Ok(Some(key.into()))
        })
        .await
    }
}
