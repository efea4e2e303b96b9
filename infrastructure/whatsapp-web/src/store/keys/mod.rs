//! The table `wa_keys` as one session sees it: sealed, hashed, fenced.
//!
//! What is asked of it is in [`statements`], how it is asked in [`running`].

mod running;
mod statements;

use interflow_application::whatsapp::SessionSpec;
use interflow_domain::{InstanceId, WorkspaceId};
use interflow_vault::{SealingKey, StoreKey};
use sqlx::PgPool;

use super::rows::{Columns, Found};
use super::{HealthWatch, KeyStoreError, Kind, Row};
use running::{Query, Use};

/// Enough of a keyed hash to never meet another by chance, and half the index of a whole one.
const HASH_LEN: usize = 16;

/// The rows of one instance, written by right of one lease.
pub(crate) struct Keys {
    pool: PgPool,
    key: StoreKey,
    spec: SessionSpec,
    health: HealthWatch,
}

impl Keys {
    pub(crate) fn new(pool: PgPool, key: StoreKey, spec: SessionSpec) -> Self {
        Self { pool, key, spec, health: HealthWatch::new() }
    }

    pub(crate) fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    /// What a row is found by when that is personal: a keyed hash of the parts, good for this instance alone.
    pub(crate) fn hash(&self, domain: &str, parts: &[&[u8]]) -> Vec<u8> {
        hash(&self.key.lookup, self.home(), domain, parts)
    }

    /// Writes rows; of equal keys the last wins.
    pub(crate) async fn put(&self, kind: Kind, rows: Vec<Row>) -> Result<(), KeyStoreError> {
        self.upsert(statements::PUT, kind, rows).await
    }

    /// As [`Keys::put`], but `stamp` and `until` of an older row are never reduced.
    pub(crate) async fn put_later(&self, kind: Kind, rows: Vec<Row>) -> Result<(), KeyStoreError> {
        self.upsert(statements::PUT_LATER, kind, rows).await
    }

    async fn upsert(&self, sql: &'static str, kind: Kind, rows: Vec<Row>) -> Result<(), KeyStoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = Columns::of(rows, |row| self.key.sealing.seal(&self.place(kind, &row.key), &row.value));
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
        self.write(statements::STAMP, |query| query.bind(kind.number()).bind(stamp).bind(keys))
            .await
            .map(drop)
    }

