//! Deliveries on a real Postgres and over real sockets.

mod backlog;
mod bodies;
mod crash;
mod delivery;
mod drain;
mod environment;
mod failures;
mod many;
mod plans;
mod replays;
mod retention;
mod schemas;
mod storm;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};
use futures::future::join_all;
use interflow_application::gateway::Leases as _;
use interflow_application::read::{PageRequest, Window};
use interflow_application::webhook::address::AllowList;
use interflow_application::webhook::dispatch::{Dispatcher, Ports, Settings};
use interflow_application::webhook::ports::{Resolver, Transport};
use interflow_application::webhook::{Delivery, DeliveryFilter, WebhookReads as _, WebhookView, signing};
use interflow_application::{
    Actor, Clock, Context, Core, CreateCustomer, CreateWebhook, Ids, PatchCustomer, ProfilePatch, UseCase,
};
use interflow_domain::customer::ProfileDraft;
use interflow_domain::webhook::{Format, Secret, SettingsDraft, Signing, StartFrom};
use interflow_domain::{CustomerId, WebhookId, WorkspaceId};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings as LogSettings};
use interflow_infrastructure::leases::PgLeases;
use interflow_infrastructure::read_models::PgReads;
use interflow_infrastructure::webhooks::{HttpTransport, PgDeliveries, SystemResolver, Timeouts};
use interflow_vault::MasterKey;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::PATIENCE;
use crate::support::database::Database;
use crate::support::receiver::Received;

/// The master key of every server of these tests.
pub const MASTER: &str = "0707070707070707070707070707070707070707070707070707070707070707";
/// Shorter than those of a server, so that whoever hangs is known for it soon.
const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_millis(500), total: Duration::from_millis(700) };

/// A clock that goes this many times as fast as others.
#[derive(Clone, Copy)]
pub struct FastClock {
    since: DateTime<Utc>,
    times: i32,
}

impl FastClock {
    fn new(times: i32) -> Self {
        Self { since: SystemClock.now().trunc_subsecs(3), times }
    }

    /// As a server of the lab is told of it.
    fn words(self) -> String {
        format!("{}:{}", self.since.timestamp_millis(), self.times)
    }
}

impl Clock for FastClock {
    fn now(&self) -> DateTime<Utc> {
        self.since + (SystemClock.now() - self.since) * self.times
    }
}

/// A node that delivers, in this process, and whoever appends.
pub struct Node {
    pub core: Core,
    pub reads: PgReads,
    pub context: Context,
    pub dispatcher: Dispatcher,
    pub database: Arc<Database>,
    leases: PgLeases,
    tasks: JoinSet<()>,
}

/// How a node is to be.
pub struct Build {
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
    pub transport: Arc<dyn Transport>,
    pub database: Arc<Database>,
    pub pool: PgPool,
}

impl Build {
    pub async fn new() -> Self {
        Self::on(Arc::new(Database::new().await))
    }

    pub fn on(database: Arc<Database>) -> Self {
        let tick = Duration::from_millis(20);
        let settings = Settings {
            server_url: "https://interflow.test".to_owned(),
            tick,
            poll: Duration::from_millis(500),
            ..Settings::default()
        };
        let transport = Arc::new(HttpTransport::with_timeouts(
            Arc::new(SystemResolver),
            AllowList::everything(),
            TIMEOUTS,
        ));
        let pool = database.pool.clone();
        Self { clock: Arc::new(FastClock::new(1)), settings, transport, database, pool }
    }

