/// The rule of an instance that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// There is one already.
    #[error("the instance is registered already")]
    AlreadyRegistered,
    /// There is none yet.
    #[error("the instance is not registered")]
    NotRegistered,
    /// It was deleted.
    #[error("the instance was deleted")]
    Deleted,
    /// A QR, an expiry or a scan outside pairing.
    #[error("the instance is not pairing")]
    NotPairing,
    /// A login without a request for it, or without a link.
    #[error("the instance is not linked to an account")]
    NotLinked,
}
