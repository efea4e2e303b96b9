//! Why the key store did not do something.

use wacore::store::error::StoreError;

/// Why a read or a write was not done. Says nothing about what was read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyStoreError {
    /// The lease is another node's: nothing was written, and nothing will be.
    #[error("the lease on the instance was lost")]
    Fenced,
    /// An earlier write failed; the session has to start again from what is stored.
    #[error("the key store is closed after a write that failed")]
    Broken,
    /// The database failed, also on repetition.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// A stored value does not open: it was moved, changed, or sealed under another key.
    #[error("a stored value does not open")]
    Unsealable,
    /// A stored value opens but does not read as what it should be.
    #[error("a stored value does not read")]
    Codec(#[source] serde_json::Error),
    /// A message came again, and nobody knows what became of it: it is not to be acknowledged.
    #[error("nobody knows what became of the message")]
    Unaccounted,
    /// A stored value has a length no such value has.
    #[error("a stored value has the wrong length")]
    Length,
}

impl From<KeyStoreError> for StoreError {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Codec(source) => Self::Serialization(Box::new(source)),
            other => Self::Database(Box::new(other)),
        }
    }
}
