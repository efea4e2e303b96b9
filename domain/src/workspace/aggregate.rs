use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{
    HOME_SLUG, KeyOrigin, MessageRetention, Plan, Scope, WorkspaceCommand, WorkspaceError, WorkspaceEvent,
};
use crate::{Decide, DisplayName, KeyId, WorkspaceId, WorkspaceSlug};

/// What the events of a workspace amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Workspace {
    identity: Option<(WorkspaceId, WorkspaceSlug, Plan)>,
    name: Option<DisplayName>,
    suspended: bool,
    #[serde(default)]
    message_retention: Option<MessageRetention>,
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
    /// The secret before it, where there was one.
    pub previous: Option<PreviousSecret>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where it came from.
    pub origin: KeyOrigin,
    /// How many events it has.
    pub version: u64,
}

/// The secret that a key had before its last rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// SHA-256 of the secret, in hexadecimal.
    pub secret_sha256: String,
    /// Until when it works.
    pub until: DateTime<Utc>,
}

impl Key {
    fn knows(&self, secret_sha256: &str) -> bool {
        self.secret_sha256 == secret_sha256
            || self.previous.as_ref().is_some_and(|previous| previous.secret_sha256 == secret_sha256)
    }

    fn has_expired(&self, at: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expiry| expiry <= at)
    }

    fn manages_keys(&self, at: DateTime<Utc>) -> bool {
        !self.has_expired(at) && Scope::KeysWrite.is_within(self.scopes.iter())
    }
}

