//! Sending: look the number up, write the message once, wait for the server.
//!
//! A send runs on a task of its own, so that a caller who goes away does not tear the ratchet's work apart, and a
//! second call with the same id joins the first. Messages to one number leave in the order they were asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use interflow_application::whatsapp::{Acknowledged, OutboundText, SendError};
use interflow_domain::PhoneNumber;
use tokio::sync::watch;
use waproto::whatsapp as wa;
use whatsapp_rust::Client;
use whatsapp_rust::send::{SendError as EngineSendError, SendOptions};

use super::Shared;
use super::acks::Verdict;

type Running = watch::Receiver<Option<Verdict>>;

/// Sends that are under way.
#[derive(Default)]
pub(crate) struct Outgoing {
    running: Mutex<HashMap<String, Running>>,
    lanes: Mutex<HashMap<PhoneNumber, Weak<tokio::sync::Mutex<()>>>>,
}

impl Shared {
    /// Sends a text, or joins the send of the same id that is under way.
    pub(crate) async fn send(self: &Arc<Self>, message: OutboundText) -> Result<Acknowledged, SendError> {
        if let Some(acknowledged) = self.acks.accepted(&message.whatsapp_id) {
            return Ok(acknowledged);
        }
        let mut running = self.start(message).await?;
        let verdict = running.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone());
        verdict.unwrap_or_else(|| Err(SendError::Retry("the session ended".to_owned())))
    }

    async fn start(self: &Arc<Self>, message: OutboundText) -> Result<Running, SendError> {
        let not_connected = || SendError::Retry("the session is not connected".to_owned());
        let (client, tasks) = self.live().filter(|_| self.life.is_connected()).ok_or_else(not_connected)?;
        let (told, running) = match self.outgoing.enlist(&message.whatsapp_id) {
            Enlisted::New(told, running) => (told, running),
            Enlisted::Running(running) => return Ok(running),
        };
        let underway = Underway { shared: Arc::clone(self), id: message.whatsapp_id.clone() };
        // Polled once here, which puts it in line: the order of the calls is the order on the lane.
        let mut lane = Box::pin(self.outgoing.lane(&message.to).lock_owned());
        let at_once = futures::poll!(lane.as_mut());
        tasks.run(async move {
            let turn = async {
                match at_once {
                    Poll::Ready(turn) => turn,
                    Poll::Pending => lane.await,
                }
            };
            let verdict = underway.shared.deliver(&client, message, turn).await;
            // Off the list before it is told: whoever tries again at once must not join what is over.
            drop(underway);
            told.send_replace(Some(verdict));
        });
        Ok(running)
    }

    async fn deliver(
        &self,
        client: &Client,
        message: OutboundText,
        turn: impl Future<Output = tokio::sync::OwnedMutexGuard<()>>,
    ) -> Verdict {
        let timed_out = || SendError::Retry("WhatsApp did not acknowledge in time".to_owned());
        let deadline = tokio::time::Instant::now() + self.send_timeout;
        let write = async {
            let turn = turn.await;
            let to = self.numbers.resolve(client, &message.to).await?;
            let expected = self.acks.expect(&message.whatsapp_id);
            let text = wa::Message { conversation: Some(message.text), ..Default::default() };
            let options = SendOptions::default().with_message_id(message.whatsapp_id.clone());
            client.send_message_with_options(to, text, options).await.map_err(unsent)?;
            drop(turn);
            Ok(expected)
        };
        let expected = tokio::time::timeout_at(deadline, write).await.map_err(|_| timed_out())??;
        match tokio::time::timeout_at(deadline, expected).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => {
                Err(SendError::Retry("the connection was lost before the acknowledgement".to_owned()))
            }
            Err(_) => Err(timed_out()),
        }
    }
}

/// Whether a send of this id is under way already.
enum Enlisted {
    New(watch::Sender<Option<Verdict>>, Running),
    Running(Running),
}

impl Outgoing {
    fn enlist(&self, id: &str) -> Enlisted {
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = all.get(id) {
            return Enlisted::Running(running.clone());
        }
        let (told, running) = watch::channel(None);
        all.insert(id.to_owned(), running.clone());
        Enlisted::New(told, running)
    }

    fn lane(&self, to: &PhoneNumber) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(to).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(tokio::sync::Mutex::new(()));
        lanes.insert(to.clone(), Arc::downgrade(&lane));
        lane
    }
}

/// Takes a send off the list, also when its task is ended.
struct Underway {
    shared: Arc<Shared>,
    id: String,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.shared.acks.forget(&self.id);
        self.shared.outgoing.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Why the engine did not write the message. Its own words may hold numbers, so they are not passed on.
fn unsent(error: EngineSendError) -> SendError {
    match error {
        EngineSendError::InvalidRequest(_) => {
            SendError::Refused("the engine takes the request for invalid".to_owned())
        }
        EngineSendError::NotLoggedIn | EngineSendError::Client(_) => {
            SendError::Retry("the session is not connected".to_owned())
        }
        EngineSendError::Iq(_) => SendError::Retry("a question to WhatsApp was not answered".to_owned()),
        _ => SendError::Retry("the message could not be encrypted or stored".to_owned()),
    }
}
