//! WhatsApp through its web protocol: the engine behind `interflow_application::whatsapp`.
//!
//! The protocol client is `whatsapp-rust`, pinned to one version and named by no other crate. What is ours is around
//! it: where its keys live, who may write them, when it connects, and that nothing it tells is lost on the way.
//!
//! Cast:
//! - [`WhatsAppWeb`] opens sessions and forgets keys; one a process, what sessions can share is here.
//! - [`store`] keeps the keys: sealed, one table, every write conditional on the lease.
//! - [`session`] is one linked device and its connection.
//! - [`client`] puts a client of the library together; [`transport`] is its socket, [`tasks`] are its tasks.
//!
//! The library writes to the `log` facade, with numbers and JIDs in its records from `warn` on. Nothing here installs
//! a `log` logger, and the server must not either (or must shut out the targets `whatsapp_rust*`, `wacore*` and
//! `Client*`).

mod client;
mod session;
pub mod store;
mod tasks;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::whatsapp::{Engine, EngineError, Session, SessionSink, SessionSpec};
use interflow_domain::InstanceId;
use interflow_vault::StoreKey;
use sqlx::PgPool;
use tokio_util::task::TaskTracker;
use whatsapp_rust::transport::{TokioWebSocketTransportFactory, default_tls_connector};

pub use client::WebVersion;
use session::{WebSession, Workshop};
use store::{KeyStore, KeyStoreError};

/// Whether this build trusts the simulated network, whose certificates no real one would sign.
pub const BUILT_FOR_LAB: bool = cfg!(feature = "lab");

/// How the engine is set up.
#[derive(Clone)]
pub struct Settings {
    /// Where to connect; `None` is WhatsApp itself, `ws://127.0.0.1:4000/ws/chat` a simulated network.
    pub url: Option<String>,
    /// The database with the tables `wa_keys` and `leases`.
    pub pool: PgPool,
    /// The key the WhatsApp keys are sealed under.
    pub key: StoreKey,
    /// The version of WhatsApp Web to log in as; `None` is the one the engine was made for.
    pub version: Option<WebVersion>,
    /// How long a send may take from the call to the server's acknowledgement.
    pub send_timeout: Duration,
    /// Whether WhatsApp is told that accounts are online: it tells who types to nobody else.
    pub appear_online: bool,
}

impl Settings {
    /// WhatsApp itself, as the engine was made for it.
    #[must_use]
    pub fn new(pool: PgPool, key: impl Into<StoreKey>) -> Self {
        Self {
            url: None,
            pool,
            key: key.into(),
            version: None,
            send_timeout: Duration::from_secs(30),
            appear_online: false,
        }
    }

    /// Accounts that are shown as online, or not.
    #[must_use]
    pub fn appearing_online(self, appear_online: bool) -> Self {
        Self { appear_online, ..self }
    }

    /// Another place to connect to.
    #[must_use]
    pub fn at(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }
}

/// How long a session that has told its end may take to be gone.
const ENDING: Duration = Duration::from_secs(5);

/// The engine.
pub struct WhatsAppWeb {
    workshop: Workshop,
    send_timeout: Duration,
    /// What runs of each instance: two clients on one key set would corrupt the ratchets, lease or not.
    running: Mutex<HashMap<InstanceId, TaskTracker>>,
}

impl WhatsAppWeb {
    /// An engine; nothing is connected before a session is opened.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        // One TLS configuration (and one set of trust roots) for all sessions.
        let sockets = TokioWebSocketTransportFactory::new().with_connector(default_tls_connector());
        let sockets = match settings.url {
            Some(url) => sockets.with_url(url),
            None => sockets,
        };
        let workshop = Workshop {
            pool: settings.pool,
            key: settings.key,
            sockets: Arc::new(sockets),
            version: settings.version.unwrap_or_else(client::default_version),
            appear_online: settings.appear_online,
        };
        Self { workshop, send_timeout: settings.send_timeout, running: Mutex::default() }
    }

    fn store(&self, spec: SessionSpec) -> KeyStore {
        KeyStore::new(self.workshop.pool.clone(), self.workshop.key.clone(), spec)
    }

    /// Waits until nothing runs of an instance, if its session is ending.
    async fn gone(&self, instance: InstanceId) -> Result<(), EngineError> {
        let running = self.running().get(&instance).cloned();
        match running {
            Some(running) => tokio::time::timeout(ENDING, running.wait()).await.map_err(|_| already_open()),
            None => Ok(()),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<InstanceId, TaskTracker>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Engine for WhatsAppWeb {
    async fn open(
        &self,
        spec: SessionSpec,
        sink: Arc<dyn SessionSink>,
    ) -> Result<Arc<dyn Session>, EngineError> {
        if !self.store(spec).lease_held().await.map_err(failed)? {
            return Err(EngineError::Fenced);
        }
        self.gone(spec.instance).await?;
        let mut running = self.running();
        running.retain(|_, session| !session.is_empty());
        if running.contains_key(&spec.instance) {
            return Err(already_open());
        }
        let session = WebSession::start(self.workshop.clone(), spec, sink, self.send_timeout);
        running.insert(spec.instance, session.running());
        Ok(session)
    }

    async fn is_paired(&self, spec: SessionSpec) -> Result<bool, EngineError> {
        self.store(spec).is_paired().await.map_err(|error| EngineError::Failed(error.to_string()))
    }

    async fn forget(&self, spec: SessionSpec) -> Result<(), EngineError> {
        self.gone(spec.instance).await?;
        self.store(spec).forget().await.map_err(failed)
    }

    fn built_for_lab(&self) -> bool {
        BUILT_FOR_LAB
    }
}

fn already_open() -> EngineError {
    EngineError::Failed("a session of the instance is open".to_owned())
}

fn failed(error: KeyStoreError) -> EngineError {
    match error {
        KeyStoreError::Fenced => EngineError::Fenced,
        other => EngineError::Failed(other.to_string()),
    }
}
