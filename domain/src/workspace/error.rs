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
    /// No such key.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
}
