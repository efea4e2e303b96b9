use async_trait::async_trait;
use interflow_domain::workspace::{KeyOrigin, Plan, Scope, Workspace, WorkspaceCommand};
use interflow_domain::{DisplayName, KeyId, WorkspaceId, WorkspaceSlug};
use sha2::{Digest, Sha256};

use super::ensure_workspace::workspace_id;
use super::issue_key::shown;
use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Creates a workspace, and its first key, which may do everything in it. The context must be of that workspace.
#[derive(Clone)]
pub struct CreateWorkspace {
    /// Its short name; nobody else may have it.
    pub slug: WorkspaceSlug,
    /// What people call it.
    pub name: Option<DisplayName>,
    /// How much it may do.
    pub plan: Plan,
    /// The first key's id.
    pub key_id: KeyId,
    /// What people call the first key.
    pub key_name: DisplayName,
    /// The first key's secret.
    pub secret: String,
}

#[async_trait]
impl UseCase for CreateWorkspace {
    type Output = WorkspaceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WorkspaceId, Error> {
        let workspace_id = workspace_id(&self.slug);
        let stream = StreamId::Workspace(workspace_id);
        let create =
            WorkspaceCommand::CreateWorkspace { workspace_id, slug: self.slug.clone(), plan: self.plan };
        decision.execute::<Workspace>(stream, create).await?;
        let rename = WorkspaceCommand::RenameWorkspace { name: self.name.clone() };
        decision.execute::<Workspace>(stream, rename).await?;
        let issue = WorkspaceCommand::IssueKey {
            key_id: self.key_id,
            name: self.key_name.clone(),
            scopes: vec![Scope::All],
            secret_sha256: hex::encode(Sha256::digest(&self.secret)),
            prefix: shown(&self.secret),
            expires_at: None,
            origin: KeyOrigin::Issued,
            // Whoever asks is a key of another workspace.
            issued_by: None,
        };
        decision.execute::<Workspace>(stream, issue).await?;
        decision.answers_with(ResourceRef::Workspace(workspace_id));
        Ok(workspace_id)
    }
}
