/// The rule of a chat that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// There is one already.
    #[error("the chat is open already")]
    AlreadyOpened,
    /// There is none yet.
    #[error("the chat does not exist")]
    NotOpened,
    /// It is closed.
    #[error("the chat is closed: reopen it first")]
    Closed,
}
