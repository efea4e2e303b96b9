//! Anything, by its id.

use async_graphql::{Context, ID, Object};
use futures::future::join_all;

use crate::extract::Query;
use crate::graphql::asker::Asker;
use crate::graphql::guard::{Told, told};
use crate::graphql::past::AsOf;
use crate::graphql::types::Node;

/// Most ids in one `nodes`.
const MOST: usize = 100;

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything that has an id of its own. Needs the scope that its kind is read with.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it. Of channels, chats, customers and messages."
        )]
        as_of: Option<String>,
    ) -> Told<Node> {
        told(async { Node::find(context, &id, AsOf::said(Asker::of(context)?, as_of).await?).await }).await
    }

    /// Several things that have ids of their own, in the order of the ids; null where there is none. Needs the scopes that
    /// their kinds are read with.
    #[graphql(complexity = "ids.len() * child_complexity")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Their ids, 100 at most.")] ids: Vec<ID>,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it. Of channels, chats, customers and messages."
        )]
        as_of: Option<String>,
    ) -> Told<Vec<Told<Node>>> {
        if ids.len() > MOST {
            return Some(Err(Query::refused("ids", format!("must be at most {MOST} ids"))));
        }
        told(async {
            let as_of = AsOf::said(Asker::of(context)?, as_of).await?;
            Ok(Some(join_all(ids.iter().map(|id| told(Node::find(context, id, as_of)))).await))
        })
        .await
    }
}
