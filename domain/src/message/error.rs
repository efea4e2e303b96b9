/// The rule of a message that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// There is one already.
    #[error("the message exists already")]
    AlreadyQueued,
    /// There is none yet.
    #[error("the message does not exist")]
    NotFound,
    /// An acknowledgement or a receipt for a message that came in.
    #[error("the message came in: it has no delivery of its own")]
    NotOutbound,
}
