//! The connections that appends go through, kept out of the pool while there is work.
//!
//! A pool asks a connection that it gets back whether it still lives, and may give it to a reader. These stay, and
//! keep their settings: nobody waits for ever for a head that is locked elsewhere; statements are planned once, because
//! planning a group's takes longer than carrying it out, and arrays let Postgres believe that each deserves its own
//! plan; so no sequential scans, because a plan made while a table was small is kept when it grows; no sorting, where an
//! index has the order; and no compiling of plans, which takes longer than any of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Executor, PgPool, Postgres};

use crate::database;

/// A connection that was idle for longer is asked whether it still lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_millis(100);

const SETTINGS: &str = "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off; \
     SET lock_timeout = '10s'; SET statement_timeout = '30s'; SET enable_seqscan = off; SET enable_sort = off; \
     SET jit = off; SET plan_cache_mode = force_generic_plan";

/// At most as many as there may be writers.
pub(super) struct Connections {
    pool: PgPool,
    /// Behind a pooler nothing is kept: there, whoever holds a connection is in a transaction.
    keeps: bool,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

impl Connections {
    pub(super) fn new(pool: PgPool) -> Self {
        let keeps = !database::is_behind_a_pooler(&pool);
        Self { pool, keeps, kept: Mutex::new(Vec::new()) }
    }

    /// Whether a statement by itself is a transaction by itself.
    pub(super) const fn statements_commit(&self) -> bool {
        self.keeps
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last, or a new one.
    pub(super) async fn take(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        loop {
            let Some(Kept { mut connection, since }) = self.kept().pop() else { break };
            if since.elapsed() < TRUSTED_FOR || connection.ping().await.is_ok() {
                return Ok(connection);
            }
            connection.close_on_drop();
        }
        let mut connection = self.pool.acquire().await?;
        if self.keeps {
            connection.execute(SETTINGS).await?;
        }
        Ok(connection)
    }

    /// Takes back one that is in order. One that is dropped instead is [to be closed](PoolConnection::close_on_drop).
    pub(super) fn keep(&self, connection: PoolConnection<Postgres>) {
        if self.keeps {
            self.kept().push(Kept { connection, since: Instant::now() });
        }
    }

    /// Lets go of all that are not in use.
    pub(super) fn release(&self) {
        for mut kept in self.kept().drain(..) {
            kept.connection.close_on_drop();
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // Taking leave of Postgres needs a runtime; without one the sockets just close.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.release();
        } else {
            self.kept().drain(..).for_each(|kept| drop(kept.connection.detach()));
        }
    }
}
