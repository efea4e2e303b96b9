use async_trait::async_trait;
use interflow_domain::workspace::{MessageRetention, Plan, Workspace, WorkspaceCommand};
use interflow_domain::{DisplayName, Reason, WorkspaceId};

use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Changes what the workspace of the context is called, how much it may do, or how long it keeps messages.
#[derive(Debug, Clone)]
pub struct ChangeWorkspace {
    /// What people call it; absent leaves it, `Some(None)` empties it.
    pub name: Option<Option<DisplayName>>,
    /// How much it may do; absent leaves it.
    pub plan: Option<Plan>,
    /// How long contents of messages are kept; absent leaves it, `Some(None)` keeps them for ever.
    pub message_retention: Option<Option<MessageRetention>>,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for ChangeWorkspace {
    type Output = WorkspaceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WorkspaceId, Error> {
        let mut commands = vec![];
        commands.extend(self.name.clone().map(|name| WorkspaceCommand::RenameWorkspace { name }));
        commands.extend(self.plan.map(|plan| WorkspaceCommand::ChangePlan { plan }));
        let retention = |message_days| WorkspaceCommand::ChangeRetention { message_days };
        commands.extend(self.message_retention.map(retention));
        carry_out(decision, self.expected, commands).await
    }
}

/// Refuses the callers of the workspace of the context from now on.
#[derive(Debug, Clone)]
pub struct SuspendWorkspace {
    /// Why.
    pub reason: Option<Reason>,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for SuspendWorkspace {
    type Output = WorkspaceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WorkspaceId, Error> {
        let suspend = WorkspaceCommand::SuspendWorkspace { reason: self.reason.clone() };
        carry_out(decision, self.expected, vec![suspend]).await
    }
}

/// Serves the callers of the workspace of the context again.
#[derive(Debug, Clone)]
pub struct ResumeWorkspace {
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for ResumeWorkspace {
    type Output = WorkspaceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WorkspaceId, Error> {
        carry_out(decision, self.expected, vec![WorkspaceCommand::ResumeWorkspace]).await
    }
}

async fn carry_out(
    decision: &mut Decision<'_>,
    expected: Option<u64>,
    commands: Vec<WorkspaceCommand>,
) -> Result<WorkspaceId, Error> {
    let id = decision.context().workspace;
    let stream = StreamId::Workspace(id);
    if !decision.load::<Workspace>(stream).await?.exists() {
        return Err(Error::NotFound(crate::Resource::Workspace));
    }
    decision.expect_version(stream, expected).await?;
    for command in commands {
        decision.execute::<Workspace>(stream, command).await?;
    }
    decision.answers_with(ResourceRef::Workspace(id));
    Ok(id)
}
