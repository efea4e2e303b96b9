//! Giving a database to another master key.
//!
//! # The story of a rotation
//! No server runs ([`begin`] looks for heartbeats, and a server that starts meanwhile cannot open the root keys any more).
//! In one transaction the root keys are wrapped under the new master key, and the next ones are put beside them: from
//! there on the old master key opens nothing. Then everything that is sealed under the keys of before is sealed under
//! those that come next, some thousand rows a transaction: the data keys, the kept answers, the keys that
//! sign checkpoints, and, by their own store, the keys of WhatsApp's sessions. When nothing is left, the keys of before are deleted.
//!
//! Killed anywhere, it is run again with the same two master keys and goes on: a row says by its generation, or by what
//! opens it, whether it was done. What is found by keyed hashes stays where it is, and so does the key it is found by.
//!
//! A server that slept through all of it writes nothing when it wakes: its leases are lost, its groups find another count of
//! erasures, and a new data key of a generation that is gone is refused by the database.

use chrono::NaiveDate;
use interflow_vault::{MasterKey, RootKeys};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

use super::{KeyringError, add, adopt, is_used, read};
use crate::answers;
use crate::event_log::{data_key_place, wrapping_key};
use crate::proof::keys;

/// Rows of a transaction.
const AT_ONCE: i64 = 2_000;

/// Waits for whoever is just opening the root keys, and keeps others from it.
const LOCK: &str = "LOCK TABLE root_keys IN ACCESS EXCLUSIVE MODE";
const ALIVE: &str = "SELECT count(*) FROM nodes \
     WHERE heartbeat_at > clock_timestamp() - make_interval(secs => $1)";
const REWRAP: &str = "UPDATE root_keys SET wrapped = $2 WHERE generation = $1";
/// Whoever slept has lost what it had.
const FENCE: &str = "UPDATE leases SET epoch = epoch + 1, node_id = '00000000-0000-0000-0000-000000000000'; \
     UPDATE webhook_cursors SET epoch = epoch + 1, node_id = '00000000-0000-0000-0000-000000000000'; \
     UPDATE heads SET erasures = erasures + 1";

const DATA_KEYS_LEFT: &str = "SELECT count(*) FROM data_keys WHERE sealed_by = $1 AND wrapped IS NOT NULL";
const DATA_KEYS: &str = "SELECT workspace_id, key_id, subject, month, wrapped FROM data_keys \
     WHERE (workspace_id, key_id) > ($1, $2) AND sealed_by = $3 AND wrapped IS NOT NULL \
     ORDER BY workspace_id, key_id LIMIT $4";
const DATA_KEYS_DONE: &str = "UPDATE data_keys k SET wrapped = n.wrapped, sealed_by = $4 \
     FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS n(workspace_id, key_id, wrapped) \
     WHERE k.workspace_id = n.workspace_id AND k.key_id = n.key_id AND k.wrapped IS NOT NULL";

/// None is written any more when it is looked whether any is left.
const CLOSE: &str = "LOCK TABLE data_keys IN SHARE MODE";
const FORGET: &str = "DELETE FROM root_keys WHERE generation = $1";

/// Why a rotation cannot be begun, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Servers use the database.
    #[error(
        "{0} servers use this database: stop all of them first (one that was killed counts for some seconds)"
    )]
    ServersAlive(i64),
    /// There is nothing to be rotated.
    #[error("the database has no root keys yet: start a server on it first")]
    NotUsed,
    /// The two master keys are the same.
    #[error("the new master key is the present one")]
    Same,
    /// Neither master key opens the root keys.
    #[error("neither the present master key nor the new one is that of this database")]
    WrongMasterKey,
    /// A value opens with neither generation.
    #[error("a value in {table} does not open: it was changed, or sealed under a key that is not there")]
    DoesNotOpen {
        /// In which table.
        table: &'static str,
    },
    /// Something is left that was sealed under the keys of before.
    #[error("{0} data keys are still sealed under the root keys of before")]
    Left(i64),
    /// The database.
    #[error("the database failed: what was done is kept, run it again to go on")]
    Database(#[from] sqlx::Error),
}

impl From<KeyringError> for RotationError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Database(error) => Self::Database(error),
            KeyringError::WrongMasterKey | KeyringError::BrokenOff => Self::WrongMasterKey,
        }
    }
}

/// A rotation that is under way.
pub struct Rotation {
    pool: PgPool,
    /// The root keys of before, and those that come next.
    pub before: RootKeys,
    /// See [`Rotation::before`].
    pub next: RootKeys,
}

/// What there is to be done.
pub enum Begun {
    /// All of it, or the rest of a rotation that was broken off.
    UnderWay(Box<Rotation>),
    /// Nothing: the database is the new master key's.
    Done,
}

