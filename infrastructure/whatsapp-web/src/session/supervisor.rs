//! Keeps a session connected, and ends it.
//!
//! The library's own reconnecting is off (its pauses grow to fifteen minutes, and they grow in step for all clients
//! of a process). One `run` of a client is one connection; after it this decides what comes next:
//! - linked just now (515): again at once;
//! - lost: again after a pause that grows while connections do not hold;
//! - the key store failed, or the lease is gone: the client goes with all it had in memory (see `store`);
//! - WhatsApp ended it: the client goes, and then the sink hears why.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::whatsapp::{DisconnectReason, LoggedOutBy, SessionSignal};
use interflow_vault::StoreKey;
use sqlx::PgPool;
use whatsapp_rust::Client;
use whatsapp_rust::bot::BotHandle;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;

use super::backoff::Backoff;
use super::life::{Ending, Errands};
use super::{Inbox, Shared, Wire, again};
use crate::client::{Parts, WebVersion, assemble};
use crate::store::{Health, HealthWatch, KeyStore};
use crate::tasks::Tasks;
use crate::transport::Sockets;

/// A connection that held this long was a good one: the next pause is the first.
const HELD: Duration = Duration::from_secs(10);
/// How long a client may take to close its socket and write its last keys.
const FAREWELL: Duration = Duration::from_secs(30);
/// How long to keep away after a ban that did not say for how long, and at most.
const BAN_PAUSE: Duration = Duration::from_secs(3600);
const LONGEST_BAN_PAUSE: Duration = Duration::from_secs(24 * 3600);
/// A refused login is not tried more often than this.
const REFUSED_PAUSE: Duration = Duration::from_secs(300);

/// What clients of a session are made from.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) pool: PgPool,
    pub(crate) key: StoreKey,
    pub(crate) sockets: Arc<TokioWebSocketTransportFactory>,
    pub(crate) version: WebVersion,
    /// Whether WhatsApp is told that accounts are online.
    pub(crate) appear_online: bool,
}

/// What comes after a connection, or after a client.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Connect again, with the same client, after this pause.
    Again(Duration),
    /// Another client, from what is stored, after this pause.
    Afresh(Duration),
    /// The end, and what the sink hears of it.
    End(Option<SessionSignal>),
}

/// A client that runs.
struct Living {
    client: Arc<Client>,
    tasks: Tasks,
    health: HealthWatch,
    /// The first connection, which the engine starts together with its workers.
    first: Option<BotHandle>,
}

/// Runs a session until it ends or is stopped.
pub(crate) async fn supervise(workshop: Workshop, shared: Arc<Shared>) {
    let mut run = Supervision { workshop, shared, backoff: Backoff::new(), told_lost: false };
    let last = loop {
        match run.client_life().await {
            Next::End(signal) => break signal,
            Next::Again(pause) | Next::Afresh(pause) => {
                if run.sleep(pause).await.is_none() {
                    break None;
                }
            }
        }
    };
    if let Some(signal) = last {
        run.shared.outbox.push(signal);
    }
    run.shared.outbox.close();
}

struct Supervision {
    workshop: Workshop,
    shared: Arc<Shared>,
    backoff: Backoff,
    /// The sink knows that there is no connection.
    told_lost: bool,
}

impl Supervision {
    /// From making a client to its end.
    async fn client_life(&mut self) -> Next {
        if let Err(next) = self.may_connect().await {
            return next;
        }
        let mut living = match self.make().await {
            Ok(living) => living,
            Err(next) => return next,
        };
        let next = loop {
            let next = self.connection(&mut living).await;
            let Next::Again(pause) = next else { break next };
            if living.health.now() != Health::Sound {
                break self.unsound(living.health.now());
            }
            if self.sleep(pause).await.is_none() {
                break Next::End(None);
            }
            if let Err(next) = self.may_connect().await {
                break next;
            }
        };
        self.part(living).await;
        next
    }

    /// Whether the lease is held at this moment, after a pause of whatever length. A connection without it would drive
    /// out the one of the node that has it; and one without a database could keep nothing.
    async fn may_connect(&mut self) -> Result<(), Next> {
        let store = KeyStore::new(self.workshop.pool.clone(), self.workshop.key.clone(), self.shared.spec);
        match self.shared.stop.run_until_cancelled(store.lease_held()).await {
            None => Err(Next::End(None)),
            Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(self.unsound(Health::Fenced)),
            Some(Err(error)) => {
                tracing::warn!(instance = %self.shared.spec.instance, %error, "the lease could not be looked at");
                Err(self.unsound(Health::Broken))
            }
        }
    }

    async fn make(&mut self) -> Result<Living, Next> {
        let tasks = Tasks::default();
        let store = KeyStore::new(self.workshop.pool.clone(), self.workshop.key.clone(), self.shared.spec)
            .with_ledger(Arc::clone(&self.shared.ledger));
        let health = store.health();
        let parts = Parts {
            store: Arc::new(store),
            sockets: Sockets {
                shared: Arc::clone(&self.workshop.sockets),
                outbox: Arc::clone(&self.shared.outbox),
                tasks: tasks.clone(),
            },
            tasks: tasks.clone(),
            version: self.workshop.version,
            wire: Wire(Arc::clone(&self.shared)),
            inbox: Inbox(Arc::clone(&self.shared)),
        };
        // Boxed: the engine's futures are large, and this one is kept while the session lives.
        let made = self.shared.stop.run_until_cancelled(Box::pin(assemble(parts))).await;
        match made {
            Some(Ok(bot)) => {
                let client = bot.client();
                self.shared.set_live(Some((Arc::clone(&client), tasks.clone())));
                Ok(Living { client, tasks, health, first: Some(bot.spawn()) })
            }
            Some(Err(error)) => {
                tracing::error!(instance = %self.shared.spec.instance, %error, "a WhatsApp client could not be made");
                tasks.end().await;
                Err(self.unsound(health.now().max(Health::Broken)))
            }
            None => {
                tasks.end().await;
                Err(Next::End(None))
            }
        }
    }

