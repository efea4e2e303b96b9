//! The composition root: the one file that names infrastructure.
//!
//! [`serve`] starts, from the bottom up, Postgres (the embedded one unless a URL is given), the schema, the event log,
//! the gateway with its engine, and the HTTP server; [`Running::shutdown`] stops them from the top down, all by one
//! deadline. [`Tools`] is what a command beside the server needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use interflow_application::audit::ReadAudit;
use interflow_application::gateway::{Gateway, Ports, Settings as GatewaySettings};
use interflow_application::live::Live;
use interflow_application::wakeups::Wakeups;
use interflow_application::webhook::address::AllowList;
use interflow_application::webhook::dispatch::{Ports as DispatchPorts, Settings as DispatchSettings};
use interflow_application::webhook::ports::Resolver;
use interflow_application::webhook::url::UrlPolicy;
use interflow_application::webhook::{Dispatcher, WebhookReads};
use interflow_application::whatsapp::Engine;
use interflow_application::{AnswerStore, Clock, Core, Error, Ids, Keeper};
use interflow_embedded_postgres::{
    Config as PostgresConfig, EmbeddedPostgres, Error as PostgresError, Health,
};
use interflow_infrastructure::answers::PgAnswers;
use interflow_infrastructure::audit::{PgAudit, PgReadStore};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::database::{self, DatabaseError, Options, Pool};
use interflow_infrastructure::erasure::{ErasureList, PgErasures, Traces};
use interflow_infrastructure::event_log::{PgEventLog, Seam, Settings as LogSettings};
use interflow_infrastructure::key_uses::PgKeyUses;
use interflow_infrastructure::keyring::rotation::{self, Begun, RotationError};
use interflow_infrastructure::keyring::{self, KeyringError};
use interflow_infrastructure::leases::PgLeases;
use interflow_infrastructure::limiter::PgLimiter;
use interflow_infrastructure::outbox::PgOutbox;
use interflow_infrastructure::projections::{Projections, ProjectionsError};
use interflow_infrastructure::proof::{AnchorFileError, Anchoring, PgProofs, Sealer};
use interflow_infrastructure::read_models::{PgPast, PgReads};
use interflow_infrastructure::retention::PgRetention;
use interflow_infrastructure::usage::PgUsage;
use interflow_infrastructure::wakeups::Exchange;
use interflow_infrastructure::webhooks::{HttpTransport, PgDeliveries, SystemResolver};
use interflow_vault::{MasterKey, MasterKeyError, RootKeys, StoreKey};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::auth::{KeyUses, Secrets, is_weak};
use crate::bootstrap::{AdminKey, bootstrap, ensure_webhook};
use crate::chores::{self, PRUNING};
use crate::config::{Config, Secret};
use crate::limits::Limits;
use crate::node::{Node, NodeError};
use crate::router::router;
use crate::server::HttpServer;
use crate::state::{App, Audit, Ports as AppPorts, Settings, Tenants, Webhooks};

/// What the command line says of erasures.
pub use interflow_infrastructure::erasure;
/// What the command line says of projections.
pub use interflow_infrastructure::projections;
/// What the command line says of the proof of logs.
pub use interflow_infrastructure::proof;

/// How much of the time for a shutdown is kept for what comes after the requests.
const KEPT_FOR_THE_REST: Duration = Duration::from_secs(10);
/// How many old entries of who has seen what go at a time.
const READS_AT_ONCE: u32 = 5_000;

/// What an engine is made of.
pub struct EngineParts {
    /// The database.
    pub pool: Pool,
    /// The key that WhatsApp's keys are sealed under.
    pub key: StoreKey,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whether WhatsApp is told that accounts are online.
    pub appear_online: bool,
}

/// Makes the engine, once its parts are there.
pub type EngineFactory = Box<dyn FnOnce(EngineParts) -> Arc<dyn Engine> + Send>;

