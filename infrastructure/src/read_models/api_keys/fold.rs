//! What the events of a workspace make of the rows of its keys.

use chrono::{DateTime, Utc};
use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::ApiKey;
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::{KeyOrigin, WorkspaceEvent};

/// A row of `api_keys`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: ApiKey,
    pub(in crate::read_models) name: String,
    pub(in crate::read_models) secret_sha256: String,
    pub(in crate::read_models) origin: KeyOrigin,
    pub(in crate::read_models) created_at: DateTime<Utc>,
    pub(in crate::read_models) version: u64,
    pub(in crate::read_models) created_position: u64,
}

/// A key is issued and revoked, never changed: no row has to be loaded to be folded.
pub(super) fn fold(row: &mut Option<Row>, workspace: WorkspaceId, recorded: &RecordedEvent) {
    let Event::Workspace(event) = &recorded.event else { return };
    match event {
        WorkspaceEvent::KeyIssued { key_id, name, scopes, secret_sha256, expires_at, origin } => {
            let scopes = scopes.iter().copied().collect();
            *row = Some(Row {
                view: ApiKey { id: *key_id, workspace, scopes, expires_at: *expires_at },
                name: name.to_string(),
                secret_sha256: secret_sha256.clone(),
                origin: *origin,
                created_at: recorded.recorded_at,
                version: recorded.version,
                created_position: recorded.position,
            });
        }
        WorkspaceEvent::KeyRevoked { .. } => *row = None,
        WorkspaceEvent::WorkspaceCreated { .. } | WorkspaceEvent::WorkspacePlanChanged { .. } => {}
    }
}