    /// One connection, from dialling to what comes after it.
    async fn connection(&mut self, living: &mut Living) -> Next {
        if self.shared.stop.run_until_cancelled(self.shared.outbox.room()).await.is_none() {
            return Next::End(None);
        }
        self.shared.ledger.connecting();
        let client = Arc::clone(&living.client);
        let first = living.first.take();
        let mut run = Box::pin(async move {
            match first {
                Some(first) => first.await,
                None => client.run().await,
            }
        });
        let mut linked = false;
        let mut undelivered = false;
        loop {
            tokio::select! {
                () = &mut run => break,
                () = self.shared.stop.cancelled() => return Next::End(None),
                health = living.health.unsound() => return self.unsound(health),
                messages = self.shared.ledger.unaccounted() => {
                    let asking = again::ask(Arc::clone(&living.client), Arc::clone(&self.shared), messages);
                    living.tasks.run(asking);
                }
                errands = self.shared.life.errands() => {
                    if errands.ended {
                        break;
                    }
                    undelivered |= errands.redeliver;
                    linked |= self.errands(living, errands).await;
                }
            }
        }
        drop(run);
        let left = self.shared.life.take_errands();
        undelivered |= left.redeliver;
        linked |= self.errands(living, Errands { redeliver: false, ..left }).await;
        self.shared.acks.lost();
        let (ending, held) = self.shared.life.over();
        match ending {
            Some(ending) => self.after(ending),
            None => self.lost(linked, undelivered, held),
        }
    }

    /// Does what the wire and the inbox asked for; tells whether the device was linked.
    async fn errands(&self, living: &Living, errands: Errands) -> bool {
        if errands.redeliver {
            living.client.reconnect_immediately().await;
        }
        let Some(account) = errands.paired else { return false };
        if living.client.persistence_manager().flush().await.is_err() {
            // The store is unsound now, and that decides.
            return false;
        }
        self.shared.outbox.push(SessionSignal::Paired { account });
        true
    }

    /// The connection ended without a reason of WhatsApp's.
    fn lost(&mut self, linked: bool, undelivered: bool, held: Option<Duration>) -> Next {
        if linked {
            self.backoff.reset();
            return Next::Again(Duration::ZERO);
        }
        if self.shared.life.is_leaving() {
            // The answer to logging out may have been lost with the connection; the next login tells.
            return Next::Again(self.backoff.pause());
        }
        if held.is_some() {
            self.told_lost = false;
        }
        if held.is_some_and(|held| held >= HELD) && !undelivered {
            self.backoff.reset();
        }
        self.tell_lost(DisconnectReason::ConnectionLost);
        Next::Again(self.backoff.pause())
    }

    fn after(&mut self, ending: Ending) -> Next {
        self.told_lost = false;
        let disconnected = |reason| Next::End(Some(SessionSignal::Disconnected { reason }));
        match ending {
            Ending::QrExhausted => Next::End(Some(SessionSignal::QrExhausted)),
            Ending::LoggedOut => {
                let by = if self.shared.life.is_leaving() { LoggedOutBy::Us } else { LoggedOutBy::Phone };
                Next::End(Some(SessionSignal::LoggedOut { by }))
            }
            Ending::Replaced => disconnected(DisconnectReason::Replaced),
            Ending::Outdated => disconnected(DisconnectReason::ClientOutdated),
            Ending::Banned { code, retry_after } => {
                self.tell_lost(DisconnectReason::TemporarilyBanned { code, retry_after });
                Next::Afresh(retry_after.unwrap_or(BAN_PAUSE).clamp(HELD, LONGEST_BAN_PAUSE))
            }
            Ending::Refused { code } => {
                self.tell_lost(DisconnectReason::Refused { code });
                Next::Afresh(REFUSED_PAUSE + self.backoff.pause())
            }
        }
    }

    /// The key store is of no use any more.
    fn unsound(&mut self, health: Health) -> Next {
        let (_, held) = self.shared.life.over();
        self.shared.acks.lost();
        if health == Health::Fenced {
            // The sink's lease is gone as well: whoever holds it now speaks for the instance.
            return Next::End(None);
        }
        if held.is_some() {
            self.told_lost = false;
        }
        self.tell_lost(DisconnectReason::ConnectionLost);
        Next::Afresh(self.backoff.pause().max(Duration::from_millis(500)))
    }

    /// Tells the sink once, until there was a connection again.
    fn tell_lost(&mut self, reason: DisconnectReason) {
        if !std::mem::replace(&mut self.told_lost, true) {
            self.shared.outbox.push(SessionSignal::Disconnected { reason });
        }
    }

    /// Lets a client go: it writes what it has to write, and then nothing of it runs any more.
    async fn part(&self, living: Living) {
        self.shared.set_live(None);
        if tokio::time::timeout(FAREWELL, Box::pin(living.client.disconnect())).await.is_err() {
            tracing::warn!(instance = %self.shared.spec.instance, "a WhatsApp client did not close in time");
        }
        living.tasks.end().await;
        self.shared.acks.lost();
    }

    async fn sleep(&self, pause: Duration) -> Option<()> {
        self.shared.stop.run_until_cancelled(tokio::time::sleep(pause)).await
    }
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