/// Begins a rotation, or finds the one that was broken off. A server that was heard of within `silence` is alive.
pub async fn begin(
    pool: &PgPool,
    (present, new): (&MasterKey, &MasterKey),
    silence: std::time::Duration,
) -> Result<Begun, RotationError> {
    if present == new {
        return Err(RotationError::Same);
    }
    let mut transaction = pool.begin().await?;
    transaction.execute(LOCK).await?;
    let alive: i64 =
        sqlx::query_scalar(ALIVE).bind(silence.as_secs_f64()).fetch_one(&mut *transaction).await?;
    if alive > 0 {
        return Err(RotationError::ServersAlive(alive));
    }
    let mut rows = read(&mut transaction).await?;
    if rows.is_empty() && is_used(&mut transaction).await? {
        adopt(&mut transaction, present).await?;
        rows = read(&mut transaction).await?;
    }
    let opened = |master: &MasterKey| {
        let open = |(generation, wrapped): &(i16, Vec<u8>)| RootKeys::open(master, *generation, wrapped);
        rows.iter().map(open).collect::<Result<Vec<_>, _>>().ok()
    };
    let under_way = |before: &RootKeys, next: &RootKeys| {
        let (pool, before, next) = (pool.clone(), before.clone(), next.clone());
        Ok(Begun::UnderWay(Box::new(Rotation { pool, before, next })))
    };
    match (opened(present).as_deref(), opened(new).as_deref()) {
        (Some([]), _) => Err(RotationError::NotUsed),
        (_, Some([_])) => Ok(Begun::Done),
        (_, Some([before, next])) => under_way(before, next),
        (Some([before]), _) => {
            let next = before.next();
            let rewrap = sqlx::query(REWRAP).bind(before.generation()).bind(before.wrapped(new));
            rewrap.execute(&mut *transaction).await?;
            add(&mut transaction, &next, new).await?;
            transaction.execute(FENCE).await?;
            transaction.commit().await?;
            under_way(before, &next)
        }
        _ => Err(RotationError::WrongMasterKey),
    }
}

/// Is told how many rows of how many are done.
pub type Progress<'p> = &'p mut (dyn FnMut(u64, u64) + Send);

impl Rotation {
    /// Wraps every data key anew.
    pub async fn data_keys(&self, progress: Progress<'_>) -> Result<(), RotationError> {
        let mut connection = self.pool.acquire().await?;
        let all = self.left(&mut connection).await?.unsigned_abs();
        let (old, new) = (wrapping_key(&self.before), wrapping_key(&self.next));
        let (mut last, mut done) = ((Uuid::nil(), Uuid::nil()), 0);
        loop {
            let rows: Vec<(Uuid, Uuid, String, NaiveDate, Vec<u8>)> = sqlx::query_as(DATA_KEYS)
                .bind(last.0)
                .bind(last.1)
                .bind(self.before.generation())
                .bind(AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
            let Some((workspace, id, ..)) = rows.last() else { break };
            last = (*workspace, *id);
            let (mut workspaces, mut ids, mut wrapped) = (vec![], vec![], vec![]);
            for (workspace, id, subject, month, sealed) in &rows {
                let place = data_key_place(*workspace, *id, subject, *month);
                let opened = old.open(&place, sealed);
                let opened = opened.map_err(|_| RotationError::DoesNotOpen { table: "data_keys" })?;
                workspaces.push(*workspace);
                ids.push(*id);
                wrapped.push(new.seal(&place, &opened));
            }
            sqlx::query(DATA_KEYS_DONE)
                .bind(workspaces)
                .bind(ids)
                .bind(wrapped)
                .bind(self.next.generation())
                .execute(&mut *connection)
                .await?;
            done += rows.len() as u64;
            progress(done, all);
        }
        Ok(())
    }

    /// Seals the kept answers to repeated requests anew.
    pub async fn answers(&self) -> Result<(), RotationError> {
        Ok(answers::seal_anew(&self.pool, &self.before, &self.next).await?)
    }

    /// Seals the private halves of the keys anew that sign checkpoints of the logs.
    pub async fn audit_keys(&self) -> Result<(), RotationError> {
        Ok(keys::seal_anew(&self.pool, &self.before, &self.next).await?)
    }

    /// Deletes the root keys of before, once nothing is sealed under them.
    pub async fn finish(&self) -> Result<(), RotationError> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        transaction.execute(CLOSE).await?;
        let left = self.left(&mut transaction).await?;
        if left > 0 {
            return Err(RotationError::Left(left));
        }
        sqlx::query(FORGET).bind(self.before.generation()).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn left(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(DATA_KEYS_LEFT).bind(self.before.generation()).fetch_one(connection).await
    }
}
