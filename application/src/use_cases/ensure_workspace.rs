use async_trait::async_trait;
use interflow_domain::workspace::{HOME_SLUG, Plan, Workspace, WorkspaceCommand};
use interflow_domain::{WorkspaceId, WorkspaceSlug};
use uuid::Uuid;

use crate::log::StreamId;
use crate::{Decision, Error, UseCase};

/// Creates a workspace, unless it exists. The context must be of the same workspace.
#[derive(Debug, Clone)]
pub struct EnsureWorkspace {
    /// Its short name.
    pub slug: WorkspaceSlug,
    /// How much it may do, if it is created now.
    pub plan: Plan,
}

/// The id of the workspace with a short name. A function of the name: since every log belongs to one workspace, this
/// is what makes names unique over all of them.
#[must_use]
pub fn workspace_id(slug: &WorkspaceSlug) -> WorkspaceId {
    id_of(slug.as_str())
}

/// The id of the first workspace of a server, whose keys may govern the others.
#[must_use]
pub fn home_workspace() -> WorkspaceId {
    id_of(HOME_SLUG)
}

fn id_of(slug: &str) -> WorkspaceId {
    /// A random UUID, drawn once for this purpose.
    const NAMESPACE: Uuid = Uuid::from_u128(0x5f1c_95a4_3b0e_4f0b_9c5a_7d5f_2f6a_81e3);
    WorkspaceId::new(Uuid::new_v5(&NAMESPACE, slug.as_bytes()))
}

#[async_trait]
impl UseCase for EnsureWorkspace {
    /// Whether it was created now.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let workspace_id = workspace_id(&self.slug);
        let stream = StreamId::Workspace(workspace_id);
        if decision.load::<Workspace>(stream).await?.exists() {
            return Ok(false);
        }
        let command =
            WorkspaceCommand::CreateWorkspace { workspace_id, slug: self.slug.clone(), plan: self.plan };
        decision.execute::<Workspace>(stream, command).await
    }
}
