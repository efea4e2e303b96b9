//! What the events of a workspace make of its row.

use chrono::{DateTime, Utc};
use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::Workspace;
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::{WorkspaceEvent, WorkspaceStatus};

/// A row of `workspaces`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: Workspace,
    pub(in crate::read_models) creation_order: i64,
}

pub(in crate::read_models) fn fold(row: &mut Option<Row>, id: WorkspaceId, recorded: &RecordedEvent) {
    use WorkspaceEvent as E;

    let Event::Workspace(event) = &recorded.event else { return };
    if let E::WorkspaceCreated { slug, plan, .. } = event {
        let view = Workspace {
            id,
            slug: slug.to_string(),
            name: None,
            plan: *plan,
            status: WorkspaceStatus::Active,
            suspended_reason: None,
            message_retention: None,
            created_at: recorded.recorded_at,
            updated_at: recorded.recorded_at,
            version: recorded.version,
        };
        let creation_order = creation_order(id, recorded.recorded_at);
        *row = Some(Row { view, creation_order });
    }
    let Some(Row { view, .. }) = row else { return };
    view.version = recorded.version;
    match event {
        E::WorkspacePlanChanged { plan } => view.plan = *plan,
        E::WorkspaceRenamed { name } => view.name = name.as_ref().map(ToString::to_string),
        E::WorkspaceSuspended { reason } => {
            view.status = WorkspaceStatus::Suspended;
            view.suspended_reason = reason.as_ref().map(ToString::to_string);
        }
        E::WorkspaceResumed {} => {
            view.status = WorkspaceStatus::Active;
            view.suspended_reason = None;
        }
        E::RetentionChanged { message_days } => view.message_retention = *message_days,
        E::WorkspaceCreated { .. } => {}
        E::MessagesExpired { .. } | E::KeyIssued { .. } | E::KeyRotated { .. } | E::KeyRevoked { .. } => {
            return;
        }
    }
    view.updated_at = recorded.recorded_at;
}

/// What the list of all is sorted by: the microsecond of the creation, and ten bits of the id.
fn creation_order(id: WorkspaceId, created_at: DateTime<Utc>) -> i64 {
    let bits = id.uuid().as_u128() & 0x3ff;
    (created_at.timestamp_micros() << 10) | i64::try_from(bits).unwrap_or_default()
}
