//! Connecting to Postgres, and bringing its schema up to date.
//!
//! # Behind a pooler that lends a server's connection for one transaction at a time
//! Supabase's port 6543 and PgBouncer with `pool_mode = transaction` are such, and two statements of one connection
//! of ours may reach two servers' connections. A statement of sqlx is two exchanges (prepare, execute), so outside of
//! a transaction none would work. `?pgbouncer=true` in the URL says that there is one; then every use of a connection
//! of the pool is a transaction: it begins when the connection is taken and is committed when it is given back, and
//! an explicit transaction within ends it earlier. Nothing is prepared for longer. It costs two round trips a use and
//! a parse a statement; the appends themselves are as durable as without.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

/// Connections to the database, shared.
pub use sqlx::PgPool as Pool;

/// The oldest Postgres we run on, as the major version.
pub const OLDEST_POSTGRES: i32 = 14;

/// A connection that was idle for longer is asked whether it still lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_millis(100);

/// Begins a use of a connection behind a pooler. What others have left prepared on the server's connection would
/// bear the names of ours. Quiet, because of the BEGIN of an explicit transaction, which finds this one.
const TAKE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL client_min_messages = error; \
     SET LOCAL plan_cache_mode = force_generic_plan; DEALLOCATE ALL";
/// Begins the life of a connection of our own. Plans do not depend on values, but where a list says so: what the
/// statistics have not seen yet, such as a new workspace, would be taken for empty (docs/adr/0025-plans.md).
const FIRST: &str = "SET plan_cache_mode = force_generic_plan";
/// Ends it. An explicit transaction may have done so before: a BEGIN is what nobody complains of either way.
const GIVE_BACK: &str = "BEGIN; COMMIT";
/// Held by the server that migrates, until the end of its transaction. Any number of our own.
const MIGRATION_LOCK: i64 = 0x0049_6e74_6572_666c;

/// Where the database is, and how much of it to use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where, and as whom.
    pub connect: PgConnectOptions,
    /// Most connections at a time.
    pub max_connections: u32,
    /// How long to wait for a free connection before giving up.
    pub acquire_timeout: Duration,
    /// Whether a pooler in between lends connections for one transaction at a time.
    pub pooler: bool,
}

impl Options {
    /// What is used when nobody says otherwise.
    #[must_use]
    pub fn new(connect: PgConnectOptions) -> Self {
        let connect = connect.application_name("interflow");
        Self { connect, max_connections: 20, acquire_timeout: Duration::from_secs(5), pooler: false }
    }

    /// The same from a URL, such as `DATABASE_URL`. Its `pgbouncer=true` is ours; the rest is sqlx's.
    pub fn parse(url: &str) -> Result<Self, DatabaseError> {
        // The parser takes any scheme.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DatabaseError::BadUrl);
        }
        // Its error would repeat parts of the URL, and the URL holds a password.
        let (url, pooler) = without_pooler(url);
        url.parse().map(|connect| Self { pooler, ..Self::new(connect) }).map_err(|_| DatabaseError::BadUrl)
    }
}

/// Takes the parameter out that says whether there is a pooler.
fn without_pooler(url: &str) -> (String, bool) {
    let Some((place, parameters)) = url.split_once('?') else { return (url.to_owned(), false) };
    let (ours, others): (Vec<_>, Vec<_>) =
        parameters.split('&').partition(|parameter| parameter.starts_with("pgbouncer="));
    let separator = if others.is_empty() { "" } else { "?" };
    (format!("{place}{separator}{}", others.join("&")), ours.contains(&"pgbouncer=true"))
}

/// Why there is no usable database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL cannot be read.
    #[error("the database URL is not of the form postgres://user:password@host:port/database")]
    BadUrl,
    /// No connection.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// A Postgres we do not run on.
    #[error("Postgres {OLDEST_POSTGRES} or newer is needed, and the server is {found}")]
    TooOld {
        /// What the server says it is.
        found: String,
    },
    /// A migration failed, or the schema is of a newer version of this program.
    #[error("the database's schema cannot be brought up to date")]
    Migration(#[from] MigrateError),
}

