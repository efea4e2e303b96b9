//! The table `wa_keys` as one session sees it: sealed, hashed, fenced.

use std::time::Duration;

use interflow_application::whatsapp::SessionSpec;
use interflow_vault::SealingKey;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgPool};
use tokio::time::Instant;

use super::rows::{Columns, Found};
use super::{Health, HealthWatch, KeyStoreError, Kind, Row};

/// How long a statement is repeated before the store gives up.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Enough of a keyed hash to never meet another by chance, and half the index of a whole one.
const HASH_LEN: usize = 16;

/// A write: the lease is locked and compared in the very statement that writes, and the answer says both whether it
/// was held and how many rows were touched. A statement that only fetches the lease row locks nothing else first,
/// so a takeover that got there before makes the comparison fail on its newer row.
macro_rules! fenced {
    ($write:expr) => {
        concat!(
            "WITH fence AS (SELECT 1 FROM leases \
             WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3 FOR SHARE), done AS (",
            $write,
            ") SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM done)"
        )
    };
}

macro_rules! upsert {
    ($stamp:expr, $until:expr) => {
        fenced!(concat!(
            "INSERT INTO wa_keys AS old (workspace_id, instance_id, kind, key, scope, value, stamp, until) \
             SELECT $1, $2, $4, new.key, new.scope, new.value, new.stamp, new.until \
             FROM fence, unnest($5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bigint[]) \
             AS new(key, scope, value, stamp, until) \
             ON CONFLICT (workspace_id, instance_id, kind, key) DO UPDATE \
             SET scope = excluded.scope, value = excluded.value, stamp = ",
            $stamp,
            ", until = ",
            $until,
            " RETURNING 1"
        ))
    };
}

macro_rules! delete {
    ($condition:expr) => {
        fenced!(concat!(
            "DELETE FROM wa_keys old USING fence WHERE old.workspace_id = $1 AND old.instance_id = $2 ",
            $condition,
            " RETURNING 1"
        ))
    };
}

const PUT: &str = upsert!("excluded.stamp", "excluded.until");
/// A deadline is never shortened (0 is for ever), a known time never forgotten.
const PUT_LATER: &str = upsert!(
    "GREATEST(old.stamp, excluded.stamp)",
    "CASE WHEN old.until = 0 OR excluded.until = 0 THEN 0 ELSE GREATEST(old.until, excluded.until) END"
);
const STAMP: &str = fenced!(
    "UPDATE wa_keys old SET stamp = $5 FROM fence WHERE old.workspace_id = $1 AND old.instance_id = $2 \
     AND old.kind = $4 AND old.key = ANY($6) RETURNING 1"
);
const DELETE: &str = delete!("AND old.kind = $4 AND old.key = ANY($5)");
const DELETE_SCOPE: &str = delete!("AND old.kind = $4 AND old.scope = $5");
const DELETE_KIND: &str = delete!("AND old.kind = $4");
const DELETE_OLDER: &str = delete!("AND old.kind = $4 AND old.stamp < $5");
const DELETE_OLDER_BOTH: &str = delete!("AND old.kind = $4 AND old.stamp < $5 AND old.until < $6");
const DELETE_DUE: &str = delete!("AND old.kind = $4 AND old.until <> 0 AND old.until <= $5");
const DELETE_TAIL: &str = delete!("AND old.kind = $4 AND substring(old.key FROM 17) = ANY($5)");
const DELETE_ALL: &str = delete!("");
const TAKE: &str = "WITH fence AS (SELECT 1 FROM leases \
     WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3 FOR SHARE), done AS (\
     DELETE FROM wa_keys old USING fence WHERE old.workspace_id = $1 AND old.instance_id = $2 \
     AND old.kind = $4 AND old.key = $5 RETURNING value) \
     SELECT (SELECT count(*) FROM fence), (SELECT value FROM done)";
const READ: &str = "SELECT key, value, stamp FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 AND key = ANY($4)";
const READ_SCOPE: &str = "SELECT key, value, stamp FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 AND scope = $4 ORDER BY stamp DESC, key DESC";
const READ_KIND: &str = "SELECT key, value, stamp FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 ORDER BY stamp DESC, key DESC";
const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 AND key = $4)";
const EXISTS_SCOPE: &str = "SELECT EXISTS (SELECT 1 FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = ANY($3) AND scope = $4)";
const GREATEST_KEY: &str = "SELECT max(encode(key, 'hex')) FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3";
const LEASE: &str =
    "SELECT EXISTS (SELECT 1 FROM leases WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3)";

/// What a statement does.
#[derive(Debug, Clone, Copy)]
enum Use {
    Reads,
    Writes,
}

