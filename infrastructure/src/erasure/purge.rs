//! Clearing the database's files of what is no longer in its tables.
//!
//! A row that was changed or deleted stays in its file until the space is used again, its values in the statistics of the
//! planner, and the change itself in the write-ahead log. So the tables that show somebody are written anew, then the
//! statistics, and then the log is moved on until none of its files is from before.

use std::time::{Duration, Instant};

use sqlx::{Executor, PgConnection};

/// What shows customers, or did: read models, kept answers, attempts at deliveries, WhatsApp's keys, data keys.
const TABLES: [&str; 11] = [
    "customers",
    "chats",
    "messages",
    "commands",
    "webhook_attempts",
    "webhook_deliveries",
    "outbox",
    "claims",
    "wa_keys",
    "data_keys",
    "root_keys",
];
/// What the planner knows of values.
const STATISTICS: [&str; 2] = ["pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"];

/// Dead rows that an older snapshot may still see are kept by any vacuum.
const OLDER: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
     AND (age(backend_xmin) > age($1::text::xid) OR age(backend_xid) > age($1::text::xid))";
const HELD: &str = "SELECT (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()) \
     + (SELECT count(*) FROM pg_replication_slots WHERE xmin IS NOT NULL)";
/// How long older snapshots are waited for, and how often they are looked at.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);
/// How long the server's processes may take to hear of a setting that another has heard of.
const HEARD: Duration = Duration::from_secs(1);
/// More files of the log than any that are kept ready.
const MOST_SWITCHES: usize = 10_000;

const WAL_FILES: &str = "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' ORDER BY name";
/// Something must be in a file before it is left.
const SWITCH: &str = "SELECT pg_logical_emit_message(false, 'interflow', 'purge'), pg_switch_wal()";
const WAL_FILE: &str = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())";

/// What was done of a step, or why it could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// What: a table, the statistics, the log.
    pub what: String,
    /// How long it took; a table was locked as long.
    pub took: Duration,
    /// Why it could not be done.
    pub failed: Option<String>,
}

/// Clears the files, telling of each step as it is done.
pub async fn purge(
    connection: &mut PgConnection,
    tell: &mut (dyn FnMut(Purged) + Send),
) -> Result<(), sqlx::Error> {
    connection
        .execute("SET lock_timeout = '60s'; SET statement_timeout = 0; SET idle_session_timeout = 0")
        .await?;
    step("older snapshots", older_snapshots(connection).await, tell);
    for table in TABLES {
        let begun = Instant::now();
        let done = connection.execute(format!("VACUUM (FULL, ANALYZE) {table}").as_str()).await;
        step(table, (begun, done.map(drop).map_err(|error| describe(&error))), tell);
    }
    for table in STATISTICS {
        let begun = Instant::now();
        let done = connection.execute(format!("VACUUM FULL {table}").as_str()).await;
        step(table, (begun, done.map(drop).map_err(|error| describe(&error))), tell);
    }
    let begun = Instant::now();
    let done = write_ahead_log(connection).await;
    step("write-ahead log", (begun, done), tell);
    Ok(())
}

fn step(what: &str, (begun, done): (Instant, Result<(), String>), tell: &mut (dyn FnMut(Purged) + Send)) {
    tell(Purged { what: what.to_owned(), took: begun.elapsed(), failed: done.err() });
}

/// Waits until nobody may see what was erased before this began.
async fn older_snapshots(connection: &mut PgConnection) -> (Instant, Result<(), String>) {
    let begun = Instant::now();
    let waited = async {
        let now: String =
            sqlx::query_scalar("SELECT pg_current_xact_id()::xid::text").fetch_one(&mut *connection).await?;
        loop {
            let older: i64 = sqlx::query_scalar(OLDER).bind(&now).fetch_one(&mut *connection).await?;
            let held: i64 = sqlx::query_scalar(HELD).fetch_one(&mut *connection).await?;
            if older + held == 0 || begun.elapsed() > PATIENCE {
                return Ok::<_, sqlx::Error>((older, held));
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let done = match waited.await {
        Ok((0, 0)) => Ok(()),
        Ok((older, held)) => Err(format!(
            "{older} open transactions and {held} prepared ones or replication slots may still see older rows, and keep \
             them: end them and run this again"
        )),
        Err(error) => Err(describe(&error)),
    };
    (begun, done)
}

/// Moves the log on beyond every file there is now, and has those removed and not used again.
async fn write_ahead_log(connection: &mut PgConnection) -> Result<(), String> {
    let recycling = connection.execute("ALTER SYSTEM SET wal_recycle = off").await;
    recycling
        .map_err(|error| format!("files of the log are used again as they are: {}", describe(&error)))?;
    let done = leave_files(connection).await;
    let restored = async {
        connection.execute("ALTER SYSTEM RESET wal_recycle").await?;
        connection.execute("SELECT pg_reload_conf()").await
    };
    let restored = restored.await.map(drop).map_err(|error| describe(&error));
    done.and(restored)
}

async fn leave_files(connection: &mut PgConnection) -> Result<(), String> {
    let failed = |error: sqlx::Error| describe(&error);
    connection.execute("SELECT pg_reload_conf()").await.map_err(failed)?;
    // The checkpointer hears of it when this session does. One that did not yet would use the files again, under names of
    // later ones.
    let mut recycles = "on".to_owned();
    while recycles != "off" {
        tokio::time::sleep(PAUSE).await;
        recycles =
            sqlx::query_scalar("SHOW wal_recycle").fetch_one(&mut *connection).await.map_err(failed)?;
    }
    tokio::time::sleep(HEARD).await;
    let before: Vec<String> =
        sqlx::query_scalar(WAL_FILES).fetch_all(&mut *connection).await.map_err(failed)?;
    let last = before.last().cloned().unwrap_or_default();
    for _ in 0..MOST_SWITCHES {
        connection.execute(SWITCH).await.map_err(failed)?;
        let now: String = sqlx::query_scalar(WAL_FILE).fetch_one(&mut *connection).await.map_err(failed)?;
        if now > last {
            break;
        }
    }
    let begun = Instant::now();
    loop {
        // What a checkpoint may still need is from before it: the next one lets go of it.
        connection.execute(SWITCH).await.map_err(failed)?;
        connection.execute("CHECKPOINT").await.map_err(failed)?;
        let now: Vec<String> =
            sqlx::query_scalar(WAL_FILES).fetch_all(&mut *connection).await.map_err(failed)?;
        let left = now.iter().filter(|name| **name <= last).count();
        if left == 0 {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!(
                "{left} files of the log from before are kept: by archiving, a replica, a replication slot or \
                 wal_keep_size"
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The server's words hold names of tables and roles, no values: these statements have none.
fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
