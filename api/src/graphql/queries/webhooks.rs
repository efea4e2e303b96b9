//! Webhooks.

use async_graphql::{Context, ID, Object};
use futures::future::try_join_all;
use interflow_application::read::Page;
use interflow_domain::WebhookId;
use interflow_domain::workspace::Scope;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::page_request;
use crate::graphql::loaders::{Named as _, by_id};
use crate::graphql::types::Webhook;
use crate::rest::v1::webhooks::shape_of;

#[derive(Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// The webhooks, newest first. Needs `webhooks:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn webhooks(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
    ) -> Told<Connection<Webhook>> {
        needs(context, Scope::WebhooksRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let found = asker.app.webhooks.reads.webhooks(asker.workspace(), request).await?;
            let Page { items, cursors, total, total_is_estimate, next } = found;
            let shapes = items.into_iter().map(|view| shape_of(&asker.app, asker.workspace(), view));
            let items = try_join_all(shapes).await?;
            let page = Page { items, cursors, total, total_is_estimate, next };
            Ok(Some(asker.shown(
                WebhookId::RESOURCE,
                None,
                Connection::of(page, after.is_some(), Webhook::from),
            )))
        })
        .await
    }

    /// A webhook and how far it is. Needs `webhooks:read`.
    async fn webhook(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Told<Webhook> {
        needs(context, Scope::WebhooksRead, async {
            let Ok(id) = id.parse::<WebhookId>() else { return Ok(None) };
            by_id(context, id).await
        })
        .await
    }
}
