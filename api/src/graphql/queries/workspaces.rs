//! Workspaces.

use async_graphql::{Context, Object};

use crate::graphql::asker::Asker;
use crate::graphql::guard::{Told, told};
use crate::graphql::types::Workspace;

#[derive(Default)]
pub struct WorkspaceQuery;

#[Object]
impl WorkspaceQuery {
    /// The key's own workspace. Any key may ask.
    async fn workspace(&self, context: &Context<'_>) -> Told<Workspace> {
        told(async {
            let asker = Asker::of(context)?;
            let workspace = asker.app.core.reads.workspace(asker.workspace()).await?;
            asker.saw("workspace", None, 0);
            Ok(workspace.map(Workspace::from))
        })
        .await
    }
}
