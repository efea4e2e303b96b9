//! One session: a linked device (or one that is being linked) and its connection.
//!
//! Cast:
//! - [`WebSession`] is what the port sees.
//! - [`Shared`] is what the parts of a session share.
//! - [`supervisor`] keeps a client running and connected, acts on what the engine says, and is the only one who
//!   decides that a session has ended.
//! - [`Wire`] hears the engine's events; [`Inbox`] is asked before a message is acknowledged.
//! - [`again`] asks for messages that nobody knows the fate of.
//! - [`Outbox`] is the ordered queue to the sink; [`life`] are notes from the wire to the supervisor.
//! - [`send`], [`acks`] and [`numbers`] send; [`party`] and [`content`] read what came; [`link_code`] links without a
//!   camera.
//!
//! A signal that ends a session (`LoggedOut`, `QrExhausted`, a `Disconnected` that is not retried) reaches the sink
//! only after the client is gone and its last key is written: whoever hears it may forget the keys.

mod acks;
mod again;
mod backoff;
mod content;
mod inbox;
mod life;
mod link_code;
mod numbers;
mod outbox;
mod party;
mod send;
mod supervisor;
mod wire;

pub(crate) use inbox::Inbox;
pub(crate) use outbox::Outbox;
pub(crate) use party::is_person;
pub(crate) use supervisor::Workshop;
pub(crate) use wire::Wire;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::whatsapp::{
    Acknowledged, EngineError, OutboundText, PairCode, Party, SendError, Session, SessionSink, SessionSpec,
};
use interflow_domain::PhoneNumber;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wacore::iq::devices::RemoveCompanionDeviceSpec;
use whatsapp_rust::Client;

use crate::store::Ledger;
use crate::tasks::Tasks;

/// How long unlinking may take.
const LOG_OUT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long writing receipts may take.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to hear at another login that the device is unlinked, when the first word of it was lost.
const ECHO: Duration = Duration::from_secs(10);
/// How long the sink may take for what is queued when the session stops.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What the parts of a session share.
pub(crate) struct Shared {
    pub(crate) spec: SessionSpec,
    pub(crate) sink: Arc<dyn SessionSink>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) life: life::Life,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) acks: acks::Acks,
    pub(crate) outgoing: send::Outgoing,
    pub(crate) numbers: numbers::Numbers,
    pub(crate) send_timeout: Duration,
    /// Whether WhatsApp is told that the account is online.
    pub(crate) appear_online: bool,
    /// The session is told to stop.
    pub(crate) stop: CancellationToken,
    client: RwLock<Option<(Arc<Client>, Tasks)>>,
}

impl Shared {
    /// The client that runs now, and where its tasks run.
    pub(crate) fn live(&self) -> Option<(Arc<Client>, Tasks)> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_live(&self, client: Option<(Arc<Client>, Tasks)>) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
    }
}

/// A running session.
pub(crate) struct WebSession {
    shared: Arc<Shared>,
    /// What runs of the session itself: the supervisor, and who delivers to the sink.
    supervisor: TaskTracker,
    courier: TaskTracker,
    /// The sink is no longer waited for.
    abandoned: CancellationToken,
}

impl WebSession {
    /// Starts a session; everything else is told to the sink.
    pub(crate) fn start(
        workshop: Workshop,
        spec: SessionSpec,
        sink: Arc<dyn SessionSink>,
        send_timeout: Duration,
    ) -> Arc<Self> {
        let shared = Arc::new(Shared {
            spec,
            sink,
            outbox: Arc::new(Outbox::new()),
            life: life::Life::default(),
            ledger: Arc::default(),
            acks: acks::Acks::default(),
            outgoing: send::Outgoing::default(),
            numbers: numbers::Numbers::default(),
            send_timeout,
            appear_online: workshop.appear_online,
            stop: CancellationToken::new(),
            client: RwLock::new(None),
        });
        let session = Arc::new(Self {
            shared: Arc::clone(&shared),
            supervisor: TaskTracker::new(),
            courier: TaskTracker::new(),
            abandoned: CancellationToken::new(),
        });
        let (outbox, sink, abandoned) =
            (Arc::clone(&shared.outbox), Arc::clone(&shared.sink), session.abandoned.clone());
        session.courier.spawn(async move { outbox.deliver(sink, abandoned).await });
        session.supervisor.spawn(supervisor::supervise(workshop, shared));
        session.courier.close();
        session.supervisor.close();
        session
    }

    /// Is empty when no client of this session runs any more.
    pub(crate) fn running(&self) -> TaskTracker {
        self.supervisor.clone()
    }
}

#[async_trait]
impl Session for WebSession {
    async fn send_text(&self, message: OutboundText) -> Result<Acknowledged, SendError> {
        self.shared.send(message).await
    }

    async fn pair_code(&self, phone: &PhoneNumber) -> Result<PairCode, EngineError> {
        let (client, _) = self.shared.live().ok_or(EngineError::NotConnected)?;
        link_code::request(&client, phone).await
    }

    async fn mark_read(&self, from: &Party, whatsapp_ids: &[String]) -> Result<(), EngineError> {
        let Some((client, _)) = self.shared.live().filter(|_| self.shared.life.is_connected()) else {
            return Err(EngineError::NotConnected);
        };
        let ids: Vec<_> = whatsapp_ids.iter().map(String::as_str).collect();
        let Some(chat) = party::jid(from) else { return Ok(()) };
        // The engine's own words may hold the number.
        let unsent = |_| EngineError::Failed("the receipt was not written".to_owned());
        tokio::time::timeout(RECEIPT_TIMEOUT, client.mark_as_read(&chat, None, &ids))
            .await
            .map_err(|_| EngineError::Failed("the receipt was not written in time".to_owned()))?
            .map_err(unsent)
    }

    async fn log_out(&self) -> Result<(), EngineError> {
        let Some((client, _)) = self.shared.live().filter(|_| self.shared.life.is_connected()) else {
            return Err(EngineError::NotConnected);
        };
        let own = client.pn().ok_or(EngineError::NotConnected)?;
        self.shared.life.leave(true);
        let asked =
            tokio::time::timeout(LOG_OUT_TIMEOUT, client.execute(RemoveCompanionDeviceSpec::new(&own))).await;
        match asked {
            Ok(Ok(())) => self.shared.life.end(life::Ending::LoggedOut),
            // WhatsApp closes the connection, and that may be faster than its answer.
            _ => drop(tokio::time::timeout(ECHO, self.supervisor.wait()).await),
        }
        if !self.shared.life.is_unlinked() {
            self.shared.life.leave(false);
            return Err(EngineError::Failed(
                "WhatsApp did not confirm that the device is unlinked".to_owned(),
            ));
        }
        // The keys are useless now; return when nobody can write them any more.
        self.supervisor.wait().await;
        Ok(())
    }

    /// Must not be called from within the sink: it waits for the sink to return.
    async fn stop(&self) {
        self.shared.stop.cancel();
        self.supervisor.wait().await;
        if tokio::time::timeout(LAST_WORDS, self.courier.wait()).await.is_err() {
            tracing::warn!(instance = %self.shared.spec.instance, "the session stops with signals nobody took");
            self.abandoned.cancel();
            self.courier.wait().await;
        }
    }
}