/// A pool of connections, after one of them was tried and the server's version was found good.
pub async fn connect(options: Options) -> Result<Pool, DatabaseError> {
    let Options { connect, max_connections, acquire_timeout, pooler } = options;
    // A pooler knows no parameters of a session; and since Postgres 12 this one says what is so anyway.
    let connect = connect.extra_float_digits(None);
    let connect = if pooler { connect.statement_cache_capacity(0) } else { connect };
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        // A connection that was just used is as good as one that was just asked: no round trip for it.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if pooler {
                    return take(connection, pooler).await;
                }
                connection.execute(FIRST).await.map(drop)
            })
        })
        .before_acquire(move |connection, meta| {
            Box::pin(async move {
                if !pooler && meta.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                take(connection, pooler).await?;
                Ok(true)
            })
        })
        .after_release(move |connection, _| Box::pin(give_back(connection, pooler)))
        .connect_with(connect)
        .await
        .map_err(DatabaseError::Unreachable)?;
    let (number, found): (i32, String) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version')",
    )
    .fetch_one(&pool)
    .await
    .map_err(DatabaseError::Unreachable)?;
    if is_too_old(number) {
        return Err(DatabaseError::TooOld { found });
    }
    Ok(pool)
}

/// Whether every use of this pool's connections is one transaction, because there is a pooler in between.
pub(crate) fn is_behind_a_pooler(pool: &Pool) -> bool {
    let url = pool.connect_options().to_url_lossy();
    url.query_pairs().any(|(name, value)| name == "statement-cache-capacity" && value == "0")
}

/// By `server_version_num`: the major version, and four digits.
const fn is_too_old(number: i32) -> bool {
    number / 10_000 < OLDEST_POSTGRES
}

async fn take(connection: &mut PgConnection, pooler: bool) -> Result<(), sqlx::Error> {
    if pooler {
        connection.execute(TAKE).await?;
    }
    Ok(())
}

async fn give_back(connection: &mut PgConnection, pooler: bool) -> Result<bool, sqlx::Error> {
    if pooler && connection.execute(GIVE_BACK).await.is_err() {
        // A statement failed in it.
        connection.execute("ROLLBACK").await?;
    }
    Ok(true)
}

/// Applies the migrations that are missing, all or none. Of servers that start together one does it, under a lock
/// that ends with the transaction: a session's lock would stay behind in a pooler.
pub async fn migrate(pool: &Pool) -> Result<(), DatabaseError> {
    let failed = |error: sqlx::Error| DatabaseError::Migration(error.into());
    let mut transaction = pool.begin().await.map_err(failed)?;
    // A hosted database may bound statements; a migration takes what it takes.
    let unbounded = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
    transaction.execute(unbounded).await.map_err(failed)?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK);
    lock.execute(&mut *transaction).await.map_err(failed)?;
    migrations().run_direct(&mut *transaction).await?;
    transaction.commit().await.map_err(failed)
}

/// Every migration there is, compiled in. Their rules: `migrations/README.md`.
fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("../migrations");
    migrations.set_locking(false);
    migrations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_url_of_a_postgres_is_one() {
        assert!(Options::parse("postgres://interflow:secret@localhost:5432/interflow").is_ok());
        assert!(Options::parse("postgresql:///interflow?host=/tmp").is_ok());
        for url in ["", "localhost", "mysql://localhost/interflow", "postgres://a b"] {
            assert!(matches!(Options::parse(url), Err(DatabaseError::BadUrl)), "{url}");
        }
    }

    #[test]
    fn the_url_says_whether_there_is_a_pooler() {
        let parse = |url: &str| Options::parse(url).unwrap();
        assert!(!parse("postgres://ana@localhost/x").pooler);
        assert!(!parse("postgres://ana@localhost/x?pgbouncer=false&sslmode=require").pooler);
        assert!(parse("postgres://ana@localhost/x?pgbouncer=true").pooler);
        let both = parse("postgres://ana@localhost/x?sslmode=disable&pgbouncer=true&host=/tmp");
        assert!(both.pooler);
        assert_eq!(both.connect.get_socket().unwrap().to_str(), Some("/tmp"));
    }

    #[test]
    fn a_postgres_before_14_is_too_old() {
        assert!([90_600, 100_000, 130_023].into_iter().all(is_too_old));
        assert!(![140_000, 150_010, 180_001].into_iter().any(is_too_old));
    }
}
