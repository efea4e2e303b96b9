//! The keys of personal data: one a subject and calendar month, wrapped under a key derived from the root keys.
//!
//! A key is made in the append that first needs it, under the head lock, so no two are made for the same subject and
//! month. What is remembered here of a key in use holds for one count of the head's `erasures`: when keys were
//! destroyed since, the table is asked again, because a value sealed under a destroyed key would be lost at once.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use interflow_application::Ids;
use interflow_domain::{Subject, WorkspaceId};
use interflow_vault::{RootKeys, SealingKey};
use moka::sync::Cache;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::sealing::DataKey;
use crate::batch::Batch;

/// What a key in memory takes with its name and its place, of either kind.
const KEY_BYTES: u32 = 400;
/// A destroyed key is forgotten after so long by every process.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

const IN_USE: &str = "SELECT k.subject, k.month, k.key_id, k.wrapped \
     FROM unnest($2::text[], $3::date[]) AS q(subject, month), \
     LATERAL (SELECT * FROM data_keys k WHERE k.workspace_id = $1 AND k.subject = q.subject \
              AND k.month = q.month AND k.destroyed_at IS NULL) k";
/// Refused by a database that was given to other root keys while this process slept.
const MAKE: &str = "INSERT INTO data_keys (workspace_id, key_id, subject, month, wrapped, sealed_by) \
     SELECT $1, k.id, k.subject, k.month, k.wrapped, \
         (SELECT $6::smallint WHERE EXISTS (SELECT FROM root_keys WHERE generation = $6) \
             OR NOT EXISTS (SELECT FROM root_keys)) \
     FROM unnest($2::uuid[], $3::text[], $4::date[], $5::bytea[]) AS k(id, subject, month, wrapped) \
     WHERE {held}";
const DESTROY: &str = "UPDATE data_keys SET wrapped = NULL, destroyed_at = clock_timestamp() \
     WHERE workspace_id = $1 AND subject = ANY($2) AND destroyed_at IS NULL RETURNING key_id";
/// Of workspaces that there are, found by the index of the keys that are in use.
const WITH_OLD: &str = "SELECT h.workspace_id FROM heads h WHERE EXISTS (SELECT FROM data_keys k \
     WHERE k.workspace_id = h.workspace_id AND k.subject >= $1 AND k.subject < $2 AND k.month < $3 \
         AND k.destroyed_at IS NULL)";
const DESTROY_OLD: &str = "UPDATE data_keys SET wrapped = NULL, destroyed_at = clock_timestamp() \
     WHERE workspace_id = $1 AND subject >= $2 AND subject < $3 AND month < $4 AND destroyed_at IS NULL";
const DESTROY_SLOTS: &str = "UPDATE data_keys k SET wrapped = NULL, destroyed_at = clock_timestamp() \
     FROM unnest($2::text[], $3::date[]) AS q(subject, month) \
     WHERE k.workspace_id = $1 AND k.subject = q.subject AND k.month = q.month AND k.destroyed_at IS NULL";
const BY_ID: &str = "SELECT key_id, subject, month, wrapped FROM data_keys \
     WHERE workspace_id = $1 AND key_id = ANY($2)";

/// What one key seals.
pub(crate) type Slot = (Subject, NaiveDate);
/// The keys a group seals with.
pub(super) type Keys = HashMap<Slot, InUse>;

/// A key that new values are sealed with.
#[derive(Debug, Clone)]
pub(super) struct InUse {
    pub(super) id: Uuid,
    pub(super) key: SealingKey,
    erasures: i64,
}

/// The keys of personal data.
pub(super) struct DataKeys {
    wrapping: SealingKey,
    /// That of the root keys it is derived from.
    generation: i16,
    in_use: Cache<(WorkspaceId, Slot), InUse>,
    by_id: Cache<(WorkspaceId, Uuid), DataKey>,
    heard: Mutex<Heard>,
    bytes: u64,
}

/// What was heard of the destruction of keys.
#[derive(Default)]
struct Heard {
    erasures: HashMap<WorkspaceId, u64>,
    /// How often everything was forgotten: a key that was read before the last time is not remembered after it.
    forgotten: u64,
}

impl DataKeys {
    /// Of the memory, in bytes, the keys to seal with may have one half, and those to open with the other.
    pub(super) fn new((wrapping, generation): (SealingKey, i16), bytes: u64) -> Self {
        Self {
            wrapping,
            generation,
            in_use: cache(bytes / 2),
            by_id: cache(bytes / 2),
            heard: Mutex::default(),
            bytes,
        }
    }

    /// The same keys with nothing remembered of them yet.
    pub(super) fn afresh(&self) -> Self {
        Self::new((self.wrapping.clone(), self.generation), self.bytes)
    }

