//! A dump of the database, loaded into a new cluster, goes on where the old one was.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use interflow_application::log::{AppendError, EventLog, Rider, StreamId};
use interflow_embedded_postgres::{Config, EmbeddedPostgres};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::projections::Projections;
use interflow_vault::MasterKey;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Executor, PgPool};

use super::{history, play, verified};
use crate::event_log::fixture::{
    Build, Fixture, assigned, command, master, new_chat, new_customer, new_instance, new_message, opened,
    queued,
};

/// Where the programs of the Postgres are that this session is served by.
async fn programs(pool: &PgPool) -> PathBuf {
    let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(pool).await.unwrap();
    let postgres = std::fs::read_link(format!("/proc/{process}/exe")).unwrap();
    postgres.parent().unwrap().to_owned()
}

fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn url(options: &PgConnectOptions) -> String {
    let (socket, database) = (options.get_socket().unwrap(), options.get_database().unwrap());
    format!("postgres:///{database}?host={}&user={}", socket.display(), options.get_username())
}

/// What a restored server must find as it was: of every table, in which order whatever, a hash of all rows.
async fn everything(pool: &PgPool) -> Vec<(String, Option<String>)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut all = vec![];
    for table in tables {
        let sql =
            format!("SELECT md5(string_agg(entry::text, '' ORDER BY entry::text)) FROM {table} AS entry");
        let hash = sqlx::query_scalar(&sql).fetch_one(pool).await.unwrap();
        all.push((table, hash));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_loaded_into_a_new_cluster_goes_on_with_the_next_position() {
    let fixture = Fixture::new().await;
    let workspace = fixture.workspace;
    play(&fixture.log, workspace, history(200)).await;
    let (customer, chat, message, instance) = (new_customer(), new_chat(), new_message(), new_instance());
    let lease = "INSERT INTO leases (workspace_id, instance_id, node_id, epoch) VALUES ($1, $2, $2, 7)";
    sqlx::query(lease).bind(workspace.uuid()).bind(instance.uuid()).execute(&fixture.pool).await.unwrap();
    let resource = interflow_application::ResourceRef::Message(message);
    let send = fixture
        .created(customer, "+5511999990000")
        .on(StreamId::Chat(chat), 0, [opened(chat)])
        .on(StreamId::Message(message), 0, [queued(message, chat, customer, "sealed in the log")])
        .with(Rider::Fence { instance, epoch: 7 })
        .with(Rider::Command { command: command(9), resource });
    let recorded = fixture.append(send).await.unwrap();
    let last = fixture.sound().await;

    let directory =
        tempfile::Builder::new().prefix("restored-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dump = directory.path().join("interflow.sql");
    let bin = programs(&fixture.pool).await;
    run(&bin.join("pg_dump"), &["-f", dump.to_str().unwrap(), &url(&fixture.database.options)]);
    let before = everything(&fixture.pool).await;

    let mut config = Config::new(directory.path().join("data"));
    config.settings.push(("fsync".into(), "off".into()));
    let postgres = EmbeddedPostgres::start(config).await.unwrap();
    let restored = postgres.connection().url();
    let load =
        ["-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-f", dump.to_str().unwrap(), &restored];
    run(&bin.join("psql"), &load);

    let options: PgConnectOptions = restored.parse().unwrap();
    let pool = database::connect(Options { max_connections: 5, ..Options::new(options) }).await.unwrap();
    database::migrate(&pool).await.unwrap();
    assert_eq!(everything(&pool).await, before);
    let log = PgEventLog::start(pool.clone(), &master(), Arc::new(SystemIds), Settings::default());

    let read = log.read(workspace, 0, 10_000).await.unwrap();
    assert_eq!(read.len() as i64, last);
    assert_eq!(
        read[read.len() - recorded.len()..],
        recorded,
        "personal values are open, and every position kept"
    );
    let taken = fixture.created(new_customer(), "+5511999990000");
    assert!(matches!(log.append(taken).await, Err(AppendError::Conflict)), "the claim is held");
    let repeated = fixture.empty().with(Rider::Command { command: command(9), resource });
    assert!(matches!(log.append(repeated).await, Err(AppendError::Repeated(_))));
    let next = |epoch| {
        let assign = fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea")]);
        assign.with(Rider::Fence { instance, epoch })
    };
    assert!(matches!(log.append(next(6)).await, Err(AppendError::Fenced)));
    assert_eq!(log.append(next(7)).await.unwrap()[0].position, last.unsigned_abs() + 1);
    let refused = pool.execute("DELETE FROM events").await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
    assert_eq!(verified(&Projections::new(&log), workspace).await.1, []);

    let stranger = MasterKey::parse(&"18".repeat(32)).unwrap();
    let stranger = PgEventLog::start(pool.clone(), &stranger, Arc::new(SystemIds), Settings::default());
    let error = stranger.read(workspace, 0, 10_000).await.unwrap_err();
    assert!(error.to_string().contains("another master key"), "{error}");
    for log in [log, stranger] {
        log.close().await;
    }
    pool.close().await;
    postgres.stop().await;
}
