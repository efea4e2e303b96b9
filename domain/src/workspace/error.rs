use super::Scope;
use crate::KeyId;

/// The rule of a workspace that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// There is one already.
    #[error("the workspace exists already")]
    AlreadyCreated,
    /// There is none yet.
    #[error("the workspace does not exist")]
    NotCreated,
    /// A key that may do nothing.
    #[error("a key needs at least one scope")]
    NoScopes,
    /// The same secret twice.
    #[error("a key with this secret or id was issued already")]
    KeyAlreadyIssued,
    /// Scopes that reach beyond the workspace, in one that is not the first.
    #[error("must not govern workspaces: only keys of the server's first workspace may")]
    GovernsElsewhere,
    /// The key that asks lacks what the other would have.
    #[error("the key that asks does not have all of these scopes itself")]
    BeyondAsker(Vec<Scope>),
    /// The environment says what the secret is.
    #[error("the secret of this key comes from the server's environment: change INTERFLOW_ADMIN_KEY instead")]
    EnvironmentKey,
    /// It would not work with another secret either.
    #[error("the key has expired: create another")]
    Expired,
    /// Nobody could manage keys any more.
    #[error("this is the last key that may manage keys: create another before you revoke it")]
    LastManager,
    /// The first workspace cannot be suspended.
    #[error("the first workspace of a server cannot be suspended")]
    HomeWorkspace,
    /// No such key.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
}