    /// Hours pass in moments.
    pub fn in_haste(self, times: i32) -> Self {
        Self { clock: Arc::new(FastClock::new(times)), ..self }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// A node of a workspace, which delivers nothing yet.
    pub fn node(self, workspace: WorkspaceId) -> Node {
        let Self { clock, settings, transport, database, pool } = self;
        let master = MasterKey::parse(MASTER).unwrap();
        let log = PgEventLog::start(pool.clone(), &master, Arc::new(SystemIds), LogSettings::default());
        let reads = PgReads::new(pool.clone());
        let core = Core {
            log: Arc::new(log.clone()),
            reads: Arc::new(reads.clone()),
            clock,
            ids: Arc::new(SystemIds),
        };
        let id = SystemIds.next();
        let leases = PgLeases::new(pool.clone(), id);
        let store = PgDeliveries::new(pool, id).expiring_after(Duration::from_secs(1));
        let ports = Ports {
            store: Arc::new(store),
            reads: Arc::new(reads.clone()),
            transport,
            wakeups: Arc::new(log.bell()),
        };
        let context = Context::internal(workspace, Actor::System("test"), "req_test".to_owned());
        let dispatcher = Dispatcher::new(core.clone(), ports, settings);
        Node { core, reads, context, dispatcher, database, leases, tasks: JoinSet::new() }
    }

    /// The same, started, in a workspace of its own.
    pub async fn start(self) -> Node {
        self.node(workspace()).started().await
    }
}

impl Node {
    /// Delivers from now on, and says that it is alive.
    pub async fn started(mut self) -> Self {
        self.leases.heartbeat().await.unwrap();
        let leases = self.leases.clone();
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                drop(leases.heartbeat().await);
            }
        });
        self.dispatcher.start();
        self
    }

    pub async fn run<U: UseCase>(&self, use_case: &U) -> U::Output {
        self.core.run(&self.context, use_case).await.unwrap().output
    }

    /// An endpoint of this workspace, from now on.
    pub async fn endpoint(&self, url: &str) -> WebhookId {
        self.endpoint_with(url, |_| {}).await
    }

    pub async fn endpoint_with(&self, url: &str, change: impl FnOnce(&mut CreateWebhook)) -> WebhookId {
        let mut create = create(url);
        change(&mut create);
        let id = self.run(&create).await;
        self.dispatcher.wake();
        id
    }

    /// Customers, each with a lane of its own.
    pub async fn customers(&self, count: usize) -> Vec<CustomerId> {
        join_all((0..count).map(|_| {
            let email = Some(format!("{}@example.com", SystemIds.next()).parse().unwrap());
            let profile = ProfileDraft { email, ..ProfileDraft::default() };
            async move { self.run(&CreateCustomer { profile }).await }
        }))
        .await
    }

    /// Something happens to a customer, for the n-th time.
    pub async fn rename(&self, id: CustomerId, n: usize) {
        let name = Some(Some(format!("Ana the {n}.").parse().unwrap()));
        let patch = ProfilePatch { name, ..ProfilePatch::default() };
        self.run(&PatchCustomer { id, patch, expected: None }).await;
    }

    pub async fn view(&self, id: WebhookId) -> WebhookView {
        self.reads.webhook(self.context.workspace, id).await.unwrap().unwrap()
    }

    pub async fn deliveries(&self, id: WebhookId, status: Option<&'static str>) -> Vec<Delivery> {
        let filter = DeliveryFilter { status, ..DeliveryFilter::default() };
        let page = PageRequest { window: Window::Number(1), size: 100 };
        self.reads.deliveries(self.context.workspace, id, &filter, page).await.unwrap().items
    }

    /// Waits until an endpoint is as wanted.
    pub async fn until(&self, id: WebhookId, wanted: impl Fn(&WebhookView) -> bool) -> WebhookView {
        let begin = Instant::now();
        loop {
            let view = self.view(id).await;
            if wanted(&view) {
                return view;
            }
            assert!(begin.elapsed() < PATIENCE, "the endpoint did not become as wanted: {view:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until an endpoint has read the log and nothing of it is open.
    pub async fn until_idle(&self, id: WebhookId) {
        let begin = Instant::now();
        loop {
            let sql = "SELECT count(*) FROM webhook_deliveries d WHERE workspace_id = $1 AND webhook_id = $2 AND turn IS NOT NULL";
            let query = sqlx::query_scalar(sql).bind(self.context.workspace.uuid()).bind(id.uuid());
            let open: i64 = query.fetch_one(&self.database.pool).await.unwrap();
            let view = self.view(id).await;
            if open == 0 && view.progress.is_some_and(|progress| progress.open == 0 && progress.lag() == 0) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE * 2, "{open} are still open");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// A workspace that nobody else has.
pub fn workspace() -> WorkspaceId {
    WorkspaceId::new(SystemIds.next())
}

pub fn create(url: &str) -> CreateWebhook {
    let settings = SettingsDraft {
        url: url.parse().unwrap(),
        description: None,
        format: Format::Standard,
        schema_version: 1,
        events: [].into(),
        channels: [].into(),
        headers: [].into(),
        rate_limit: None,
        schedule: None,
        by_events: false,
    };
    CreateWebhook { settings, channels: vec![], secret: secret(), start_from: StartFrom::Now, most: None }
}

pub fn secret() -> Secret {
    signing::new_secret(Signing::Hmac).unwrap()
}

/// The place of a delivery of the format `standard`: its lane's number, and the one before.
pub fn place(one: &Received) -> (u64, Option<u64>) {
    let body = one.json();
    (body["sequence"].as_u64().unwrap(), body["previous_sequence"].as_u64())
}

/// Answers with what a test says a name resolves to.
pub struct Names<F>(pub F);

#[async_trait]
impl<F: Fn(&str) -> Vec<std::net::IpAddr> + Send + Sync> Resolver for Names<F> {
    async fn resolve(&self, name: &str, _: u16) -> Vec<std::net::IpAddr> {
        (self.0)(name)
    }
}
