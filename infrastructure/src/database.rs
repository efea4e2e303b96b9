//! Connecting to Postgres, and bringing its schema up to date.

use std::time::Duration;

use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// Connections to the database, shared.
pub use sqlx::PgPool as Pool;

/// The oldest Postgres we run on, as the major version.
pub const OLDEST_POSTGRES: i32 = 14;

/// A connection that was idle for longer is asked whether it still lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_millis(100);

/// Every migration there is, compiled in. Their rules: `migrations/README.md`.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Where the database is, and how much of it to use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where, and as whom.
    pub connect: PgConnectOptions,
    /// Most connections at a time.
    pub max_connections: u32,
    /// How long to wait for a free connection before giving up.
    pub acquire_timeout: Duration,
}

impl Options {
    /// What is used when nobody says otherwise.
    #[must_use]
    pub fn new(connect: PgConnectOptions) -> Self {
        let connect = connect.application_name("interflow");
        Self { connect, max_connections: 20, acquire_timeout: Duration::from_secs(5) }
    }

    /// The same from a URL, such as `DATABASE_URL`.
    pub fn parse(url: &str) -> Result<Self, DatabaseError> {
        // The parser takes any scheme.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DatabaseError::BadUrl);
        }
        // Its error would repeat parts of the URL, and the URL holds a password.
        url.parse().map(Self::new).map_err(|_| DatabaseError::BadUrl)
    }
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
    let Options { connect, max_connections, acquire_timeout } = options;
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        // A connection that was just used is as good as one that was just asked: no round trip for it.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
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

/// By `server_version_num`: the major version, and four digits.
const fn is_too_old(number: i32) -> bool {
    number / 10_000 < OLDEST_POSTGRES
}

/// Applies the migrations that are missing. Of servers that start together one does it, under an advisory lock.
pub async fn migrate(pool: &Pool) -> Result<(), DatabaseError> {
    Ok(MIGRATIONS.run(pool).await?)
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
    fn a_postgres_before_14_is_too_old() {
        assert!([90_600, 100_000, 130_023].into_iter().all(is_too_old));
        assert!(![140_000, 150_010, 180_001].into_iter().any(is_too_old));
    }
}
