/// The rule of a job that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// There is one already.
    #[error("the job exists already")]
    AlreadyCreated,
    /// There is none yet.
    #[error("the job does not exist")]
    NotCreated,
    /// It takes nothing more.
    #[error("the job takes nothing more: it is filled, abandoned or cancelled")]
    Closed,
    /// Its items are still coming.
    #[error("the job still takes items")]
    StillOpen,
    /// It is over.
    #[error("the job has ended")]
    Ended,
}
