//! The event log on Postgres.
//!
//! # The story of an append
//! A caller's task makes the append ready ([`prepared`]): ids, JSON, hashes of its claims. It puts it in the queue of
//! its workspace, and the workspace's [`writer`] takes what is waiting and appends for all of them in one transaction
//! ([`group`]). There the head is locked; what the appends name is read ([`facts`]); they are judged in order
//! ([`ruling`]), and losers leave; the winners' events get positions, their personal values are sealed ([`sealing`],
//! [`data_keys`]), what is told of their [`circumstances`] with them, and each table gets one set-wise write ([`rows`]).
//! The read models are written, the transaction commits, the [`cache`] of states follows, and everyone is answered. What the database refuses for a reason nobody
//! foresaw is found by halving ([`bisect`]). Tests of faults are told of every step ([`seam`]).
//!
//! Who appended last knows what the head says, and as a rule nobody else has been there when the next group comes:
//! then all of this is done [`ahead`] of the lock, and goes as one statement that writes only if the head still says
//! so. The [`connections`] for it are kept between groups.
//!
//! # And of a load
//! A state comes from the cache, or its stream is read ([`reader`]), opened and folded. A state from the cache may be
//! old: whoever refuses because of it asks first whether it [is current](EventLog::are_current).
//!
//! What was known at a position is read by [`past`].
//!
//! [`cqrs_store`] puts cqrs-es's own `EventStore` on top.

mod ahead;
mod bisect;
mod cache;
mod circumstances;
mod connections;
mod cqrs_store;
mod data_keys;
mod disclosure;
mod facts;
mod failure;
mod group;
mod known;
mod locked;
mod past;
mod prepared;
mod reader;
mod replay;
mod rows;
mod ruling;
mod sealing;
mod seam;
mod settings;
mod told;
mod upcasting;
mod writer;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use interflow_application::log::{
    Append, AppendError, EventLog, Loaded, LogError, RecordedEvent, Rider, State, StreamId,
};
use interflow_application::metadata::{Cause, Origin};
use interflow_application::wakeups::{Wakeup, Wakeups as _};
use interflow_application::{Claim, Ids};
use interflow_domain::WorkspaceId;
use interflow_vault::{RootKeys, SealingKey};
use sqlx::PgPool;
use tokio::sync::broadcast::error::RecvError;

use crate::answers::answers_key;
use crate::recent::Budget;
use crate::wakeups::Bell;
use cache::{Cached, StateCache};
use connections::Connections;
use data_keys::DataKeys;
use group::Answer;
use prepared::Prepared;
use writer::Writers;

pub use cqrs_store::{CqrsContext, CqrsStore};
pub(crate) use data_keys::{Slot, data_key_place, wrapping_key};
pub(crate) use disclosure::{Disclosed, Disclosure};
pub(crate) use failure::{Failure, log_error};
pub(crate) use locked::Locked;
pub(crate) use past::Seen;
pub(crate) use replay::Replay;
pub(crate) use sealing::Opening;
pub use seam::{Seam, Step};
pub use settings::Settings;

/// The event log on Postgres. Cheap to clone: clones share queues and caches.
#[derive(Clone)]
pub struct PgEventLog {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    connections: Connections,
    settings: Settings,
    ids: Arc<dyn Ids>,
    claims: SealingKey,
    answers: SealingKey,
    keys: DataKeys,
    cache: StateCache,
    known: Budget,
    writers: Writers,
}

