//! Running a statement: under the lease, and again while the database is away.

use std::time::Duration;

use sqlx::FromRow;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryAs;
use tokio::time::Instant;

use super::Keys;
use crate::store::rows::Found;
use crate::store::{Health, KeyStoreError, Kind};

/// How long a statement is repeated before the store gives up.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a statement does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    Reads,
    Writes,
}

pub(super) type Query<'q, O> = QueryAs<'q, Postgres, O, PgArguments>;

impl Keys {
    pub(super) async fn write<'q>(
        &'q self,
        sql: &'static str,
        bind: impl Fn(Query<'q, (i64, i64)>) -> Query<'q, (i64, i64)> + Send + Sync,
    ) -> Result<u32, KeyStoreError> {
        self.check()?;
        let query = || bind(self.bind_home(sqlx::query_as(sql)).bind(self.spec.epoch));
        let rows = self.repeat(Use::Writes, query).await?;
        let (held, done) = rows.into_iter().next().unwrap_or_default();
        self.check_held(held)?;
        Ok(u32::try_from(done).unwrap_or(u32::MAX))
    }

    pub(super) async fn read<'q>(
        &'q self,
        sql: &'static str,
        kind: Kind,
        bind: impl Fn(Query<'q, (Vec<u8>, Vec<u8>, i64)>) -> Query<'q, (Vec<u8>, Vec<u8>, i64)> + Send + Sync,
    ) -> Result<Vec<Found>, KeyStoreError> {
        let query = || bind(self.bind_home(sqlx::query_as(sql)).bind(kind.number()));
        let rows = self.repeat(Use::Reads, query).await?;
        rows.into_iter()
            .map(|(key, sealed, stamp)| {
                let value = self.open(kind, &key, &sealed)?;
                Ok(Found { key, value, stamp })
            })
            .collect()
    }

    pub(super) async fn ask<'q>(
        &'q self,
        sql: &'static str,
        bind: impl Fn(Query<'q, (bool,)>) -> Query<'q, (bool,)> + Send + Sync,
    ) -> Result<bool, KeyStoreError> {
        let rows = self.repeat(Use::Reads, || bind(self.bind_home(sqlx::query_as(sql)))).await?;
        Ok(rows.into_iter().next().is_some_and(|row| row.0))
    }

    pub(super) fn bind_home<'q, O>(&self, query: Query<'q, O>) -> Query<'q, O> {
        query.bind(self.spec.workspace.uuid()).bind(self.spec.instance.uuid())
    }

    /// Runs a statement, again after a pause while the database is away; then the store is broken.
    pub(super) async fn repeat<'q, O>(
        &self,
        what: Use,
        query: impl Fn() -> Query<'q, O> + Send + Sync,
    ) -> Result<Vec<O>, KeyStoreError>
    where
        O: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin + 'q,
    {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.once(what, query()).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            if is_final(&error) || began.elapsed() + pause > PATIENCE {
                if self.health.worsen(Health::Broken) {
                    tracing::error!(instance = %self.spec.instance, %error, "the WhatsApp key store failed");
                }
                return Err(KeyStoreError::Database(error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What is written is committed before it is answered: behind a pooler a use of the pool is a transaction, which
    /// ends only after it.
    async fn once<'q, O>(&self, what: Use, query: Query<'q, O>) -> Result<Vec<O>, sqlx::Error>
    where
        O: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin + 'q,
    {
        match what {
            Use::Reads => query.fetch_all(&self.pool).await,
            Use::Writes => {
                let mut transaction = self.pool.begin().await?;
                let rows = query.fetch_all(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(rows)
            }
        }
    }

    /// Refuses to write after a failure.
    pub(super) fn check(&self) -> Result<(), KeyStoreError> {
        match self.health.now() {
            Health::Sound => Ok(()),
            Health::Broken => Err(KeyStoreError::Broken),
            Health::Fenced => Err(KeyStoreError::Fenced),
        }
    }

    pub(super) fn check_held(&self, held: i64) -> Result<(), KeyStoreError> {
        if held > 0 {
            return Ok(());
        }
        if self.health.worsen(Health::Fenced) {
            // Why, the gateway knows and says.
            tracing::info!(instance = %self.spec.instance, "a WhatsApp session whose lease is over writes nothing more");
        }
        Err(KeyStoreError::Fenced)
    }
}

/// Whether repeating the statement cannot help.
fn is_final(error: &sqlx::Error) -> bool {
    match error {
        // Data, integrity, and what is wrong with the statement or the rights.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["22", "23", "42", "28"].iter().any(|class| code.starts_with(class))),
        sqlx::Error::PoolClosed | sqlx::Error::Configuration(_) | sqlx::Error::ColumnDecode { .. } => true,
        _ => false,
    }
}
