use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::workspace::{KeyOrigin, Scope, Workspace, WorkspaceCommand};
use interflow_domain::{DisplayName, KeyId};
use sha2::{Digest, Sha256};

use crate::log::StreamId;
use crate::{Decision, Error, UseCase};

/// Issues an API key for the workspace of the context, whatever it may do. Only the hash of the secret is recorded.
#[derive(Clone)]
pub struct IssueKey {
    /// What people call it.
    pub name: DisplayName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The secret.
    pub secret: String,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where it came from.
    pub origin: KeyOrigin,
}

#[async_trait]
impl UseCase for IssueKey {
    /// Whether it is new: the same key from the environment is not issued twice.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let command = WorkspaceCommand::IssueKey {
            key_id: KeyId::new(decision.core().ids.next()),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            secret_sha256: hex::encode(Sha256::digest(&self.secret)),
            prefix: shown(&self.secret),
            expires_at: self.expires_at,
            origin: self.origin,
            issued_by: None,
        };
        decision.execute::<Workspace>(StreamId::Workspace(decision.context().workspace), command).await
    }
}

/// What of a secret may be shown, to tell keys apart: the ends of one of our making. They leave 26 random digits of 62
/// unknown. One that an operator chose may be too short to show anything of.
pub(super) fn shown(secret: &str) -> Option<String> {
    let ours = secret.is_ascii() && secret.len() == 45 && secret.starts_with("ifl_live_");
    ours.then(|| format!("{}…{}", &secret[..13], &secret[41..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_secret_of_our_making_are_shown_and_of_no_other() {
        let secret = format!("ifl_live_abcd{}wxyz", "0".repeat(28));
        assert_eq!(shown(&secret).as_deref(), Some("ifl_live_abcd…wxyz"));
        for other in ["flowcore123", &secret[1..], &format!("{secret}0"), "", &"x".repeat(45)] {
            assert_eq!(shown(other), None, "{other}");
        }
    }
}