    /// The keys to seal with, made where there are none. To be called under the head lock, with the head's count of
    /// erasures; what was made is to be [remembered](Self::remember) once it is committed and not before.
    pub(super) async fn to_seal(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        erasures: i64,
        wanted: BTreeSet<Slot>,
        ids: &dyn Ids,
    ) -> Result<Keys, Failure> {
        let mut keys = self.remembered(workspace, erasures, &wanted);
        let unknown: Vec<Slot> = wanted.into_iter().filter(|slot| !keys.contains_key(slot)).collect();
        if unknown.is_empty() {
            return Ok(keys);
        }
        let subjects: Vec<_> = unknown.iter().map(|(subject, _)| subject.to_string()).collect();
        let months: Vec<_> = unknown.iter().map(|(_, month)| *month).collect();
        let rows: Vec<(String, NaiveDate, Uuid, Vec<u8>)> = sqlx::query_as(IN_USE)
            .bind(workspace.uuid())
            .bind(subjects)
            .bind(months)
            .fetch_all(&mut *connection)
            .await?;
        for (subject, month, id, wrapped) in rows {
            let subject = parse(&subject)?;
            let key = self.unwrap(workspace, id, (subject, month), &wrapped)?;
            keys.insert((subject, month), InUse { id, key, erasures });
        }
        let made = self.make(unknown.into_iter().filter(|slot| !keys.contains_key(slot)), erasures, ids);
        let mut batch = Batch::default();
        self.write(&mut batch, workspace, &made);
        if !batch.is_empty() {
            batch.run(connection, "SELECT 0::bigint").await?;
        }
        keys.extend(made);
        Ok(keys)
    }

    /// Those of the keys that are known to be in use at this count of the head's erasures.
    pub(super) fn remembered(&self, workspace: WorkspaceId, erasures: i64, wanted: &BTreeSet<Slot>) -> Keys {
        wanted
            .iter()
            .filter_map(|slot| Some((*slot, self.in_use.get(&(workspace, *slot))?)))
            .filter(|(_, key)| key.erasures == erasures)
            .collect()
    }

    /// The key that was last known to be in use. It may have been destroyed since.
    pub(super) fn latest(&self, workspace: WorkspaceId, slot: Slot) -> Option<InUse> {
        self.in_use.get(&(workspace, slot))
    }

    /// New keys, which are still to be [written](Self::write).
    pub(super) fn make(
        &self,
        slots: impl IntoIterator<Item = Slot>,
        erasures: i64,
        ids: &dyn Ids,
    ) -> Vec<(Slot, InUse)> {
        let make = |slot| (slot, InUse { id: ids.next(), key: SealingKey::random(), erasures });
        slots.into_iter().map(make).collect()
    }

    /// Adds the writing of new keys.
    pub(super) fn write(&self, batch: &mut Batch, workspace: WorkspaceId, made: &[(Slot, InUse)]) {
        if made.is_empty() {
            return;
        }
        let seal = |(slot, made): &(Slot, InUse)| {
            self.wrapping.seal(&place(workspace, made.id, *slot), made.key.expose())
        };
        batch
            .part("keys_made", MAKE)
            .bind(workspace.uuid())
            .bind(made.iter().map(|(_, key)| key.id).collect::<Vec<_>>())
            .bind(made.iter().map(|((subject, _), _)| subject.to_string()).collect::<Vec<_>>())
            .bind(made.iter().map(|((_, month), _)| *month).collect::<Vec<_>>())
            .bind(made.iter().map(seal).collect::<Vec<_>>())
            .bind(self.generation);
    }

    /// Remembers keys that are committed.
    pub(super) fn remember(&self, workspace: WorkspaceId, keys: Keys) {
        for (slot, key) in keys {
            self.in_use.insert((workspace, slot), key);
        }
    }

