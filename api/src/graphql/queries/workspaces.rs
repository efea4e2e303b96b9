//! Workspaces: the key's own, and, for keys of the first one, every one.

use async_graphql::{Context, ID, Object};
use interflow_domain::workspace::Scope;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs, told};
use crate::graphql::listing::page_request;
use crate::graphql::types::Workspace;
use crate::rest::v1::workspaces::Named;

#[derive(Default)]
pub struct WorkspaceQuery;

#[Object]
impl WorkspaceQuery {
    /// The key's own workspace, which any key may see; or another, by its id or its slug, for keys of the server's first
    /// workspace that have `workspaces:read`.
    async fn workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id, or the slug; the key's own workspace when it is left out.")] id: Option<ID>,
    ) -> Told<Workspace> {
        told(async {
            let asker = Asker::of(context)?;
            let (seen, named, id) = match id {
                None => ("workspace", None, asker.workspace()),
                Some(id) => {
                    asker.may(Scope::WorkspacesRead)?;
                    let Ok(Named(id)) = id.parse() else { return Ok(None) };
                    ("workspaces", Some(id.to_string()), id)
                }
            };
            let Some(workspace) = asker.app.core.reads.workspace(id).await? else { return Ok(None) };
            asker.saw(seen, named, 0);
            Ok(Some(workspace.into()))
        })
        .await
    }

    /// Every workspace of the server, newest first; for keys of the first one. Needs `workspaces:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn workspaces(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
    ) -> Told<Connection<Workspace>> {
        needs(context, Scope::WorkspacesRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let workspaces = asker.app.core.reads.workspaces(request).await?;
            Ok(Some(asker.shown(
                "workspaces",
                None,
                Connection::of(workspaces, after.is_some(), Workspace::from),
            )))
        })
        .await
    }
}
