//! Sealing every value anew, when the master key is rotated. No session runs meanwhile, and none by its old lease after.

use interflow_domain::{InstanceId, WorkspaceId};
use interflow_vault::SealingKey;
use sqlx::PgPool;
use uuid::Uuid;

use super::keys::place;

/// Rows of a transaction.
const AT_ONCE: i64 = 1_000;

const ALL: &str = "SELECT count(*) FROM wa_keys";
const NEXT: &str = "SELECT workspace_id, instance_id, kind, key, value FROM wa_keys \
     WHERE (workspace_id, instance_id, kind, key) > ($1, $2, $3, $4) \
     ORDER BY workspace_id, instance_id, kind, key LIMIT $5";
const WRITE: &str = "UPDATE wa_keys w SET value = n.value \
     FROM unnest($1::uuid[], $2::uuid[], $3::int2[], $4::bytea[], $5::bytea[]) \
         AS n(workspace_id, instance_id, kind, key, value) \
     WHERE w.workspace_id = n.workspace_id AND w.instance_id = n.instance_id AND w.kind = n.kind AND w.key = n.key";

type Found = (Uuid, Uuid, i16, Vec<u8>, Vec<u8>);

/// Seals all that is stored under `next`, in parts of a transaction each. What is already is left, so it can be begun again
/// after a crash. Tells how many rows of how many are done.
pub async fn seal_anew(
    pool: &PgPool,
    before: &SealingKey,
    next: &SealingKey,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), SealAnewError> {
    let all: i64 = sqlx::query_scalar(ALL).fetch_one(pool).await?;
    let (mut last, mut done) = ((Uuid::nil(), Uuid::nil(), i16::MIN, vec![]), 0);
    loop {
        let rows: Vec<Found> = sqlx::query_as(NEXT)
            .bind(last.0)
            .bind(last.1)
            .bind(last.2)
            .bind(&last.3)
            .bind(AT_ONCE)
            .fetch_all(pool)
            .await?;
        let Some((workspace, instance, kind, key, _)) = rows.last() else { return Ok(()) };
        last = (*workspace, *instance, *kind, key.clone());
        done += rows.len() as u64;
        write(pool, rows, before, next).await?;
        progress(done, all.unsigned_abs());
    }
}

/// Why not all is sealed anew. What is, stays.
#[derive(Debug, thiserror::Error)]
pub enum SealAnewError {
    /// A value opens with neither key.
    #[error("a value in wa_keys does not open: it was changed, or sealed under a key that is not there")]
    DoesNotOpen,
    /// The database.
    #[error("the database failed: what was done is kept, run it again to go on")]
    Database(#[from] sqlx::Error),
}

async fn write(
    pool: &PgPool,
    rows: Vec<Found>,
    before: &SealingKey,
    next: &SealingKey,
) -> Result<(), SealAnewError> {
    let (mut workspaces, mut instances, mut kinds) = (vec![], vec![], vec![]);
    let (mut keys, mut values) = (vec![], vec![]);
    for (workspace, instance, kind, key, value) in rows {
        let place = place(WorkspaceId::new(workspace), InstanceId::new(instance), kind, &key);
        if next.open(&place, &value).is_ok() {
            continue;
        }
        let opened = before.open(&place, &value).map_err(|_| SealAnewError::DoesNotOpen)?;
        workspaces.push(workspace);
        instances.push(instance);
        kinds.push(kind);
        keys.push(key);
        values.push(next.seal(&place, &opened));
    }
    if keys.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(WRITE).bind(workspaces).bind(instances).bind(kinds).bind(keys).bind(values);
    query.execute(pool).await?;
    Ok(())
}
