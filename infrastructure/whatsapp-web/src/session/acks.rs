//! Who waits for the server's acknowledgement of which message.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use interflow_application::whatsapp::{Acknowledged, SendError};
use tokio::sync::oneshot;

/// How many acknowledged ids are remembered, for a repeated send and for an acknowledgement that came late.
const REMEMBERED: usize = 128;

/// What the server said to a message.
pub(crate) type Verdict = Result<Acknowledged, SendError>;

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<String, oneshot::Sender<Verdict>>,
    accepted: VecDeque<(String, Acknowledged)>,
}

/// Acknowledgements by message id.
#[derive(Debug, Default)]
pub(crate) struct Acks(Mutex<State>);

impl Acks {
    /// The server has accepted this id before.
    pub(crate) fn accepted(&self, id: &str) -> Option<Acknowledged> {
        self.state().accepted.iter().find(|(accepted, _)| accepted == id).map(|(_, ack)| ack.clone())
    }

    /// Waits for the verdict on an id. A receiver whose sender is dropped lost its connection.
    pub(crate) fn expect(&self, id: &str) -> oneshot::Receiver<Verdict> {
        let (verdict, expected) = oneshot::channel();
        self.state().waiting.insert(id.to_owned(), verdict);
        expected
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&self, id: &str) {
        self.state().waiting.remove(id);
    }

    /// The connection is gone: nobody will be answered.
    pub(crate) fn lost(&self) {
        self.state().waiting.clear();
    }

    /// The server answered.
    pub(crate) fn answered(&self, id: &str, at: Option<DateTime<Utc>>, error: Option<&str>) {
        let verdict = error.map_or(Ok(Acknowledged { at }), |code| Err(refusal(code)));
        let mut state = self.state();
        if let Ok(acknowledged) = &verdict {
            state.accepted.push_back((id.to_owned(), acknowledged.clone()));
            if state.accepted.len() > REMEMBERED {
                state.accepted.pop_front();
            }
        }
        if let Some(waiting) = state.waiting.remove(id) {
            // Whoever waited may have gone; the acceptance is remembered.
            let _ = waiting.send(verdict);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a refusal with a code means: the server's own trouble passes, the rest does not.
fn refusal(code: &str) -> SendError {
    match code {
        "429" => SendError::Retry("WhatsApp limits the rate".to_owned()),
        _ if code.starts_with('5') => SendError::Retry(format!("WhatsApp's server failed with {code}")),
        _ => SendError::Refused(format!("code {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_hears_the_verdict_and_an_acceptance_is_remembered() {
        let acks = Acks::default();
        let first = acks.expect("A");
        let second = acks.expect("B");
        acks.answered("A", None, None);
        acks.answered("B", None, Some("400"));
        acks.answered("late", None, None);
        assert_eq!(first.await.unwrap(), Ok(Acknowledged { at: None }));
        assert_eq!(second.await.unwrap(), Err(SendError::Refused("code 400".into())));
        assert!(acks.accepted("A").is_some() && acks.accepted("late").is_some());
        assert!(acks.accepted("B").is_none());
    }

    #[tokio::test]
    async fn a_lost_connection_answers_nobody_and_memory_is_bounded() {
        let acks = Acks::default();
        let waiting = acks.expect("A");
        acks.lost();
        assert!(waiting.await.is_err());
        for id in 0..=REMEMBERED {
            acks.answered(&id.to_string(), None, None);
        }
        assert!(acks.accepted("0").is_none());
        assert!(acks.accepted("1").is_some());
    }
}
