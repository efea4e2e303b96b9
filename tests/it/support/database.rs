//! A database for a test, cloned from a migrated template, in one Postgres for the whole run.
//!
//! The server is the one that Interflow embeds, in a directory of this process's under `target/tmp`. It ends with this
//! process, however that ends; its directory is removed by the next run.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use interflow_embedded_postgres::{Config, EmbeddedPostgres};
use interflow_infrastructure::database::{self, Options};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::sync::OnceCell;

/// Asks for what pg_stat_statements saw.
pub const STATEMENTS: &str = "BENCH_STATEMENTS";

const TEMPLATE: &str = "interflow_template";

static SERVER: OnceCell<Server> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
static LEFT: Mutex<Vec<String>> = Mutex::new(vec![]);

struct Server {
    _postgres: EmbeddedPostgres,
    options: PgConnectOptions,
}

/// Says that a database is not used any more, once it is dropped. A server in this process that is not shut down has
/// sessions and a gateway that hold each other, and with them connections: those are cut when the next test begins.
pub struct Leave(String);

impl Leave {
    pub fn of(options: &PgConnectOptions) -> Self {
        Self(options.get_database().unwrap().to_owned())
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        LEFT.lock().unwrap().push(std::mem::take(&mut self.0));
    }
}

/// A migrated database that nobody else uses.
pub struct Database {
    pub pool: PgPool,
    pub options: PgConnectOptions,
}

impl Database {
    pub async fn new() -> Self {
        let options = Self::empty_options(Some(TEMPLATE)).await;
        let pool = database::connect(Options { max_connections: 10, ..Options::new(options.clone()) })
            .await
            .unwrap();
        Self { pool, options }
    }

    /// Another pool on this database, as another process would have.
    pub async fn another_pool(&self) -> PgPool {
        let options = Options { max_connections: 10, ..Options::new(self.options.clone()) };
        database::connect(options).await.unwrap()
    }

    /// A connection of its own, outside of every pool.
    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.options).await.unwrap()
    }

    /// How to reach a new database, made from a template, or with nothing in it.
    pub async fn empty_options(template: Option<&str>) -> PgConnectOptions {
        let server = SERVER.get_or_init(Server::start).await;
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.create(&name, template.unwrap_or("template0")).await;
        server.options.clone().database(&name)
    }
}

impl Server {
    async fn start() -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        sweep(directory);
        let mut config = Config::new(directory.join(format!("postgres-{}", std::process::id())));
        // A test survives the death of Postgres and of itself, not that of the machine.
        config.settings.push(("fsync".into(), "off".into()));
        config.settings.push(("max_connections".into(), "200".into()));
        if std::env::var_os(STATEMENTS).is_some() {
            config.settings.push(("shared_preload_libraries".into(), "pg_stat_statements".into()));
            config.settings.push(("pg_stat_statements.track_planning".into(), "on".into()));
        }
        let postgres = EmbeddedPostgres::start(config).await.unwrap();
        let options: PgConnectOptions = postgres.connection().url().parse().unwrap();
        let server = Self { _postgres: postgres, options };
        server.create(TEMPLATE, "template0").await;
        let template = Options::new(server.options.clone().database(TEMPLATE));
        let pool = database::connect(template).await.unwrap();
        database::migrate(&pool).await.unwrap();
        pool.close().await;
        server
    }

    async fn create(&self, name: &str, template: &str) {
        let mut connection = PgConnection::connect_with(&self.options).await.unwrap();
        let left = std::mem::take(&mut *LEFT.lock().unwrap());
        for name in left {
            connection.execute(format!("DROP DATABASE {name} WITH (FORCE)").as_str()).await.unwrap();
        }
        connection.execute(format!("CREATE DATABASE {name} TEMPLATE {template}").as_str()).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Removes the directories of runs that have ended.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("postgres-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            // What cannot be removed now is removed by a later run.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
