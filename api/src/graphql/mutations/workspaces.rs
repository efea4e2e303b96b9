//! Changes of workspaces, for keys of the first one.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use interflow_application::{ChangeWorkspace, Resource, ResumeWorkspace, SuspendWorkspace, UseCase};
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use super::CHANGE;
use super::keys::KeySecretPayload;
use crate::error::ApiError;
use crate::graphql::change::{Change, named, read, version};
use crate::graphql::guard::{Told, needs};
use crate::graphql::scalars::Long;
use crate::graphql::types::Workspace;
use crate::graphql::types::workspace::Plan;
use crate::rest::v1::workspaces::{self as verbs, Draft, Named, Suspension, establish, govern, key_of};

/// A workspace that is to be.
#[derive(InputObject, Serialize)]
pub struct CreateWorkspaceInput {
    /// Its short name, for ever.
    slug: String,
    /// What people are to call it.
    name: Option<String>,
    /// How much it may do.
    plan: Plan,
}

/// What is to change of a workspace: what is left out stays.
#[derive(InputObject, Serialize)]
pub struct UpdateWorkspaceInput {
    /// The workspace, by its id or its slug.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the workspace has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// What people are to call it; null removes.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    name: MaybeUndefined<String>,
    /// How much it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    /// After how many days contents of messages are forgotten for ever, 1 to 36,500; null keeps them.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    message_retention_days: MaybeUndefined<i32>,
}

/// Which workspace is to be suspended, and why.
#[derive(InputObject, Serialize)]
pub struct SuspendWorkspaceInput {
    /// The workspace, by its id or its slug.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the workspace has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// Why, for those who run the server.
    reason: Option<String>,
}

/// Which workspace is to be resumed.
#[derive(InputObject)]
pub struct ResumeWorkspaceInput {
    /// The workspace, by its id or its slug.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the workspace has another version.
    expected_version: Option<Long>,
}

/// What became of a workspace.
#[derive(SimpleObject)]
pub struct WorkspacePayload {
    /// The workspace as it is now.
    workspace: Workspace,
}

/// A new workspace with its first key, which may do everything in it.
#[derive(SimpleObject)]
pub struct CreateWorkspacePayload {
    /// The workspace.
    workspace: Workspace,
    /// Its first key with its secret, which is shown here and nowhere else; absent when a repetition comes after it was
    /// revoked.
    first_key: Option<KeySecretPayload>,
}

async fn find(change: &Change<'_>, id: WorkspaceId) -> Result<Workspace, ApiError> {
    let workspace = change.app.core.reads.workspace(id).await?;
    workspace.map(Workspace::from).ok_or_else(|| ApiError::no_such(Resource::Workspace))
}

async fn changed<U: UseCase<Output = WorkspaceId>>(
    change: &Change<'_>,
    id: &ID,
    use_case: &U,
) -> Result<Option<WorkspacePayload>, ApiError> {
    let Named(id) = named(id)?;
    let id = govern(&change.call, id, use_case).await?;
    Ok(Some(WorkspacePayload { workspace: find(change, id).await? }))
}

#[derive(Default)]
pub struct WorkspaceMutation;

#[Object]
impl WorkspaceMutation {
    /// Creates a workspace with its first key; for keys of the server's first workspace. Needs `workspaces:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn create_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateWorkspaceInput,
        #[graphql(desc = "A repetition with the same key makes nothing, and gives the same secret.")]
        idempotency_key: Option<String>,
    ) -> Told<CreateWorkspacePayload> {
        needs(context, Scope::WorkspacesWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, secret) = establish(change.app, &change.call, read::<Draft>(&input)?).await?;
            let key = key_of(change.app, id, &secret).await?;
            let first_key = key.map(|key| KeySecretPayload::new(key, secret));
            Ok(Some(CreateWorkspacePayload { workspace: find(&change, id).await?, first_key }))
        })
        .await
    }

    /// Changes a workspace's name, plan or retention; for keys of the server's first workspace. Needs `workspaces:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn update_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateWorkspaceInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<WorkspacePayload> {
        needs(context, Scope::WorkspacesWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let verbs::Change { name, plan, message_retention } = read(&input)?;
            let expected = version(input.expected_version);
            changed(&change, &input.id, &ChangeWorkspace { name, plan, message_retention, expected }).await
        })
        .await
    }

    /// Suspends a workspace: its keys are refused, its channels stay connected; for keys of the server's first workspace.
    /// Needs `workspaces:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn suspend_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and why.")] input: SuspendWorkspaceInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<WorkspacePayload> {
        needs(context, Scope::WorkspacesWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let Suspension { reason } = read(&input)?;
            let expected = version(input.expected_version);
            changed(&change, &input.id, &SuspendWorkspace { reason, expected }).await
        })
        .await
    }

    /// Resumes a workspace; for keys of the server's first workspace. Needs `workspaces:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn resume_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ResumeWorkspaceInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<WorkspacePayload> {
        needs(context, Scope::WorkspacesWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let expected = version(input.expected_version);
            changed(&change, &input.id, &ResumeWorkspace { expected }).await
        })
        .await
    }
}
