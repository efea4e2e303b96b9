/// The rule of a webhook that a command broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is one already.
    #[error("the webhook exists already")]
    AlreadyCreated,
    /// There is none yet.
    #[error("the webhook does not exist")]
    NotCreated,
    /// It was deleted.
    #[error("the webhook was deleted")]
    Deleted,
    /// More patterns of event types than allowed.
    #[error("a webhook has at most 50 patterns of event types")]
    TooManyEvents,
    /// More instances in the filter than allowed.
    #[error("a webhook is filtered by at most 100 channels")]
    TooManyChannels,
    /// More headers of its own than allowed.
    #[error("a webhook has at most 20 headers of its own")]
    TooManyHeaders,
    /// The event's name in the address is a habit of one format.
    #[error("only webhooks of the format 'evolution' have an address for each event")]
    ByEventsNeedsEvolution,
    /// Its receiver would suddenly be sent something else.
    #[error("the format of a webhook cannot be changed: create another one")]
    FormatIsFixed,
    /// It delivers nothing, and a pause would hide why.
    #[error("the webhook is disabled: enable it first")]
    Disabled,
    /// The overlap would end before it begins.
    #[error("the overlap of two secrets cannot end in the past")]
    OverlapInThePast,
    /// The same secret twice.
    #[error("the webhook has, or had, this secret already")]
    SecretInUse,
    /// Every secret that is still accepted costs a signature in every delivery.
    #[error("two earlier secrets still sign: wait for an overlap to end")]
    TooManySecrets,
}
