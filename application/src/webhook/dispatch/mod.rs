//! Delivering: who does it for which endpoint, and when.
//!
//! Cast:
//! - the [`Dispatcher`] is what the server starts and stops, and what callers ask for a test, a redelivery, a replay
//!   ([`asking`]);
//! - every endpoint that this node has the lease of has a task, its [`endpoint`]: it lets attempts begin, and decides
//!   what is asked of the database meanwhile;
//! - its [`desk`] asks it: what is due; reads the log on, or a stretch of it once more, and puts what is wanted into line;
//!   writes down what came of attempts;
//! - an [`attempt`] renders, signs and posts; [`outcome`] says what it means; the [`pace`] keeps the endpoint's limit;
//! - the [`library`] is what was read of the logs, shared by all of them; of a stream it has a [`history`].
//!
//! Of an endpoint nothing but its owner's task changes anything, so its breaker, its limit and the order of its lanes
//! need no locks. A task that fails ends, and is begun again from what is stored.

mod asking;
mod attempt;
mod desk;
mod endpoint;
mod history;
mod library;
mod outcome;
mod pace;
pub(crate) mod recent;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interflow_domain::WorkspaceId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ports::{DeliveryStore, EndpointId, MAX_OPEN, Roster, Transport};
use super::views::WebhookReads;
use crate::wakeups::Wakeups;
use crate::{Actor, Context, Core, Error};
use library::Library;

pub use asking::{ReplayFrom, Tested};

/// How old rows are looked for, and how many go at a time.
const PRUNING: Duration = Duration::from_secs(60);
const PRUNED_AT_ONCE: u32 = 1_000;

/// How deliveries are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where this server is reached, as bodies of the format `evolution` say.
    pub server_url: String,
    /// How long attempts and settled deliveries are kept.
    pub retention: Duration,
    /// How many lanes of an endpoint are delivered at the same time.
    pub lanes_at_once: usize,
    /// How many attempts this process makes at the same time; those of one workspace are a quarter of it at most.
    pub attempts_at_once: usize,
    /// Most deliveries of an endpoint that are open.
    pub max_open: u32,
    /// How often the clock is looked at, and whether there are endpoints to take up.
    pub tick: Duration,
    /// How often the log is looked at that nobody has rung for.
    pub poll: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server_url: String::new(),
            retention: Duration::from_secs(30 * 24 * 3600),
            lanes_at_once: 8,
            attempts_at_once: 512,
            max_open: MAX_OPEN,
            tick: Duration::from_secs(1),
            poll: Duration::from_secs(5),
        }
    }
}

/// The ports deliveries are made with.
#[derive(Clone)]
pub struct Ports {
    /// Where deliveries are kept.
    pub store: Arc<dyn DeliveryStore>,
    /// What is known of endpoints and deliveries.
    pub reads: Arc<dyn WebhookReads>,
    /// The way out.
    pub transport: Arc<dyn Transport>,
    /// What tells that there is more to read.
    pub wakeups: Arc<dyn Wakeups>,
}

/// Makes the deliveries of this node's endpoints. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    core: Core,
    ports: Ports,
    settings: Settings,
    library: Library,
    attempts: Arc<Semaphore>,
    shares: Mutex<HashMap<WorkspaceId, Arc<Semaphore>>>,
    endpoints: Mutex<HashMap<EndpointId, CancellationToken>>,
    look: Notify,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Dispatcher {
    /// A dispatcher that delivers nothing yet; see [`Dispatcher::start`].
    #[must_use]
    pub fn new(core: Core, ports: Ports, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            library: Library::new(Arc::clone(&core.log)),
            attempts: Arc::new(Semaphore::new(settings.attempts_at_once)),
            shares: Mutex::default(),
            core,
            ports,
            settings,
            endpoints: Mutex::default(),
            look: Notify::new(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// Begins to deliver for the endpoints that no other node delivers for.
    pub fn start(&self) {
        self.run(self.clone().take_up());
        self.run(self.clone().prune());
    }

    /// Finishes the attempts that are under way, gives the leases back, and returns when nothing runs any more.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// There may be an endpoint to be taken up.
    pub fn wake(&self) {
        self.0.look.notify_one();
    }

    /// Runs a task until the dispatcher stops.
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.0.stopping.clone();
        self.0.tasks.spawn(async move {
            stopping.run_until_cancelled(task).await;
        });
    }

    async fn take_up(self) {
        let mut ticks = tokio::time::interval(self.0.settings.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.0.look.notified() => {}
            }
            match self.0.ports.store.roster().await {
                Ok(roster) => self.share(&roster),
                Err(error) => tracing::warn!(%error, "the endpoints of webhooks could not be looked at"),
            }
        }
    }

    /// Takes up what is free, up to this node's share; what it has beyond that is given back, for others to take.
    fn share(&self, roster: &Roster) {
        let share = roster.total.div_ceil(roster.nodes.max(1));
        let mut endpoints = self.endpoints();
        for (endpoint, token) in endpoints.iter().skip(share) {
            tracing::debug!(webhook = %endpoint.webhook, "a webhook is left to another node");
            token.cancel();
        }
        for endpoint in &roster.available {
            if endpoints.len() >= share {
                break;
            }
            if !endpoints.contains_key(endpoint) {
                let token = self.0.stopping.child_token();
                endpoints.insert(*endpoint, token.clone());
                self.0.tasks.spawn(self.clone().deliver(*endpoint, token));
            }
        }
    }

    async fn deliver(self, endpoint: EndpointId, stopping: CancellationToken) {
        if let Err(error) = endpoint::run(&self, endpoint, &stopping).await {
            tracing::warn!(webhook = %endpoint.webhook, %error, "delivering for a webhook broke off and begins again");
        }
        self.endpoints().remove(&endpoint);
    }

    /// Forgets what is old, for as long as it runs.
    async fn prune(self) {
        let mut wait = PRUNING;
        loop {
            tokio::time::sleep(wait).await;
            let (now, retention) = (self.0.core.clock.now(), self.0.settings.retention);
            wait = match self.0.ports.store.prune(now, retention, PRUNED_AT_ONCE).await {
                // There is more, and others want the database too.
                Ok(pruned) if pruned >= u64::from(PRUNED_AT_ONCE) => Duration::from_secs(1),
                Ok(_) => PRUNING,
                Err(error) => {
                    tracing::warn!(%error, "old deliveries could not be forgotten");
                    PRUNING
                }
            };
        }
    }

    /// Room for an attempt, for as long as it is held. A workspace whose receivers all hang fills its own share and keeps
    /// no other waiting.
    async fn room(&self, workspace: WorkspaceId) -> [Option<OwnedSemaphorePermit>; 2] {
        let share = {
            let mut shares = self.0.shares.lock().unwrap_or_else(PoisonError::into_inner);
            let most = (self.0.settings.attempts_at_once / 4).max(1);
            Arc::clone(shares.entry(workspace).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        // Neither is ever closed, and when it were there would be no bound.
        let own = share.acquire_owned().await.ok();
        [own, Arc::clone(&self.0.attempts).acquire_owned().await.ok()]
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<EndpointId, CancellationToken>> {
        self.0.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The circumstances of what this does by itself.
    fn internal(&self, workspace: WorkspaceId) -> Context {
        let request_id = format!("req_{}", self.0.core.ids.next().simple());
        Context::internal(workspace, Actor::System("webhooks"), request_id)
    }
}

/// Whether trying again may help.
const fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_))
}
