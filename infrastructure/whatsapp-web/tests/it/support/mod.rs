//! A Postgres for the whole binary, a database a test, and what both kinds of tests need.

#[cfg(feature = "lab")]
pub mod net;
#[cfg(feature = "lab")]
pub mod sink;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use interflow_application::whatsapp::SessionSpec;
use interflow_domain::{InstanceId, WorkspaceId};
use interflow_embedded_postgres::{Config, ConnectionInfo, EmbeddedPostgres};
use interflow_vault::SealingKey;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;

const LEASES: &str = "CREATE TABLE leases (workspace_id uuid, instance_id uuid, node_id uuid, epoch bigint, \
                      PRIMARY KEY (workspace_id, instance_id))";
const MIGRATION: &str = include_str!("../../../../../migrations/0003_whatsapp_keys.sql");

static CLUSTER: OnceCell<EmbeddedPostgres> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Where this process keeps its cluster. What processes that are gone have left is removed: a static is never
/// dropped, so nobody else does.
fn directory() -> PathBuf {
    const PREFIX: &str = "interflow-wa-tests-";
    let home = std::env::temp_dir();
    for entry in std::fs::read_dir(&home).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(process) = name.strip_prefix(PREFIX)
            && !Path::new("/proc").join(process).exists()
        {
            // Another process may be removing it as well.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    home.join(format!("{PREFIX}{}", std::process::id()))
}

async fn cluster() -> ConnectionInfo {
    let cluster = CLUSTER.get_or_init(|| async {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let mut config = Config::new(directory());
        config.settings.push(("fsync".into(), "off".into()));
        config.settings.push(("max_connections".into(), "200".into()));
        EmbeddedPostgres::start(config).await.unwrap()
    });
    cluster.await.connection().clone()
}

fn options(info: &ConnectionInfo) -> PgConnectOptions {
    PgConnectOptions::new()
        .socket(&info.socket_dir)
        .port(info.port)
        .username(&info.user)
        .database(&info.database)
}

/// A database of the test's own, with the tables.
pub async fn database() -> PgPool {
    let info = cluster().await;
    let name = format!("wa_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect_with(&options(&info)).await.unwrap();
    admin.execute(format!("CREATE DATABASE {name}").as_str()).await.unwrap();
    admin.close().await.unwrap();
    let pool =
        PgPoolOptions::new().max_connections(8).connect_with(options(&info).database(&name)).await.unwrap();
    pool.execute(LEASES).await.unwrap();
    pool.execute(MIGRATION).await.unwrap();
    pool
}

pub fn key() -> SealingKey {
    SealingKey::new([7; 32])
}

/// A new instance with a lease of epoch 1.
pub async fn leased(pool: &PgPool) -> SessionSpec {
    static INSTANCES: AtomicU32 = AtomicU32::new(1);
    let number = u128::from(INSTANCES.fetch_add(1, Ordering::Relaxed));
    let spec = SessionSpec {
        workspace: WorkspaceId::new(Uuid::from_u128(1)),
        instance: InstanceId::new(Uuid::from_u128(number)),
        epoch: 1,
    };
    set_epoch(pool, spec, 1).await;
    spec
}

/// Gives the lease to whoever has this epoch.
pub async fn set_epoch(pool: &PgPool, spec: SessionSpec, epoch: i64) {
    sqlx::query(
        "INSERT INTO leases (workspace_id, instance_id, node_id, epoch) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, instance_id) DO UPDATE SET epoch = excluded.epoch",
    )
    .bind(spec.workspace.uuid())
    .bind(spec.instance.uuid())
    .bind(Uuid::nil())
    .bind(epoch)
    .execute(pool)
    .await
    .unwrap();
}

/// How many rows of keys there are.
pub async fn rows(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM wa_keys").fetch_one(pool).await.unwrap()
}