impl Workspace {
    /// Whether it was created.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.identity.is_some()
    }

    /// Whether it is the first workspace of the server.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.identity.as_ref().is_some_and(|(_, slug, _)| slug.as_str() == HOME_SLUG)
    }

    /// How long the contents of its messages are kept; for ever when none.
    #[must_use]
    pub const fn message_retention(&self) -> Option<MessageRetention> {
        self.message_retention
    }

    /// The keys that work (but for their expiry).
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// A key that works (but for its expiry).
    #[must_use]
    pub fn key(&self, key_id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.key_id == key_id)
    }

    fn known_key(&self, key_id: KeyId) -> Result<&Key, WorkspaceError> {
        self.key(key_id).ok_or(WorkspaceError::UnknownKey(key_id))
    }

    /// The operator may do everything, a key what its scopes say.
    fn asker_has(&self, asker: Option<KeyId>, scopes: &[Scope]) -> Result<(), WorkspaceError> {
        let Some(asker) = asker else { return Ok(()) };
        let held = self.key(asker).map_or(&[][..], |key| &key.scopes);
        let beyond: Vec<Scope> =
            scopes.iter().copied().filter(|scope| !scope.is_within(held.iter())).collect();
        if beyond.is_empty() { Ok(()) } else { Err(WorkspaceError::BeyondAsker(beyond)) }
    }

    fn decide_key(
        &self,
        key: Key,
        prefix: Option<String>,
        issued_by: Option<KeyId>,
    ) -> Result<Vec<WorkspaceEvent>, WorkspaceError> {
        if key.scopes.is_empty() {
            return Err(WorkspaceError::NoScopes);
        }
        if !self.is_home() && key.scopes.iter().any(|scope| scope.governs()) {
            return Err(WorkspaceError::GovernsElsewhere);
        }
        self.asker_has(issued_by, &key.scopes)?;
        if let Some(known) = self.keys.iter().find(|known| known.knows(&key.secret_sha256)) {
            let unchanged = known.origin == KeyOrigin::Environment && key.origin == KeyOrigin::Environment;
            return if unchanged { Ok(vec![]) } else { Err(WorkspaceError::KeyAlreadyIssued) };
        }
        if self.key(key.key_id).is_some() {
            return Err(WorkspaceError::KeyAlreadyIssued);
        }
        let replaced = self
            .keys
            .iter()
            .filter(|known| key.origin == KeyOrigin::Environment && known.origin == KeyOrigin::Environment)
            .map(|known| WorkspaceEvent::KeyRevoked { key_id: known.key_id });
        let mut events: Vec<_> = replaced.collect();
        let Key { key_id, name, scopes, secret_sha256, expires_at, origin, .. } = key;
        events.push(WorkspaceEvent::KeyIssued {
            key_id,
            name,
            scopes,
            secret_sha256,
            expires_at,
            origin,
            prefix,
        });
        Ok(events)
    }

    fn decide_rotation(
        &self,
        key: &Key,
        secret_sha256: &str,
        at: DateTime<Utc>,
        rotated_by: Option<KeyId>,
    ) -> Result<(), WorkspaceError> {
        if key.origin == KeyOrigin::Environment {
            return Err(WorkspaceError::EnvironmentKey);
        }
        if key.has_expired(at) {
            return Err(WorkspaceError::Expired);
        }
        self.asker_has(rotated_by, &key.scopes)?;
        if self.keys.iter().any(|known| known.knows(secret_sha256)) {
            return Err(WorkspaceError::KeyAlreadyIssued);
        }
        Ok(())
    }

    fn decide_revocation(&self, key: &Key, at: DateTime<Utc>) -> Result<(), WorkspaceError> {
        let another = self.keys.iter().any(|other| other.key_id != key.key_id && other.manages_keys(at));
        if key.manages_keys(at) && !another { Err(WorkspaceError::LastManager) } else { Ok(()) }
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
            C::RenameWorkspace { name } if name == self.name => Ok(vec![]),
            C::RenameWorkspace { name } => Ok(vec![E::WorkspaceRenamed { name }]),
            C::SuspendWorkspace { .. } if self.is_home() => Err(WorkspaceError::HomeWorkspace),
            C::SuspendWorkspace { .. } if self.suspended => Ok(vec![]),
            C::SuspendWorkspace { reason } => Ok(vec![E::WorkspaceSuspended { reason }]),
            C::ResumeWorkspace if !self.suspended => Ok(vec![]),
            C::ResumeWorkspace => Ok(vec![E::WorkspaceResumed {}]),
            C::ChangeRetention { message_days } if message_days == self.message_retention => Ok(vec![]),
            C::ChangeRetention { message_days } => Ok(vec![E::RetentionChanged { message_days }]),
            C::RecordMessagesExpired { data_keys: 0, .. } => Ok(vec![]),
            C::RecordMessagesExpired { before, data_keys, messages, webhook_attempts } => {
                Ok(vec![E::MessagesExpired { before, data_keys, messages, webhook_attempts }])
            }
            C::IssueKey { key_id, name, scopes, secret_sha256, prefix, expires_at, origin, issued_by } => {
                let key = Key {
                    key_id,
                    name,
                    scopes,
                    secret_sha256,
                    previous: None,
                    expires_at,
                    origin,
                    version: 1,
                };
                self.decide_key(key, prefix, issued_by)
            }
            C::RotateKey { key_id, secret_sha256, prefix, at, overlap, rotated_by } => {
                self.decide_rotation(self.known_key(key_id)?, &secret_sha256, at, rotated_by)?;
                Ok(vec![E::KeyRotated { key_id, secret_sha256, prefix, previous_until: at + overlap }])
            }
            C::RevokeKey { key_id, at } => {
                self.decide_revocation(self.known_key(key_id)?, at)?;
                Ok(vec![E::KeyRevoked { key_id }])
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
            E::WorkspaceRenamed { name } => self.name = name,
            E::WorkspaceSuspended { .. } => self.suspended = true,
            E::WorkspaceResumed {} => self.suspended = false,
            E::RetentionChanged { message_days } => self.message_retention = message_days,
            E::MessagesExpired { .. } => {}
            E::KeyIssued { key_id, name, scopes, secret_sha256, expires_at, origin, .. } => {
                self.keys.push(Key {
                    key_id,
                    name,
                    scopes,
                    secret_sha256,
                    previous: None,
                    expires_at,
                    origin,
                    version: 1,
                });
            }
            E::KeyRotated { key_id, secret_sha256, previous_until, .. } => {
                if let Some(key) = self.keys.iter_mut().find(|key| key.key_id == key_id) {
                    let replaced = std::mem::replace(&mut key.secret_sha256, secret_sha256);
                    key.previous = Some(PreviousSecret { secret_sha256: replaced, until: previous_until });
                    key.version += 1;
                }
            }
            E::KeyRevoked { key_id } => self.keys.retain(|key| key.key_id != key_id),
        }
    }
}
