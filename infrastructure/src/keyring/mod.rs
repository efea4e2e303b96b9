//! The root keys of a database, wrapped under the master key.
//!
//! A database that is new gets random ones. One from before there were any goes on with what was derived from its master
//! key. Whoever starts opens them: with another master key it starts not at all, instead of failing at the first value
//! that does not open. The [`rotation`] gives them to another master key.

pub mod rotation;

use chrono::NaiveDate;
use interflow_vault::{MasterKey, RootKeys};
use sqlx::{Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::event_log::{data_key_place, wrapping_key};

/// One at a time; and a rotation sees whoever has read before it by its heartbeat.
const LOCK: &str = "LOCK TABLE root_keys IN SHARE ROW EXCLUSIVE MODE";
const READ: &str = "SELECT generation, wrapped FROM root_keys ORDER BY generation";
const ADD: &str = "INSERT INTO root_keys (generation, wrapped) VALUES ($1, $2)";
/// Whether there is anything yet that was sealed, or is found by a hash.
const IS_USED: &str = "SELECT EXISTS (SELECT FROM data_keys) OR EXISTS (SELECT FROM claims) \
     OR EXISTS (SELECT FROM wa_keys) OR EXISTS (SELECT FROM commands)";
/// Whoever opens it has the right key.
const A_DATA_KEY: &str = "SELECT workspace_id, key_id, subject, month, wrapped FROM data_keys \
     WHERE wrapped IS NOT NULL LIMIT 1";
const HEARTBEAT: &str = "INSERT INTO nodes (node_id, heartbeat_at) VALUES ($1, clock_timestamp()) \
     ON CONFLICT (node_id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";

/// Why the root keys of a database cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// They were wrapped under another master key.
    #[error(
        "the master key is not that of this database: its root keys do not open (was a rotation broken off? then run \
         `interflow master-key rotate` again)"
    )]
    WrongMasterKey,
    /// Some values are sealed under the keys of before, and some under those that come next.
    #[error(
        "a rotation of the master key was broken off: run `interflow master-key rotate` again to finish it"
    )]
    BrokenOff,
    /// The database.
    #[error("the root keys of the database cannot be read")]
    Database(#[from] sqlx::Error),
}

/// Opens the root keys, and makes them where there are none. A node that is going to use them says that it is alive in
/// the same transaction, so that no rotation begins behind its back.
pub async fn open(pool: &PgPool, master: &MasterKey, node: Option<Uuid>) -> Result<RootKeys, KeyringError> {
    let mut transaction = pool.begin().await?;
    transaction.execute(LOCK).await?;
    let keys = match &*read(&mut transaction).await? {
        [] => make(&mut transaction, master).await?,
        [(generation, wrapped)] => {
            RootKeys::open(master, *generation, wrapped).map_err(|_| KeyringError::WrongMasterKey)?
        }
        all => {
            let opens = |(generation, wrapped): &(i16, Vec<u8>)| RootKeys::open(master, *generation, wrapped);
            let is_right = all.iter().all(|row| opens(row).is_ok());
            return Err(if is_right { KeyringError::BrokenOff } else { KeyringError::WrongMasterKey });
        }
    };
    if let Some(node) = node {
        sqlx::query(HEARTBEAT).bind(node).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(keys)
}

async fn read(connection: &mut PgConnection) -> Result<Vec<(i16, Vec<u8>)>, sqlx::Error> {
    sqlx::query_as(READ).fetch_all(connection).await
}

async fn make(connection: &mut PgConnection, master: &MasterKey) -> Result<RootKeys, KeyringError> {
    if is_used(connection).await? {
        return adopt(connection, master).await;
    }
    let keys = RootKeys::random();
    add(connection, &keys, master).await?;
    Ok(keys)
}

async fn is_used(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(IS_USED).fetch_one(connection).await
}

/// The keys of a database from before there were any: what its master key, and no other, says they are.
async fn adopt(connection: &mut PgConnection, master: &MasterKey) -> Result<RootKeys, KeyringError> {
    let keys = RootKeys::from(master);
    let sealed: Option<(Uuid, Uuid, String, NaiveDate, Vec<u8>)> =
        sqlx::query_as(A_DATA_KEY).fetch_optional(&mut *connection).await?;
    if let Some((workspace, id, subject, month, wrapped)) = sealed {
        let place = data_key_place(workspace, id, &subject, month);
        wrapping_key(&keys).open(&place, &wrapped).map_err(|_| KeyringError::WrongMasterKey)?;
    }
    add(connection, &keys, master).await?;
    Ok(keys)
}

async fn add(connection: &mut PgConnection, keys: &RootKeys, master: &MasterKey) -> Result<(), sqlx::Error> {
    let query = sqlx::query(ADD).bind(keys.generation()).bind(keys.wrapped(master));
    query.execute(connection).await.map(drop)
}
