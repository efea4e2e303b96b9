/// The rule of a customer that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// There is one already.
    #[error("the customer exists already")]
    AlreadyCreated,
    /// There is none yet.
    #[error("the customer does not exist")]
    NotCreated,
    /// It was deleted.
    #[error("the customer was deleted")]
    Deleted,
    /// It was erased.
    #[error("the customer was erased")]
    Erased,
    /// Nothing to know it by.
    #[error("a customer needs an e-mail address or a phone number")]
    NoIdentity,
    /// More labels than allowed.
    #[error("a customer has at most 50 tags")]
    TooManyTags,
    /// Free fields larger, or nested deeper, than allowed.
    #[error("the attributes of a customer are at most 16 KiB of JSON, nested at most 32 deep")]
    AttributesTooLarge,
}
