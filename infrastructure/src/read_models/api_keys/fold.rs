//! What the events of a workspace make of the rows of its keys.

use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::ApiKey;
use interflow_domain::workspace::WorkspaceEvent;

/// A row of `api_keys`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: ApiKey,
    pub(in crate::read_models) secret_sha256: String,
    pub(in crate::read_models) previous_secret_sha256: Option<String>,
    pub(in crate::read_models) created_position: u64,
}

pub(in crate::read_models) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent) {
    let Event::Workspace(event) = &recorded.event else { return };
    match event {
        WorkspaceEvent::KeyIssued { key_id, name, scopes, secret_sha256, expires_at, origin, prefix } => {
            let view = ApiKey {
                id: *key_id,
                name: name.to_string(),
                prefix: prefix.clone(),
                scopes: scopes.iter().copied().collect(),
                expires_at: *expires_at,
                last_used_at: None,
                created_at: recorded.recorded_at,
                rotated_at: None,
                previous_until: None,
                origin: *origin,
                version: 1,
            };
            *row = Some(Row {
                view,
                secret_sha256: secret_sha256.clone(),
                previous_secret_sha256: None,
                created_position: recorded.position,
            });
        }
        WorkspaceEvent::KeyRotated { secret_sha256, prefix, previous_until, .. } => {
            if let Some(row) = row {
                let replaced = std::mem::replace(&mut row.secret_sha256, secret_sha256.clone());
                row.previous_secret_sha256 = Some(replaced);
                row.view.prefix.clone_from(prefix);
                row.view.previous_until = Some(*previous_until);
                row.view.rotated_at = Some(recorded.recorded_at);
                row.view.version += 1;
            }
        }
        WorkspaceEvent::KeyRevoked { .. } => *row = None,
        WorkspaceEvent::WorkspaceCreated { .. }
        | WorkspaceEvent::WorkspacePlanChanged { .. }
        | WorkspaceEvent::WorkspaceRenamed { .. }
        | WorkspaceEvent::RetentionChanged { .. }
        | WorkspaceEvent::MessagesExpired { .. }
        | WorkspaceEvent::WorkspaceSuspended { .. }
        | WorkspaceEvent::WorkspaceResumed {} => {}
    }
}
