use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{KeyOrigin, Plan, Scope, WorkspaceCommand, WorkspaceError, WorkspaceEvent};
use crate::{Decide, DisplayName, KeyId, WorkspaceId, WorkspaceSlug};

/// What the events of a workspace amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Workspace {
    identity: Option<(WorkspaceId, WorkspaceSlug, Plan)>,
    keys: Vec<Key>,
}

/// A key that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its id.
    pub key_id: KeyId,
    /// What people call it.
    pub name: DisplayName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// SHA-256 of the secret, in hexadecimal.
    pub secret_sha256: String,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where it came from.
    pub origin: KeyOrigin,
}

impl Workspace {
    /// Whether it was created.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.identity.is_some()
    }

    /// The keys that work (but for their expiry).
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn decide_key(&self, key: Key) -> Result<Vec<WorkspaceEvent>, WorkspaceError> {
        if key.scopes.is_empty() {
            return Err(WorkspaceError::NoScopes);
        }
        if let Some(known) = self.keys.iter().find(|known| known.secret_sha256 == key.secret_sha256) {
            let unchanged = known.origin == KeyOrigin::Environment && key.origin == KeyOrigin::Environment;
            return if unchanged { Ok(vec![]) } else { Err(WorkspaceError::KeyAlreadyIssued) };
        }
        if self.keys.iter().any(|known| known.key_id == key.key_id) {
            return Err(WorkspaceError::KeyAlreadyIssued);
        }
        let replaced = self
            .keys
            .iter()
            .filter(|known| key.origin == KeyOrigin::Environment && known.origin == KeyOrigin::Environment)
            .map(|known| WorkspaceEvent::KeyRevoked { key_id: known.key_id });
        let mut events: Vec<_> = replaced.collect();
        let Key { key_id, name, scopes, secret_sha256, expires_at, origin } = key;
        events.push(WorkspaceEvent::KeyIssued { key_id, name, scopes, secret_sha256, expires_at, origin });
        Ok(events)
    }
}

impl Decide for Workspace {
    fn decide(&self, command: WorkspaceCommand) -> Result<Vec<WorkspaceEvent>, WorkspaceError> {
        use WorkspaceCommand as C;
        use WorkspaceEvent as E;

        let Some((_, _, current)) = &self.identity else {
            return match command {
                C::CreateWorkspace { workspace_id, slug, plan } => {
                    Ok(vec![E::WorkspaceCreated { workspace_id, slug, plan }])
                }
                _ => Err(WorkspaceError::NotCreated),
            };
        };
        match command {
            C::CreateWorkspace { .. } => Err(WorkspaceError::AlreadyCreated),
            C::ChangePlan { plan } if plan == *current => Ok(vec![]),
            C::ChangePlan { plan } => Ok(vec![E::WorkspacePlanChanged { plan }]),
            C::IssueKey { key_id, name, scopes, secret_sha256, expires_at, origin } => {
                self.decide_key(Key { key_id, name, scopes, secret_sha256, expires_at, origin })
            }
            C::RevokeKey { key_id } => {
                let known = self.keys.iter().any(|key| key.key_id == key_id);
                if known {
                    Ok(vec![E::KeyRevoked { key_id }])
                } else {
                    Err(WorkspaceError::UnknownKey(key_id))
                }
            }
        }
    }
}

impl Aggregate for Workspace {
    const TYPE: &'static str = "workspace";
    type Command = WorkspaceCommand;
    type Event = WorkspaceEvent;
    type Error = WorkspaceError;
    type Services = ();

    async fn handle(
        &mut self,
        command: WorkspaceCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), WorkspaceError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: WorkspaceEvent) {
        use WorkspaceEvent as E;
        match event {
            E::WorkspaceCreated { workspace_id, slug, plan } => {
                self.identity = Some((workspace_id, slug, plan))
            }
            E::WorkspacePlanChanged { plan } => {
                if let Some((_, _, current)) = &mut self.identity {
                    *current = plan;
                }
            }
            E::KeyIssued { key_id, name, scopes, secret_sha256, expires_at, origin } => {
                self.keys.push(Key { key_id, name, scopes, secret_sha256, expires_at, origin });
            }
            E::KeyRevoked { key_id } => self.keys.retain(|key| key.key_id != key_id),
        }
    }
}