type Query<'q, O> = QueryAs<'q, Postgres, O, PgArguments>;

/// The rows of one instance, written by right of one lease.
pub(crate) struct Keys {
    pool: PgPool,
    key: SealingKey,
    spec: SessionSpec,
    health: HealthWatch,
}

impl Keys {
    pub(crate) fn new(pool: PgPool, key: SealingKey, spec: SessionSpec) -> Self {
        Self { pool, key, spec, health: HealthWatch::new() }
    }

    pub(crate) fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    /// What a row is found by when that is personal: a keyed hash of the parts, good for this instance alone.
    pub(crate) fn hash(&self, domain: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut input = self.home();
        for part in std::iter::once(&domain.as_bytes()).chain(parts) {
            input.extend((part.len() as u64).to_be_bytes());
            input.extend(*part);
        }
        self.key.fingerprint(&input)[..HASH_LEN].to_vec()
    }

    /// Writes rows; of equal keys the last wins.
    pub(crate) async fn put(&self, kind: Kind, rows: Vec<Row>) -> Result<(), KeyStoreError> {
        self.upsert(PUT, kind, rows).await
    }

    /// As [`Keys::put`], but `stamp` and `until` of an older row are never reduced.
    pub(crate) async fn put_later(&self, kind: Kind, rows: Vec<Row>) -> Result<(), KeyStoreError> {
        self.upsert(PUT_LATER, kind, rows).await
    }

    async fn upsert(&self, sql: &'static str, kind: Kind, rows: Vec<Row>) -> Result<(), KeyStoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = Columns::of(rows, |row| self.key.seal(&self.place(kind, &row.key), &row.value));
        let bind = |query| {
            let query: Query<'_, (i64, i64)> = query;
            query
                .bind(kind.number())
                .bind(&columns.keys)
                .bind(&columns.scopes)
                .bind(&columns.values)
                .bind(&columns.stamps)
                .bind(&columns.untils)
        };
        self.write(sql, bind).await.map(drop)
    }

    /// Sets the stamp of the rows that exist.
    pub(crate) async fn stamp(&self, kind: Kind, keys: &[Vec<u8>], stamp: i64) -> Result<(), KeyStoreError> {
        self.write(STAMP, |query| query.bind(kind.number()).bind(stamp).bind(keys)).await.map(drop)
    }