    /// Destroys every key of these subjects, under the head lock, and says which. The caller adds one to the head's count
    /// of erasures in the same transaction.
    pub(super) async fn destroy(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        subjects: &[Subject],
    ) -> Result<Vec<Uuid>, Failure> {
        let subjects: Vec<_> = subjects.iter().map(ToString::to_string).collect();
        let query = sqlx::query_scalar(DESTROY).bind(workspace.uuid()).bind(subjects);
        let mut ids: Vec<Uuid> = query.fetch_all(connection).await?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// The workspaces that have keys in use of such subjects, named between these, of months before this one.
    pub(super) async fn with_old(
        connection: &mut PgConnection,
        (from, to): (&str, &str),
        month: NaiveDate,
    ) -> Result<Vec<WorkspaceId>, Failure> {
        let query = sqlx::query_scalar(WITH_OLD).bind(from).bind(to).bind(month);
        let found: Vec<Uuid> = query.fetch_all(connection).await?;
        Ok(found.into_iter().map(WorkspaceId::new).collect())
    }

    /// Destroys those of a workspace, under the head lock, and says how many. The caller adds one to the head's count of
    /// erasures in the same transaction.
    pub(super) async fn destroy_old(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        (from, to): (&str, &str),
        month: NaiveDate,
    ) -> Result<u64, Failure> {
        let query = sqlx::query(DESTROY_OLD).bind(workspace.uuid()).bind(from).bind(to).bind(month);
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// The same for single months of subjects. Says how many keys that were.
    pub(super) async fn destroy_slots(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        slots: &[Slot],
    ) -> Result<u64, Failure> {
        let query = sqlx::query(DESTROY_SLOTS)
            .bind(workspace.uuid())
            .bind(slots.iter().map(|(subject, _)| subject.to_string()).collect::<Vec<_>>())
            .bind(slots.iter().map(|(_, month)| *month).collect::<Vec<_>>());
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// Forgets every key.
    pub(super) fn forget(&self) {
        let mut heard = self.heard();
        heard.forgotten += 1;
        self.in_use.invalidate_all();
        self.by_id.invalidate_all();
    }

    /// Whether a workspace's count of erasures is greater than any that was heard of before.
    pub(super) fn hears_of(&self, workspace: WorkspaceId, erasures: u64) -> bool {
        let mut heard = self.heard();
        let known = heard.erasures.entry(workspace).or_default();
        let is_news = erasures > *known;
        *known = erasures.max(*known);
        is_news
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys with these ids, as far as there are any.
    pub(super) async fn to_open(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        wanted: BTreeSet<Uuid>,
    ) -> Result<HashMap<Uuid, DataKey>, Failure> {
        let mut keys: HashMap<Uuid, DataKey> =
            wanted.iter().filter_map(|id| Some((*id, self.by_id.get(&(workspace, *id))?))).collect();
        let unknown: Vec<Uuid> = wanted.into_iter().filter(|id| !keys.contains_key(id)).collect();
        if unknown.is_empty() {
            return Ok(keys);
        }
        let forgotten = self.heard().forgotten;
        let rows: Vec<(Uuid, String, NaiveDate, Option<Vec<u8>>)> =
            sqlx::query_as(BY_ID).bind(workspace.uuid()).bind(unknown).fetch_all(connection).await?;
        let mut found = Vec::with_capacity(rows.len());
        for (id, subject, month, wrapped) in rows {
            let subject = parse(&subject)?;
            let key =
                wrapped.map(|wrapped| self.unwrap(workspace, id, (subject, month), &wrapped)).transpose()?;
            found.push((id, DataKey { subject, key }));
        }
        let heard = self.heard();
        if heard.forgotten == forgotten {
            found.iter().for_each(|(id, key)| self.by_id.insert((workspace, *id), key.clone()));
        }
        drop(heard);
        keys.extend(found);
        Ok(keys)
    }

    fn unwrap(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
        slot: Slot,
        wrapped: &[u8],
    ) -> Result<SealingKey, Failure> {
        let bytes = self.wrapping.open(&place(workspace, id, slot), wrapped).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            Failure::Refused(
                "a data key does not open: the data was written with another master key".to_owned(),
            )
        })?;
        Ok(SealingKey::new(bytes))
    }
}

fn cache<K: Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static>(bytes: u64) -> Cache<K, V> {
    Cache::builder().max_capacity(bytes).weigher(|_, _| KEY_BYTES).time_to_live(REMEMBERED_FOR).build()
}

fn parse(subject: &str) -> Result<Subject, Failure> {
    subject.parse().map_err(|_| Failure::Refused("a data key is of an unknown kind of subject".to_owned()))
}

fn place(workspace: WorkspaceId, id: Uuid, (subject, month): Slot) -> Vec<u8> {
    data_key_place(workspace.uuid(), id, &subject.to_string(), month)
}

/// Where a data key belongs, so that it opens nowhere else.
pub(crate) fn data_key_place(workspace: Uuid, id: Uuid, subject: &str, month: NaiveDate) -> Vec<u8> {
    [workspace.as_bytes(), id.as_bytes().as_slice(), subject.as_bytes(), month.to_string().as_bytes()]
        .concat()
}

/// The key that data keys are wrapped under.
pub(crate) fn wrapping_key(keys: &RootKeys) -> SealingKey {
    keys.sealing("interflow data keys")
}

#[cfg(test)]
mod tests {
    use interflow_domain::CustomerId;

    use super::*;

    #[test]
    fn keys_in_memory_are_bounded_in_bytes() {
        let bytes = 400_000;
        assert!(size_of::<((WorkspaceId, Slot), InUse)>() + 200 < KEY_BYTES as usize);
        assert!(size_of::<((WorkspaceId, Uuid), DataKey)>() + 200 < KEY_BYTES as usize);
        let keys = DataKeys::new((SealingKey::random(), 1), bytes);
        let workspace = WorkspaceId::default();
        for number in 0..5_000 {
            let id = Uuid::from_u128(number);
            let subject = Subject::Customer(CustomerId::new(id));
            let in_use = InUse { id, key: SealingKey::random(), erasures: 0 };
            keys.remember(workspace, Keys::from([((subject, NaiveDate::default()), in_use)]));
            keys.by_id.insert((workspace, id), DataKey { subject, key: Some(SealingKey::random()) });
        }
        keys.in_use.run_pending_tasks();
        keys.by_id.run_pending_tasks();
        let used = keys.in_use.weighted_size() + keys.by_id.weighted_size();
        assert!(used > bytes / 2 && used <= bytes, "{used} bytes");
    }
}