impl PgEventLog {
    /// The log in this database, which must be [migrated](crate::database::migrate).
    ///
    /// What is sealed in it, and its claims, are under keys derived from these: with others they can be neither opened
    /// nor found.
    #[must_use]
    pub fn start(pool: PgPool, keys: impl Into<RootKeys>, ids: Arc<dyn Ids>, settings: Settings) -> Self {
        let keys = keys.into();
        let inner = Inner {
            claims: keys.lookup("interflow claims"),
            answers: answers_key(&keys),
            keys: DataKeys::new((wrapping_key(&keys), keys.generation()), settings.key_bytes),
            cache: StateCache::new(&settings),
            known: Budget::new(settings.known_bytes),
            writers: Writers::new(&settings, pool.options().get_max_connections()),
            connections: Connections::new(pool.clone()),
            pool,
            settings,
            ids,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Rung whenever this process has appended, and by what other processes tell where there is an
    /// [exchange](crate::wakeups::Exchange).
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.inner.settings.bell.clone()
    }

    /// Forgets everything this process remembers of the log: states, holders of claims, keys.
    pub fn forget(&self) {
        self.inner.cache.clear();
        self.inner.keys.forget();
    }

    /// Forgets whenever something was erased, by whatever process, until it is dropped.
    pub async fn forget_what_is_erased(self) {
        let mut wakeups = self.inner.settings.bell.subscribe();
        loop {
            match wakeups.recv().await {
                Ok(Wakeup::Erased { .. } | Wakeup::Lost) | Err(RecvError::Lagged(_)) => self.forget(),
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Takes no more appends, and returns when those that are waiting are answered.
    pub async fn close(&self) {
        self.inner.writers.close().await;
        self.inner.connections.release();
    }
}

impl Inner {
    /// Tells who wants to know of it that a group is at this step.
    async fn reached(&self, step: Step, workspace: WorkspaceId) {
        if let Some(seam) = &self.settings.seam {
            seam.reached(step, workspace).await;
        }
    }

    /// Wakes who waits for what a group has appended.
    fn tell_readers(&self, workspace: WorkspaceId, group: &[Prepared], answers: &[Answer]) {
        let appended = answers.iter().flatten().flatten().map(|event| event.position).max();
        let appended = appended.map(|position| Wakeup::Appended { workspace, position });
        let accepted = group.iter().zip(answers).filter(|(_, answer)| answer.is_ok());
        let riders = accepted.flat_map(|(prepared, _)| &prepared.append.riders);
        let sends = riders.filter_map(|rider| match rider {
            Rider::Send { instance, .. } => Some(Wakeup::SendQueued { instance: *instance }),
            Rider::SendDone { message } => Some(Wakeup::SendDone { message: *message }),
            Rider::Fence { .. } | Rider::Command { .. } => None,
        });
        let sends: BTreeSet<Wakeup> = sends.collect();
        self.settings.bell.ring(appended.into_iter().chain(sends));
    }
}

#[async_trait]
impl EventLog for PgEventLog {
    async fn load(&self, workspace: WorkspaceId, stream: StreamId) -> Result<Loaded, LogError> {
        let Inner { pool, keys, cache, .. } = &*self.inner;
        if let Some(Cached { state, version, .. }) = cache.get(workspace, stream) {
            return Ok(Loaded { state, version, cached: true });
        }
        let mut connection = pool.acquire().await.map_err(log_error)?;
        let events = reader::stream(&mut connection, keys, workspace, stream).await?;
        drop(connection);
        let (mut state, mut version) = (State::initial(stream), 0);
        for event in events {
            let event = event.recorded()?;
            version = event.version;
            state.apply(event.event);
        }
        // A stream that nobody has written yet is not worth a place.
        if version > 0 {
            cache.offer(workspace, stream, Cached::new(state.clone(), version));
        }
        Ok(Loaded { state, version, cached: false })
    }

    async fn append(&self, append: Append) -> Result<Vec<RecordedEvent>, AppendError> {
        let Inner { ids, claims, keys, .. } = &*self.inner;
        let prepared = Prepared::new(append, &**ids, claims, keys)?;
        let answered = Writers::enqueue(&self.inner, prepared)?;
        let gone = |_| LogError::from(Failure::unavailable("the writer ended before it answered"));
        answered.await.map_err(gone)?
    }

    async fn are_current(
        &self,
        workspace: WorkspaceId,
        versions: &[(StreamId, u64)],
    ) -> Result<bool, LogError> {
        let mut connection = self.inner.pool.acquire().await.map_err(log_error)?;
        let streams: Vec<_> = versions.iter().map(|(stream, _)| *stream).collect();
        let found = facts::stream_versions(&mut connection, workspace, &streams).await?;
        let mut current = true;
        for (stream, version) in versions {
            let found = found.get(stream).copied().unwrap_or(0);
            self.inner.cache.evict_older(workspace, *stream, found);
            current &= found == *version;
        }
        Ok(current)
    }

    async fn holder(&self, workspace: WorkspaceId, claim: &Claim) -> Result<Option<StreamId>, LogError> {
        let (kind, hash) = prepared::key_of(&self.inner.claims, workspace, claim);
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT owner_type, owner_id FROM claims WHERE workspace_id = $1 AND kind = $2 AND value_hash = $3",
        )
        .bind(workspace.uuid())
        .bind(kind.name())
        .bind(hash.as_slice())
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(log_error)?;
        let owner = row.map(|(owner_type, owner_id)| {
            StreamId::parse(&owner_type, &owner_id).ok_or_else(|| {
                LogError::Corrupt(format!("a {owner_type} this build does not know holds a claim"))
            })
        });
        let owner = owner.transpose()?;
        self.inner.cache.remember_holder(workspace, (kind, hash), owner);
        Ok(owner)
    }

    fn remembered_holder(&self, workspace: WorkspaceId, claim: &Claim) -> Option<StreamId> {
        self.inner.cache.holder(workspace, prepared::key_of(&self.inner.claims, workspace, claim))
    }

    async fn latest(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let Inner { pool, keys, .. } = &*self.inner;
        let mut connection = pool.acquire().await.map_err(log_error)?;
        let events = reader::latest(&mut connection, keys, workspace, stream, (before, limit)).await?;
        Ok(events.into_iter().map(reader::Opened::recorded).collect::<Result<_, _>>()?)
    }

    async fn history(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let Inner { pool, keys, .. } = &*self.inner;
        let mut connection = pool.acquire().await.map_err(log_error)?;
        let events = reader::history(&mut connection, keys, workspace, stream, (after, until), limit).await?;
        Ok(events.into_iter().map(reader::Opened::recorded).collect::<Result<_, _>>()?)
    }

    async fn head(&self, workspace: WorkspaceId) -> Result<u64, LogError> {
        let head: Option<i64> = sqlx::query_scalar("SELECT position FROM heads WHERE workspace_id = $1")
            .bind(workspace.uuid())
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(log_error)?;
        Ok(head.unwrap_or_default().unsigned_abs())
    }

    async fn erasures(&self, workspace: WorkspaceId) -> Result<u64, LogError> {
        let count: Option<i64> = sqlx::query_scalar("SELECT erasures FROM heads WHERE workspace_id = $1")
            .bind(workspace.uuid())
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(log_error)?;
        let count = count.unwrap_or_default().unsigned_abs();
        self.note_erasures(workspace, count);
        Ok(count)
    }

    fn note_erasures(&self, workspace: WorkspaceId, erasures: u64) {
        if self.inner.keys.hears_of(workspace, erasures) {
            self.forget();
        }
    }

    async fn beginnings(
        &self,
        workspace: WorkspaceId,
        streams: &[StreamId],
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let Inner { pool, keys, .. } = &*self.inner;
        let mut connection = pool.acquire().await.map_err(log_error)?;
        let events = reader::beginnings(&mut connection, keys, workspace, streams).await?;
        Ok(events.into_iter().map(reader::Opened::recorded).collect::<Result<_, _>>()?)
    }

    async fn causes(
        &self,
        workspace: WorkspaceId,
        streams: &[StreamId],
        origin: Origin,
    ) -> Result<HashMap<StreamId, Cause>, LogError> {
        let mut connection = self.inner.pool.acquire().await.map_err(log_error)?;
        Ok(circumstances::causes(&mut connection, workspace, streams, origin).await?)
    }

    async fn read(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let mut connection = self.inner.pool.acquire().await.map_err(log_error)?;
        let events = reader::after(&mut connection, &self.inner.keys, workspace, after, limit).await?;
        Ok(events.into_iter().map(reader::Opened::recorded).collect::<Result<_, _>>()?)
    }
}