    pub(crate) async fn delete(&self, kind: Kind, keys: &[Vec<u8>]) -> Result<(), KeyStoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.write(DELETE, |query| query.bind(kind.number()).bind(keys)).await.map(drop)
    }

    pub(crate) async fn delete_scope(&self, kind: Kind, scope: &[u8]) -> Result<(), KeyStoreError> {
        self.write(DELETE_SCOPE, |query| query.bind(kind.number()).bind(scope)).await.map(drop)
    }

    pub(crate) async fn delete_kind(&self, kind: Kind) -> Result<(), KeyStoreError> {
        self.write(DELETE_KIND, |query| query.bind(kind.number())).await.map(drop)
    }

    /// Deletes rows by the second half of a key that is made of two hashes.
    pub(crate) async fn delete_tail(&self, kind: Kind, tails: &[Vec<u8>]) -> Result<(), KeyStoreError> {
        self.write(DELETE_TAIL, |query| query.bind(kind.number()).bind(tails)).await.map(drop)
    }

    /// Deletes rows stamped before the cutoff and tells how many.
    pub(crate) async fn delete_older(&self, kind: Kind, cutoff: i64) -> Result<u32, KeyStoreError> {
        self.write(DELETE_OLDER, |query| query.bind(kind.number()).bind(cutoff)).await
    }

    /// Deletes rows of which both times lie before their cutoffs.
    pub(crate) async fn delete_older_both(
        &self,
        kind: Kind,
        stamp: i64,
        until: i64,
    ) -> Result<u32, KeyStoreError> {
        self.write(DELETE_OLDER_BOTH, |query| query.bind(kind.number()).bind(stamp).bind(until)).await
    }

    /// Deletes rows whose deadline has come.
    pub(crate) async fn delete_due(&self, kind: Kind, now: i64) -> Result<u32, KeyStoreError> {
        self.write(DELETE_DUE, |query| query.bind(kind.number()).bind(now)).await
    }

    /// Deletes every row of the instance.
    pub(crate) async fn forget(&self) -> Result<(), KeyStoreError> {
        self.write(DELETE_ALL, |query| query).await.map(drop)
    }

    /// Reads a row and deletes it, at once.
    pub(crate) async fn take(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>, KeyStoreError> {
        self.check()?;
        let (held, value): (i64, Option<Vec<u8>>) = self
            .repeat(Use::Writes, || {
                let SessionSpec { workspace, instance, epoch } = self.spec;
                sqlx::query_as(TAKE)
                    .bind(workspace.uuid())
                    .bind(instance.uuid())
                    .bind(epoch)
                    .bind(kind.number())
                    .bind(key)
            })
            .await?
            .pop()
            .unwrap_or_default();
        self.check_held(held)?;
        value.map(|sealed| self.open(kind, key, &sealed)).transpose()
    }

    pub(crate) async fn get(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>, KeyStoreError> {
        Ok(self.find(kind, &[key.to_vec()]).await?.pop().map(|found| found.value))
    }

    pub(crate) async fn find(&self, kind: Kind, keys: &[Vec<u8>]) -> Result<Vec<Found>, KeyStoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.read(READ, kind, |query| query.bind(keys)).await
    }

    /// The rows of a scope, the latest stamp first.
    pub(crate) async fn in_scope(&self, kind: Kind, scope: &[u8]) -> Result<Vec<Found>, KeyStoreError> {
        self.read(READ_SCOPE, kind, |query| query.bind(scope)).await
    }

    /// All rows of a kind, the latest stamp first.
    pub(crate) async fn all(&self, kind: Kind) -> Result<Vec<Found>, KeyStoreError> {
        self.read(READ_KIND, kind, |query| query).await
    }

    pub(crate) async fn exists(&self, kind: Kind, key: &[u8]) -> Result<bool, KeyStoreError> {
        self.ask(EXISTS, |query| query.bind(kind.number()).bind(key)).await
    }

    pub(crate) async fn exists_in_scope(&self, kinds: &[Kind], scope: &[u8]) -> Result<bool, KeyStoreError> {
        let kinds: Vec<i16> = kinds.iter().map(|kind| kind.number()).collect();
        self.ask(EXISTS_SCOPE, |query| query.bind(&kinds).bind(scope)).await
    }

    /// The greatest key of a kind, in hexadecimal.
    pub(crate) async fn greatest_key(&self, kind: Kind) -> Result<Option<String>, KeyStoreError> {
        let rows: Vec<(Option<String>,)> = self
            .repeat(Use::Reads, || self.bind_home(sqlx::query_as(GREATEST_KEY)).bind(kind.number()))
            .await?;
        Ok(rows.into_iter().next().and_then(|row| row.0))
    }

    pub(crate) async fn lease_held(&self) -> Result<bool, KeyStoreError> {
        self.ask(LEASE, |query| query.bind(self.spec.epoch)).await
    }

    async fn write<'q>(
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

    async fn read<'q>(
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

    async fn ask<'q>(
        &'q self,
        sql: &'static str,
        bind: impl Fn(Query<'q, (bool,)>) -> Query<'q, (bool,)> + Send + Sync,
    ) -> Result<bool, KeyStoreError> {
        let rows = self.repeat(Use::Reads, || bind(self.bind_home(sqlx::query_as(sql)))).await?;
        Ok(rows.into_iter().next().is_some_and(|row| row.0))
    }

    fn bind_home<'q, O>(&self, query: Query<'q, O>) -> Query<'q, O> {
        query.bind(self.spec.workspace.uuid()).bind(self.spec.instance.uuid())
    }

    /// Runs a statement, again after a pause while the database is away; then the store is broken.
    async fn repeat<'q, O>(
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
    fn check(&self) -> Result<(), KeyStoreError> {
        match self.health.now() {
            Health::Sound => Ok(()),
            Health::Broken => Err(KeyStoreError::Broken),
            Health::Fenced => Err(KeyStoreError::Fenced),
        }
    }

    fn check_held(&self, held: i64) -> Result<(), KeyStoreError> {
        if held > 0 {
            return Ok(());
        }
        if self.health.worsen(Health::Fenced) {
            tracing::warn!(instance = %self.spec.instance, "the lease was lost; the WhatsApp session ends");
        }
        Err(KeyStoreError::Fenced)
    }

    fn open(&self, kind: Kind, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        self.key.open(&self.place(kind, key), sealed).map_err(|_| KeyStoreError::Unsealable)
    }

    /// Where a value belongs, so that it opens nowhere else.
    fn place(&self, kind: Kind, key: &[u8]) -> Vec<u8> {
        let mut place = self.home();
        place.extend(kind.number().to_be_bytes());
        place.extend(key);
        place
    }

    fn home(&self) -> Vec<u8> {
        let mut home = b"wa_keys".to_vec();
        home.extend(self.spec.workspace.uuid().as_bytes());
        home.extend(self.spec.instance.uuid().as_bytes());
        home
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
