//! A workspace.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use interflow_application::limits::quota;
use interflow_application::read;
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::{Plan as Allowance, WorkspaceStatus as Status};
use serde::Serialize;

use super::usage::Usage;
use crate::graphql::asker::Asker;
use crate::graphql::guard::{Told, told};
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// What counting all of a workspace costs.
const COUNTING: usize = 200;

/// A tenant: what belongs to one is seen by none of the others.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Workspace {
    /// Its id.
    pub(super) id: ID,
    /// Its short name.
    slug: String,
    /// What people call it.
    name: Option<String>,
    /// How much it may do.
    plan: Plan,
    /// How many requests a minute its plan allows; without a bound when it is absent.
    requests_per_minute: Option<i32>,
    /// Whether its callers are served.
    status: WorkspaceStatus,
    /// Why they are not.
    suspended_reason: Option<String>,
    /// After how many days contents of messages are forgotten, a calendar month of them at a time; never when it is
    /// absent.
    message_retention_days: Option<i32>,
    /// When it was created.
    created_at: Timestamp,
    /// When it last changed, its keys aside.
    updated_at: Timestamp,
    /// How many events it has, those of its keys among them: what `expectedVersion` is compared with.
    version: Long,
    #[graphql(skip)]
    workspace: WorkspaceId,
}

/// How much a workspace may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "Allowance")]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// 60 requests a minute.
    Starter,
    /// 300 requests a minute.
    Professional,
    /// 1,000 requests a minute.
    Enterprise,
    /// As much as the machine can do.
    Unlimited,
}

/// Whether the callers of a workspace are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum WorkspaceStatus {
    /// They are.
    Active,
    /// They are refused; its channels stay connected.
    Suspended,
}

impl From<read::Workspace> for Workspace {
    fn from(workspace: read::Workspace) -> Self {
        Self {
            id: workspace.id.to_string().into(),
            slug: workspace.slug,
            name: workspace.name,
            plan: workspace.plan.into(),
            requests_per_minute: quota(workspace.plan).map(u32::cast_signed),
            status: workspace.status.into(),
            suspended_reason: workspace.suspended_reason,
            message_retention_days: workspace.message_retention.map(|retention| retention.days().into()),
            created_at: workspace.created_at.into(),
            updated_at: workspace.updated_at.into(),
            version: Long(workspace.version),
            workspace: workspace.id,
        }
    }
}

#[ComplexObject]
impl Workspace {
    /// What it has, and what went through it.
    #[graphql(complexity = "COUNTING + child_complexity")]
    async fn usage(&self, context: &Context<'_>) -> Told<Usage> {
        told(async {
            let asker = Asker::of(context)?;
            asker.saw("workspaces.usage", Some(self.workspace.to_string()), 0);
            let now = asker.app.core.clock.now();
            Ok(Some(asker.app.tenants.usage.usage(self.workspace, now).await?.into()))
        })
        .await
    }
}
