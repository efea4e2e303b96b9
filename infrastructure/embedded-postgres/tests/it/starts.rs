use std::fs;
use std::time::Duration;

use interflow_embedded_postgres::{EmbeddedPostgres, Error, Health};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::helper::Helper;
use crate::support::*;

#[tokio::test]
async fn a_first_start_makes_a_private_durable_utf8_server() {
    let room = room();
    let server = start(&room.path().join("not/there/yet")).await;
    let setting = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN \
        ('fsync', 'full_page_writes', 'listen_addresses', 'synchronous_commit', 'server_encoding', 'data_checksums')";
    assert_eq!(
        ask(server.connection(), setting).await,
        "data_checksums=on fsync=on full_page_writes=on listen_addresses= server_encoding=UTF8 synchronous_commit=on"
    );
    assert_eq!(
        ask(server.connection(), "SELECT datcollate FROM pg_database WHERE datname = 'interflow'").await,
        "C"
    );
    assert!(server.version().contains("PostgreSQL"));
    assert!(fs::read_to_string(server.log_file()).unwrap().contains("ready to accept connections"));
    assert_eq!(*server.health().borrow(), Health::Ready);
    server.stop().await;
    assert_eq!(*server.health().borrow(), Health::Stopped);
}

#[tokio::test]
async fn sqlx_connects_by_options_as_well_as_by_url() {
    let room = room();
    let server = start(room.path()).await;
    let to = server.connection();
    let options = PgConnectOptions::new().socket(&to.socket_dir).port(to.port).username(&to.user);
    let mut connection = PgConnection::connect_with(&options.database(&to.database)).await.unwrap();
    let user: String =
        sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(user, "interflow");
}

#[tokio::test]
async fn a_restart_keeps_the_data_and_the_address() {
    let room = room();
    let first = start(room.path()).await;
    run(first.connection(), KEEP).await;
    let address = first.connection().clone();
    first.stop().await;
    first.stop().await;
    let second = start(room.path()).await;
    assert_eq!(ask(second.connection(), KEPT).await, "the message");
    assert_eq!(*second.connection(), address);
}

#[tokio::test]
async fn a_second_start_on_the_same_directory_is_refused_and_names_the_first() {
    let room = room();
    let first = start(room.path()).await;
    let error = EmbeddedPostgres::start(config(room.path())).await.unwrap_err();
    assert!(
        matches!(error, Error::AlreadyRunning { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    assert!(error.to_string().contains("INTERFLOW_DATA_DIR"));
    ask(first.connection(), "SELECT 'unharmed'").await;
}

#[tokio::test]
async fn another_process_attaches_to_a_running_server_and_to_no_other() {
    let room = room();
    let absent = EmbeddedPostgres::attach(room.path().join("nothing")).await.unwrap_err();
    assert!(matches!(absent, Error::NotRunning { .. }), "{absent}");
    let mut helper = Helper::spawn(room.path());
    helper.answer().unwrap();
    let info = EmbeddedPostgres::attach(room.path()).await.unwrap();
    assert_eq!(ask(&info, KEPT).await, "the message");
    helper.stop();
    let gone = EmbeddedPostgres::attach(room.path()).await.unwrap_err();
    assert!(matches!(gone, Error::NotRunning { .. }), "{gone}");
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let room = room();
    let server = start(room.path()).await;
    let pid = postmaster(room.path());
    drop(server);
    assert!(!runs(pid));
}

#[tokio::test]
async fn an_abandoned_start_leaves_nothing_running() {
    let room = room();
    let abandoned = EmbeddedPostgres::start(config(room.path()));
    assert!(tokio::time::timeout(Duration::from_millis(1), abandoned).await.is_err());
    // Whatever it was doing, the directory becomes free.
    let mut result = EmbeddedPostgres::start(config(room.path())).await;
    for _ in 0..20 {
        let Err(Error::AlreadyRunning { .. }) = result else { break };
        result = EmbeddedPostgres::start(config(room.path())).await;
    }
    result.unwrap();
}

#[tokio::test]
async fn settings_of_the_caller_come_on_top_but_not_over_the_private_ones() {
    let room = room();
    let mut config = config(room.path());
    config.settings.push(("work_mem".into(), "7MB".into()));
    let server = EmbeddedPostgres::start(config.clone()).await.unwrap();
    assert_eq!(ask(server.connection(), "SELECT current_setting('work_mem')").await, "7MB");
    drop(server);
    config.settings.push(("no_such_setting".into(), "1".into()));
    let error = EmbeddedPostgres::start(config.clone()).await.unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "the log's end says why: {error}");
    config.settings.push(("listen_addresses".into(), "*".into()));
    let error = EmbeddedPostgres::start(config).await.unwrap_err();
    assert!(matches!(error, Error::ReservedSetting { .. }));
}
