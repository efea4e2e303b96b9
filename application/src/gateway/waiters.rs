//! Calls that wait a short time for what becomes of their message.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interflow_domain::MessageId;
use interflow_domain::message::FailureReason;
use tokio::sync::oneshot;

type Senders = Mutex<HashMap<MessageId, oneshot::Sender<Option<FailureReason>>>>;

/// Who waits for which message.
#[derive(Debug, Default, Clone)]
pub(super) struct Waiters(Arc<Senders>);

/// Forgets a waiter that no longer waits.
struct Registration {
    waiters: Waiters,
    message: MessageId,
}

impl Waiters {
    /// Waits for a message to be sent (`None`) or given up (the reason). Dropped, it waits no longer.
    pub fn register(&self, message: MessageId) -> impl Future<Output = Option<FailureReason>> + use<> {
        let (sender, receiver) = oneshot::channel();
        self.senders().insert(message, sender);
        let registration = Registration { waiters: self.clone(), message };
        async move {
            let outcome = receiver.await.unwrap_or_default();
            drop(registration);
            outcome
        }
    }

    /// Tells whoever waits.
    pub fn resolve(&self, message: MessageId, outcome: Option<FailureReason>) {
        if let Some(sender) = self.senders().remove(&message) {
            // Nobody listens any more when the call timed out in this very moment.
            let _ = sender.send(outcome);
        }
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<MessageId, oneshot::Sender<Option<FailureReason>>>> {
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
        assert_eq!(outcome.await, Some(FailureReason::NotOnWhatsapp));
        drop(waiters.register(id));
        assert!(waiters.senders().is_empty());
        waiters.resolve(id, None);
    }
}