/// What a program brings to its server.
pub struct Brought {
    /// The engine.
    pub engine: EngineFactory,
    /// Who is told of every step of an append. Only the lab brings one, to die at a step.
    pub seam: Option<Arc<dyn Seam>>,
    /// What time it is; the machine's when absent. Only the lab brings one, which goes faster.
    pub clock: Option<Arc<dyn Clock>>,
}

impl From<EngineFactory> for Brought {
    fn from(engine: EngineFactory) -> Self {
        Self { engine, seam: None, clock: None }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This build must not meet the real WhatsApp.
    #[error(
        "this program was built to trust a simulated network and refuses to serve: build it with `cargo build -p interflow`"
    )]
    BuiltForLab,
    /// This build cannot speak to WhatsApp.
    #[error("this program was built without a WhatsApp engine")]
    NoEngine,
    /// No socket.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The embedded Postgres.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// What it opens.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The data directory.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The file that checkpoints are anchored in.
    #[error(transparent)]
    Anchors(#[from] AnchorFileError),
    /// The first commands.
    #[error("the server cannot be made ready")]
    Bootstrap(#[from] Error),
    /// The read models.
    #[error("the read models cannot be looked at")]
    Projections(#[from] ProjectionsError),
}

/// WhatsApp itself.
#[cfg(feature = "whatsapp-web")]
pub fn whatsapp_web() -> Result<EngineFactory, StartError> {
    use interflow_whatsapp_web::{BUILT_FOR_LAB, Settings, WhatsAppWeb};

    if BUILT_FOR_LAB {
        return Err(StartError::BuiltForLab);
    }
    Ok(Box::new(|parts| {
        let settings = Settings::new(parts.pool, parts.key).appearing_online(parts.appear_online);
        Arc::new(WhatsAppWeb::new(settings))
    }))
}

/// WhatsApp itself, which this build leaves out.
#[cfg(not(feature = "whatsapp-web"))]
pub fn whatsapp_web() -> Result<EngineFactory, StartError> {
    Err(StartError::NoEngine)
}

/// The database, and what is sealed in it opened.
struct Storage {
    postgres: Option<EmbeddedPostgres>,
    pool: Pool,
    keys: RootKeys,
}

impl Storage {
    /// Opens the database, brings its schema up to date, and opens the keys of what is sealed in it, for a server's node or
    /// for a command `beside` servers.
    async fn open(config: &Config, node: Option<Uuid>) -> Result<Self, StartError> {
        let (postgres, pool) = open_database(config, node.is_none()).await?;
        let master = match &config.master_key {
            Some(key) => MasterKey::parse(key.expose())?,
            None => MasterKey::load_or_create(&config.data_dir)?,
        };
        let keys = keyring::open(&pool, &master, node).await?;
        Ok(Self { postgres, pool, keys })
    }

    fn log(&self, config: &Config, ids: Arc<dyn Ids>, seam: Option<Arc<dyn Seam>>) -> PgEventLog {
        // Appends and reads share the pool.
        let writers = (config.database_connections as usize * 3 / 5).max(1);
        let settings = LogSettings { writers, seam, ..LogSettings::default() };
        PgEventLog::start(self.pool.clone(), &self.keys, ids, settings)
    }

    fn erasures(&self, config: &Config, log: &PgEventLog) -> PgErasures {
        let list = ErasureList::at(config.erasure_list());
        PgErasures::new(log.clone(), Arc::new(SystemClock), traces(&self.keys), list)
    }

    async fn close(self, log: &PgEventLog) {
        log.close().await;
        self.pool.close().await;
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

/// The database with its schema up to date. `beside` a running server its Postgres is used.
async fn open_database(
    config: &Config,
    beside: bool,
) -> Result<(Option<EmbeddedPostgres>, Pool), StartError> {
    let (postgres, options) = match &config.database_url {
        Some(url) => (None, Options::parse(url.expose())?),
        None if beside => match EmbeddedPostgres::attach(&config.data_dir).await {
            Ok(theirs) => (None, Options::parse(&theirs.url())?),
            Err(PostgresError::NotRunning { .. }) => start_postgres(config).await?,
            Err(error) => return Err(error.into()),
        },
        None => start_postgres(config).await?,
    };
    let pool = database::connect(Options { max_connections: config.database_connections, ..options }).await?;
    database::migrate(&pool).await?;
    Ok((postgres, pool))
}

/// How the WhatsApp keys about a person are found.
#[cfg(feature = "whatsapp-web")]
fn traces(keys: &RootKeys) -> Traces {
    let key = whatsapp_keys(keys);
    Arc::new(move |workspace, instance, users| {
        interflow_whatsapp_web::store::traces(&key, workspace, instance, users)
    })
}

/// This build has no engine, and its database no keys of one.
#[cfg(not(feature = "whatsapp-web"))]
fn traces(_: &RootKeys) -> Traces {
    Arc::new(|_, _, _| vec![])
}

/// The keys that WhatsApp's keys are sealed under and found by.
fn whatsapp_keys(keys: &RootKeys) -> StoreKey {
    keys.both("interflow whatsapp keys")
}

async fn start_postgres(config: &Config) -> Result<(Option<EmbeddedPostgres>, Options), StartError> {
    let stop_timeout = config.shutdown_timeout / 2;
    let settings = PostgresConfig {
        bin_dir: config.pg_bin_dir.clone(),
        stop_timeout,
        ..PostgresConfig::new(&config.data_dir)
    };
    let postgres = EmbeddedPostgres::start(settings).await?;
    tracing::debug!(version = postgres.version(), "the embedded Postgres is ready");
    let options = Options::parse(&postgres.connection().url())?;
    Ok((Some(postgres), options))
}

fn core(pool: &Pool, log: &PgEventLog, clock: Option<Arc<dyn Clock>>) -> Core {
    Core {
        log: Arc::new(log.clone()),
        reads: Arc::new(PgReads::new(pool.clone())),
        clock: clock.unwrap_or_else(|| Arc::new(SystemClock)),
        ids: Arc::new(SystemIds),
    }
}

/// Starts a server, and returns when it is ready.
pub async fn serve(config: Config, brought: impl Into<Brought>) -> Result<Running, StartError> {
    let Brought { engine, seam, clock } = brought.into();
    let unbound = |source| StartError::Listen { address: config.listen.clone(), source };
    // First of all, so that a port that is taken is told before anything is made.
    let listener = TcpListener::bind(&config.listen).await.map_err(unbound)?;
    let node = Node::claim(&config.data_dir, &SystemIds)?;
    let storage = Storage::open(&config, Some(node.id())).await?;
    let pool = &storage.pool;
    let log = storage.log(&config, Arc::new(SystemIds), seam);
    let core = core(pool, &log, clock);
    warn_of_outdated(&log).await?;
    // Before anybody is served: the database may be one that was restored.
    let erasures = storage.erasures(&config, &log);
    apply_erasures(&erasures).await?;
    let admin = bootstrap(&core, config.admin_key.as_ref()).await?;

    let key = whatsapp_keys(&storage.keys);
    let engine = engine(EngineParts {
        pool: pool.clone(),
        key,
        clock: Arc::clone(&core.clock),
        appear_online: config.appear_online,
    });
    let ports = Ports {
        engine,
        leases: Arc::new(PgLeases::new(pool.clone(), node.id()).expiring_after(config.lease_expiry)),
        outbox: Arc::new(PgOutbox::new(pool.clone())),
        wakeups: Arc::new(log.bell()),
        live: Live::new(Arc::clone(&core.log), Arc::new(log.bell())),
    };
    let settings = GatewaySettings {
        connect_timeout: config.connect_timeout,
        send_wait: config.send_wait,
        lease_expiry: config.lease_expiry,
        bulk_rate_per_minute: config.bulk_rate_per_minute,
        send_read_receipts: config.send_read_receipts,
        ..GatewaySettings::default()
    };
    let gateway = Gateway::new(core.clone(), ports, settings);
    gateway.start().await?;
    let exchange = Exchange::start(log.bell(), pool, node.id(), config.lease_expiry);

    let webhooks = webhooks(&config, &core, pool, &log, (node.id(), listening_url(&listener)));
    ensure_webhook(&core, config.webhook_url.clone()).await?;
    webhooks.dispatcher.start();

    let answers: Arc<dyn AnswerStore> =
        Arc::new(PgAnswers::new(pool.clone(), &storage.keys, Arc::clone(&core.clock)));
    let mut chores = JoinSet::new();
    chores.spawn(chores::prune(Arc::clone(&answers)));
    let settings = Settings {
        request_timeout: config.request_timeout,
        body_limit: config.body_limit,
        cors_origins: config.cors_origins.clone(),
        hsts_max_age: config.hsts_max_age,
        send_deadline: config.send_deadline,
        streams_per_key: config.streams_per_key,
        trusted_proxies: config.trusted_proxies.clone(),
        stream_heartbeat: config.stream_heartbeat,
        graphql_introspection: config.graphql_introspection,
        graphiql: config.graphiql,
    };
    let limits = Limits::new(Arc::new(PgLimiter::new(pool.clone())));
    let secrets = storage.keys.lookup("interflow key secrets");
    let proofs = PgProofs::new(pool.clone(), &storage.keys);
    let tenants = Tenants {
        secrets: Secrets::new(Arc::new(move |bytes| secrets.fingerprint(bytes))),
        key_uses: KeyUses::new(Arc::new(PgKeyUses::new(pool.clone()))),
        usage: Arc::new(PgUsage::new(pool.clone())),
        erasures: Arc::new(erasures),
        proofs: Arc::new(proofs.clone()),
    };
    let reads = ReadAudit::new(Arc::new(PgReadStore::new(pool.clone())), core.ids.next(), config.audit_reads);
    let audit = Audit { events: Arc::new(PgAudit::new(log.clone())), reads: reads.clone() };
    chores.spawn(chores::note_reads(reads.clone()));
    chores.spawn(forget_old(log.clone(), reads, Arc::clone(&core.clock), config.audit_retention));
    let anchoring = Anchoring { file: config.audit_anchor_file.clone(), every: config.audit_anchor_interval };
    let sealer = Sealer::start(proofs, core.clone(), &log.bell(), &anchoring)?;
    let retention = PgRetention::new(log.clone(), Arc::clone(&core.clock));
    chores.spawn(Keeper::new(core.clone(), Arc::new(retention)).run());
    chores.spawn(log.clone().forget_what_is_erased());
    chores.spawn(chores::note_key_uses(tenants.key_uses.clone()));
    let past = Arc::new(PgPast::new(log.clone()));
    let app = App::new(AppPorts {
        core,
        past,
        gateway: gateway.clone(),
        answers,
        limits,
        tenants,
        webhooks,
        audit,
        settings,
    });
    let http = HttpServer::start(listener, router(app.clone()))
        .map_err(|source| StartError::Listen { address: config.listen.clone(), source })?;
    warn_of_weak_key(http.address, config.admin_key.as_ref());
    tracing::info!(address = %http.address, "ready");
    Ok(Running {
        address: http.address,
        admin,
        config,
        app,
        http,
        gateway,
        log,
        storage,
        chores,
        sealer,
        exchange,
        node,
    })
}

/// What delivers webhooks, not started yet.
fn webhooks(
    config: &Config,
    core: &Core,
    pool: &Pool,
    log: &PgEventLog,
    (node, listens_at): (Uuid, String),
) -> Webhooks {
    let resolver: Arc<dyn Resolver> = Arc::new(SystemResolver);
    let allowed = config.webhook_allow.clone();
    let reads: Arc<dyn WebhookReads> = Arc::new(PgReads::new(pool.clone()));
    let wakeups: Arc<dyn Wakeups> = Arc::new(log.bell());
    let ports = DispatchPorts {
        store: Arc::new(PgDeliveries::new(pool.clone(), node).expiring_after(config.lease_expiry)),
        reads: Arc::clone(&reads),
        transport: Arc::new(HttpTransport::new(Arc::clone(&resolver), allowed.clone())),
        wakeups: Arc::clone(&wakeups),
    };
    let settings = DispatchSettings {
        server_url: config.public_url.clone().unwrap_or(listens_at),
        retention: config.webhook_retention,
        ..DispatchSettings::default()
    };
    // Who has receivers in a network of their own has no certificates for them.
    let policy = UrlPolicy { http: allowed != AllowList::default(), allowed, any_port: false };
    let dispatcher = Dispatcher::new(core.clone(), ports, settings);
    let (most, creating) = (config.webhooks_per_workspace, Arc::default());
    Webhooks { dispatcher, reads, policy, resolver, wakeups, most, creating }
}

/// Where a server is reached that nobody says anything else of.
fn listening_url(listener: &TcpListener) -> String {
    listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default()
}

fn warn_of_weak_key(address: SocketAddr, key: Option<&Secret>) {
    if !address.ip().is_loopback() && key.is_some_and(|key| is_weak(key.expose())) {
        tracing::warn!(
            "INTERFLOW_ADMIN_KEY can be guessed, and the server listens beyond this machine: use a longer one"
        );
    }
}

/// Says which read models another definition of them has made. They serve all the same: what they show was right by
/// that definition, and a gateway that refused to run for them would lose more.
async fn warn_of_outdated(log: &PgEventLog) -> Result<(), ProjectionsError> {
    for outdated in Projections::new(log).outdated().await? {
        tracing::warn!(
            projection = outdated.projection,
            workspaces = outdated.workspaces,
            "the definition of this projection has changed since its rows were made: once every server runs this \
             version, run `interflow projections rebuild`, also while they run"
        );
    }
    Ok(())
}

/// Makes this database forget whoever is on the erasure list, and says so.
async fn apply_erasures(erasures: &PgErasures) -> Result<(), Error> {
    let applied = erasures.apply().await?;
    if applied.erased > 0 {
        tracing::warn!(
            customers = applied.erased,
            "customers on the erasure list were erased again: this database is from before that; run `interflow erasures \
             purge` to clear its files of them"
        );
    }
    Ok(())
}

/// Forgets what auditors are told of people's addresses and reading for a time only, for as long as it runs.
async fn forget_old(log: PgEventLog, reads: ReadAudit, clock: Arc<dyn Clock>, kept: Duration) {
    loop {
        let before = clock.now() - kept;
        let mut wait = PRUNING;
        match reads.store().forget(before, READS_AT_ONCE).await {
            Ok(forgotten) if forgotten >= u64::from(READS_AT_ONCE) => wait = Duration::from_secs(1),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old entries of who has seen what could not be forgotten"),
        }
        if let Err(error) = log.forget_addresses(before).await {
            tracing::warn!(%error, "old addresses of callers could not be forgotten");
        }
        tokio::time::sleep(wait).await;
    }
}

/// A server that is ready.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    admin: AdminKey,
    config: Config,
    app: App,
    http: HttpServer,
    gateway: Gateway,
    log: PgEventLog,
    storage: Storage,
    /// What is done for as long as the server runs.
    chores: JoinSet<()>,
    sealer: Sealer,
    exchange: Exchange,
    /// Held, so that no second server takes this node for itself.
    node: Node,
}

impl Running {
    /// The admin key, when it was made at this start.
    #[must_use]
    pub fn admin_key(&self) -> Option<&str> {
        if let AdminKey::Made(key) = &self.admin { Some(key) } else { None }
    }

    /// What the server does for its callers, for a program that is the same process.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.app.core
    }

    /// What hears of what is appended, for a program that is the same process.
    #[must_use]
    pub fn wakeups(&self) -> Arc<dyn Wakeups> {
        Arc::clone(&self.app.webhooks.wakeups)
    }

    /// Every route, as it is served.
    pub fn router(&self) -> Router {
        router(self.app.clone())
    }

    /// What a person at the terminal wants to know.
    #[must_use]
    pub fn greeting(&self) -> String {
        let key = match &self.admin {
            AdminKey::Made(key) => {
                format!("{key}\n           (shown this once; `interflow key create` makes another)")
            }
            AdminKey::Given => "the one in INTERFLOW_ADMIN_KEY".to_owned(),
            AdminKey::Earlier => format!(
                "made at an earlier start; another: interflow key create --data-dir {}",
                self.config.data_dir.display()
            ),
        };
        format!("Interflow is ready.\n  URL      http://{}\n  API key  {key}", self.address)
    }

    /// Returns when the server cannot go on by itself, and says why.
    pub async fn failed(&self) -> String {
        let Some(postgres) = &self.storage.postgres else { return std::future::pending().await };
        let mut health = postgres.health();
        loop {
            if let Health::Failed { why } = &*health.borrow_and_update() {
                return format!("the embedded Postgres was given up: {why}");
            }
            if health.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Stops: not ready, requests finish, sessions close, what is waiting is written, Postgres stops. By one deadline.
    pub async fn shutdown(mut self) {
        let deadline = Instant::now() + self.config.shutdown_timeout;
        tracing::info!("shutting down");
        self.app.stop();
        let rest = KEPT_FOR_THE_REST.min(self.config.shutdown_timeout / 2);
        self.http.drain(deadline - rest).await;
        if timeout_at(deadline - rest, self.app.streams.closed()).await.is_err() {
            tracing::warn!("some sockets did not close in time");
        }
        self.chores.shutdown().await;
        match timeout_at(deadline - rest / 2, self.app.tenants.key_uses.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => tracing::warn!("when keys were last used was not noted"),
        }
        match timeout_at(deadline - rest / 2, self.app.reads.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => tracing::warn!("who has seen what in the last second was not noted"),
        }
        let (webhooks, gateway) = (&self.app.webhooks.dispatcher, &self.gateway);
        let stopped = async { tokio::join!(webhooks.stop(), gateway.stop()) };
        if timeout_at(deadline - rest / 2, stopped).await.is_err() {
            tracing::warn!("some WhatsApp sessions or deliveries did not end in time");
        }
        // Last, so that what has happened until here is sealed.
        if timeout_at(deadline - rest / 4, self.sealer.stop()).await.is_err() {
            tracing::warn!("the last events were not sealed: the next start does it");
        }
        self.exchange.stop().await;
        if timeout_at(deadline, self.storage.close(&self.log)).await.is_err() {
            tracing::warn!("the storage did not close in time");
        }
        drop(self.node);
        tracing::info!("stopped");
    }
}

/// Brings the schema up to date.
pub async fn migrate(config: &Config) -> Result<(), StartError> {
    Tools::open(config).await?.close().await;
    Ok(())
}

/// What a command needs that works beside a server, or without one.
pub struct Tools {
    /// Runs use cases.
    pub core: Core,
    /// Makes read models again, and checks them.
    pub projections: Projections,
    /// Answers questions about the past.
    pub past: PgPast,
    /// Makes the log forget.
    pub erasures: PgErasures,
    /// Proves it.
    pub proofs: PgProofs,
    /// Notes who has seen what.
    pub reads: ReadAudit,
    /// The log itself.
    pub log: PgEventLog,
    storage: Storage,
}

impl Tools {
    /// Opens the database; the embedded one is started when no server runs it.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        let storage = Storage::open(config, None).await?;
        let log = storage.log(config, Arc::new(SystemIds), None);
        let projections = Projections::new(&log);
        let erasures = storage.erasures(config, &log);
        let proofs = PgProofs::new(storage.pool.clone(), &storage.keys);
        // What is seen at the command line is noted whatever is set for the API.
        let reads = ReadAudit::new(Arc::new(PgReadStore::new(storage.pool.clone())), SystemIds.next(), true);
        let past = PgPast::new(log.clone());
        let core = core(&storage.pool, &log, None);
        Ok(Self { core, projections, past, erasures, proofs, reads, log, storage })
    }

    /// Another database, its schema made or brought up to date.
    pub async fn elsewhere(&self, url: &str) -> Result<Pool, StartError> {
        let pool = database::connect(Options::parse(url)?).await?;
        database::migrate(&pool).await?;
        Ok(pool)
    }

    /// Closes it; stops the embedded one if it was started.
    pub async fn close(self) {
        self.storage.close(&self.log).await;
    }
}

/// Why a master key was not rotated, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// What a start can fail for as well.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The present key is nowhere.
    #[error("there is no master key: neither INTERFLOW_MASTER_KEY nor master.key in the data directory")]
    NoKey,
    /// Nobody said what the new one is to be.
    #[error(
        "the master key is in INTERFLOW_MASTER_KEY: put the new one into INTERFLOW_NEW_MASTER_KEY (openssl rand -hex 32)"
    )]
    NoNewKey,
    /// The keys.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// The keys of WhatsApp's sessions.
    #[cfg(feature = "whatsapp-web")]
    #[error(transparent)]
    Sessions(#[from] interflow_whatsapp_web::store::SealAnewError),
}

/// Gives the database to another master key: see [`rotation`]. Tells of what is sealed anew how many rows of how many are
/// done. A key that is kept in the data directory is replaced there; of one from the environment that is the operator's.
/// Says whether the key is kept in the data directory.
pub async fn rotate_master_key(
    config: &Config,
    new: Option<&str>,
    tell: &mut (dyn FnMut(&'static str, u64, u64) + Send),
) -> Result<bool, RotateError> {
    // No server of this data directory runs, and none starts meanwhile.
    let _node = Node::claim(&config.data_dir, &SystemIds).map_err(StartError::from)?;
    let new = new.map(MasterKey::parse).transpose().map_err(StartError::from)?;
    let kept = config.master_key.is_none();
    let (present, new) = match (&config.master_key, new) {
        (Some(_), None) => return Err(RotateError::NoNewKey),
        (Some(key), Some(new)) => (MasterKey::parse(key.expose()).map_err(StartError::from)?, new),
        (None, new) => {
            let present = MasterKey::load(&config.data_dir).map_err(StartError::from)?;
            let new = MasterKey::draft(&config.data_dir, new.as_ref()).map_err(StartError::from)?;
            (present.ok_or(RotateError::NoKey)?, new)
        }
    };
    let (postgres, pool) = open_database(config, true).await?;
    let rotated = rotate(&pool, (&present, &new), config.lease_expiry, tell).await;
    pool.close().await;
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
    rotated?;
    if kept {
        MasterKey::adopt_draft(&config.data_dir).map_err(StartError::from)?;
    }
    Ok(kept)
}

async fn rotate(
    pool: &Pool,
    keys: (&MasterKey, &MasterKey),
    silence: Duration,
    tell: &mut (dyn FnMut(&'static str, u64, u64) + Send),
) -> Result<(), RotateError> {
    // A server that was just stopped is taken for alive until its last heartbeat is old.
    let patience = Instant::now() + silence + Duration::from_secs(2);
    let begun = loop {
        match rotation::begin(pool, keys, silence).await {
            Err(RotationError::ServersAlive(_)) if Instant::now() < patience => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            begun => break begun?,
        }
    };
    let Begun::UnderWay(rotation) = begun else { return Ok(()) };
    rotation.data_keys(&mut |done, all| tell("data key", done, all)).await?;
    rotation.answers().await?;
    rotation.audit_keys().await?;
    #[cfg(feature = "whatsapp-web")]
    {
        let [before, next] = [&rotation.before, &rotation.next].map(|keys| whatsapp_keys(keys).sealing);
        let mut tell = |done, all| tell("key of a session", done, all);
        interflow_whatsapp_web::store::seal_anew(pool, &before, &next, &mut tell).await?;
    }
    Ok(rotation.finish().await?)
}
