//! Calls that wait a short time for what becomes of their message.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interflow_domain::MessageId;
use interflow_domain::message::FailureReason;
use tokio::sync::oneshot;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This process has sent it, or given it up for this reason.
    Here(Option<FailureReason>),
    /// Another process has done with it, or may have: its status says how.
    Elsewhere,
}

type Senders = Mutex<HashMap<MessageId, oneshot::Sender<Outcome>>>;

/// Who waits for which message.
#[derive(Debug, Default, Clone)]
pub(super) struct Waiters(Arc<Senders>);

/// Forgets a waiter that no longer waits.
struct Registration {
    waiters: Waiters,
    message: MessageId,
}

impl Waiters {
    /// Waits for a message to be sent or given up. Dropped, it waits no longer.
    pub fn register(&self, message: MessageId) -> impl Future<Output = Outcome> + use<> {
        let (sender, receiver) = oneshot::channel();
        self.senders().insert(message, sender);
        let registration = Registration { waiters: self.clone(), message };
        async move {
            let outcome = receiver.await.unwrap_or(Outcome::Elsewhere);
            drop(registration);
            outcome
        }
    }

    /// Tells whoever waits that it was sent (`None`) or given up (the reason).
    pub fn resolve(&self, message: MessageId, reason: Option<FailureReason>) {
        self.tell(message, Outcome::Here(reason));
    }

    /// Tells whoever waits that another process has done with it.
    pub fn resolve_elsewhere(&self, message: MessageId) {
        self.tell(message, Outcome::Elsewhere);
    }

    /// Tells everybody who waits that another process may have done with it.
    pub fn resolve_all_elsewhere(&self) {
        for (_, sender) in self.senders().drain() {
            // Whoever has gone away does not want it.
            let _ = sender.send(Outcome::Elsewhere);
        }
    }

    fn tell(&self, message: MessageId, outcome: Outcome) {
        if let Some(sender) = self.senders().remove(&message) {
            // Nobody listens any more when the call timed out in this very moment.
            let _ = sender.send(outcome);
        }
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<MessageId, oneshot::Sender<Outcome>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.waiters.senders().remove(&self.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_hears_the_outcome_and_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let id = MessageId::default();
        let outcome = waiters.register(id);
        waiters.resolve(id, Some(FailureReason::NotOnWhatsapp));
        assert_eq!(outcome.await, Outcome::Here(Some(FailureReason::NotOnWhatsapp)));
        let outcome = waiters.register(id);
        waiters.resolve_elsewhere(id);
        assert_eq!(outcome.await, Outcome::Elsewhere);
        let outcome = waiters.register(id);
        waiters.resolve_all_elsewhere();
        assert_eq!(outcome.await, Outcome::Elsewhere);
        drop(waiters.register(id));
        assert!(waiters.senders().is_empty());
        waiters.resolve(id, None);
    }
}