    pub(crate) async fn delete(&self, kind: Kind, keys: &[Vec<u8>]) -> Result<(), KeyStoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.write(statements::DELETE, |query| query.bind(kind.number()).bind(keys)).await.map(drop)
    }

    pub(crate) async fn delete_scope(&self, kind: Kind, scope: &[u8]) -> Result<(), KeyStoreError> {
        self.write(statements::DELETE_SCOPE, |query| query.bind(kind.number()).bind(scope)).await.map(drop)
    }

    pub(crate) async fn delete_kind(&self, kind: Kind) -> Result<(), KeyStoreError> {
        self.write(statements::DELETE_KIND, |query| query.bind(kind.number())).await.map(drop)
    }

    /// Deletes rows by the second half of a key that is made of two hashes.
    pub(crate) async fn delete_tail(&self, kind: Kind, tails: &[Vec<u8>]) -> Result<(), KeyStoreError> {
        self.write(statements::DELETE_TAIL, |query| query.bind(kind.number()).bind(tails)).await.map(drop)
    }

    /// Deletes rows stamped before the cutoff and tells how many.
    pub(crate) async fn delete_older(&self, kind: Kind, cutoff: i64) -> Result<u32, KeyStoreError> {
        self.write(statements::DELETE_OLDER, |query| query.bind(kind.number()).bind(cutoff)).await
    }

    /// Deletes rows of which both times lie before their cutoffs.
    pub(crate) async fn delete_older_both(
        &self,
        kind: Kind,
        stamp: i64,
        until: i64,
    ) -> Result<u32, KeyStoreError> {
        self.write(statements::DELETE_OLDER_BOTH, |query| query.bind(kind.number()).bind(stamp).bind(until))
            .await
    }

    /// Deletes rows whose deadline has come.
    pub(crate) async fn delete_due(&self, kind: Kind, now: i64) -> Result<u32, KeyStoreError> {
        self.write(statements::DELETE_DUE, |query| query.bind(kind.number()).bind(now)).await
    }

    /// Deletes every row of the instance.
    pub(crate) async fn forget(&self) -> Result<(), KeyStoreError> {
        self.write(statements::DELETE_ALL, |query| query).await.map(drop)
    }

    /// Reads a row and deletes it, at once.
    pub(crate) async fn take(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>, KeyStoreError> {
        self.check()?;
        let (held, value): (i64, Option<Vec<u8>>) = self
            .repeat(Use::Writes, || {
                let SessionSpec { workspace, instance, epoch } = self.spec;
                sqlx::query_as(statements::TAKE)
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
        self.read(statements::READ, kind, |query| query.bind(keys)).await
    }

    /// The rows of a scope, the latest stamp first.
    pub(crate) async fn in_scope(&self, kind: Kind, scope: &[u8]) -> Result<Vec<Found>, KeyStoreError> {
        self.read(statements::READ_SCOPE, kind, |query| query.bind(scope)).await
    }

    /// All rows of a kind, the latest stamp first.
    pub(crate) async fn all(&self, kind: Kind) -> Result<Vec<Found>, KeyStoreError> {
        self.read(statements::READ_KIND, kind, |query| query).await
    }

    pub(crate) async fn exists(&self, kind: Kind, key: &[u8]) -> Result<bool, KeyStoreError> {
        self.ask(statements::EXISTS, |query| query.bind(kind.number()).bind(key)).await
    }

    pub(crate) async fn exists_in_scope(&self, kinds: &[Kind], scope: &[u8]) -> Result<bool, KeyStoreError> {
        let kinds: Vec<i16> = kinds.iter().map(|kind| kind.number()).collect();
        self.ask(statements::EXISTS_SCOPE, |query| query.bind(&kinds).bind(scope)).await
    }

    /// The greatest key of a kind, in hexadecimal.
    pub(crate) async fn greatest_key(&self, kind: Kind) -> Result<Option<String>, KeyStoreError> {
        let rows: Vec<(Option<String>,)> = self
            .repeat(Use::Reads, || {
                self.bind_home(sqlx::query_as(statements::GREATEST_KEY)).bind(kind.number())
            })
            .await?;
        Ok(rows.into_iter().next().and_then(|row| row.0))
    }

    pub(crate) async fn lease_held(&self) -> Result<bool, KeyStoreError> {
        self.ask(statements::LEASE, |query| query.bind(self.spec.epoch)).await
    }

    fn open(&self, kind: Kind, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        self.key.sealing.open(&self.place(kind, key), sealed).map_err(|_| KeyStoreError::Unsealable)
    }

    /// Where a value belongs, so that it opens nowhere else.
    fn place(&self, kind: Kind, key: &[u8]) -> Vec<u8> {
        place(self.spec.workspace, self.spec.instance, kind.number(), key)
    }

    fn home(&self) -> Vec<u8> {
        home(self.spec.workspace, self.spec.instance)
    }
}

/// Where a value belongs.
pub(super) fn place(workspace: WorkspaceId, instance: InstanceId, kind: i16, key: &[u8]) -> Vec<u8> {
    let mut place = home(workspace, instance);
    place.extend(kind.to_be_bytes());
    place.extend(key);
    place
}

/// What everything of an instance's begins with before it is hashed, or bound to its place.
pub(super) fn home(workspace: WorkspaceId, instance: InstanceId) -> Vec<u8> {
    let mut home = b"wa_keys".to_vec();
    home.extend(workspace.uuid().as_bytes());
    home.extend(instance.uuid().as_bytes());
    home
}

/// What a row is found by when that is personal.
pub(super) fn hash(key: &SealingKey, home: Vec<u8>, domain: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut input = home;
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        input.extend((part.len() as u64).to_be_bytes());
        input.extend(*part);
    }
    key.fingerprint(&input)[..HASH_LEN].to_vec()
}
