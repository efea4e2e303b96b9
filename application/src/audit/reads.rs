//! Who has seen what: reading is no event, and is noted all the same.
//!
//! What is seen is gathered in memory, one entry for a caller, a resource and a minute, however often; what changed is
//! written down every [`ReadAudit::INTERVAL`], beside the requests and not in them. A process that is killed forgets what it
//! gathered since, a second's worth at most; one that stops writes it down first. Memory is bounded: when there are too many
//! entries in a minute, what more is seen of a kind of resource is counted without saying which of it.
//!
//! Each process writes its own counts, and writes them whole: so it is no harm when one is written twice, because nobody
//! knows whether it was written. Servers that share a database have a row each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use interflow_domain::WorkspaceId;
use uuid::Uuid;

use super::Stretch;
use crate::log::LogError;
use crate::read::TimeRange;

/// Something that somebody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who, as events name actors.
    pub actor: String,
    /// A kind of resource, or a list.
    pub resource: String,
    /// Which of it; nothing for a list that belongs to nothing.
    pub id: Option<String>,
    /// How many entries of a list were shown.
    pub items: u64,
    /// From where.
    pub client: Option<IpAddr>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What somebody saw of something in a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEntry {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The minute.
    pub minute: DateTime<Utc>,
    /// Who, as events name actors.
    pub actor: String,
    /// A kind of resource, or a list.
    pub resource: String,
    /// Which of it; empty for a list that belongs to nothing, [`ReadAudit::MANY`] for more than were told apart.
    pub id: String,
    /// How often.
    pub reads: u64,
    /// How many entries of lists were shown.
    pub items: u64,
    /// When first in this minute.
    pub first_at: DateTime<Utc>,
    /// When last in this minute.
    pub last_at: DateTime<Utc>,
    /// From where, the first [`ReadAudit::ADDRESSES`].
    pub clients: Vec<IpAddr>,
}

/// An entry, and its place among all: in the order of minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFound {
    /// Its place.
    pub place: u64,
    /// The entry.
    pub entry: ReadEntry,
}

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadFilter {
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this kind of resource or list.
    pub resource: Option<String>,
    /// Of this of it.
    pub id: Option<String>,
    /// Of minutes that lie in this time, at least in part.
    pub seen: TimeRange,
}

/// Part of the entries that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadsFound {
    /// The entries, in the order of the stretch.
    pub entries: Vec<ReadFound>,
    /// The place behind which there may be more of them.
    pub more_from: Option<u64>,
}

/// Keeps who has seen what.
#[async_trait]
pub trait ReadStore: Send + Sync {
    /// Writes entries down, in place of what this writer wrote of the same minute, actor and resource before.
    async fn note(&self, writer: Uuid, entries: &[ReadEntry]) -> Result<(), LogError>;

    /// Part of what a filter lets through.
    async fn reads(
        &self,
        workspace: WorkspaceId,
        filter: &ReadFilter,
        stretch: Stretch,
    ) -> Result<ReadsFound, LogError>;

    /// Forgets what was seen before this time, at most so many entries; says how many.
    async fn forget(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, LogError>;
}

/// What was gathered, and where it is written down. Cheap to clone.
#[derive(Clone)]
pub struct ReadAudit(Arc<Inner>);

struct Inner {
    store: Arc<dyn ReadStore>,
    writer: Uuid,
    gathered: Mutex<Gathered>,
    /// Held while something is written down: what was written later is never overwritten by what was earlier.
    writing: tokio::sync::Mutex<()>,
    enabled: bool,
}

#[derive(Default)]
struct Gathered {
    entries: HashMap<Key, Counted>,
    /// The last minute that was seen. A clock that is set back does not open one again that was written down.
    latest: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    workspace: WorkspaceId,
    minute: DateTime<Utc>,
    actor: String,
    resource: String,
    id: String,
}

struct Counted {
    reads: u64,
    items: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    clients: Vec<IpAddr>,
    /// Whether it changed since it was written down.
    changed: bool,
}

impl ReadAudit {
    /// How often what changed is written down.
    pub const INTERVAL: Duration = Duration::from_millis(400);
    /// Stands for more resources of a kind than were told apart.
    pub const MANY: &'static str = "*";
    /// Most addresses of an entry.
    pub const ADDRESSES: usize = 8;
    /// Most entries that are told apart at a time.
    const ENTRIES: usize = 20_000;
    /// Most entries that are written down at a time.
    const AT_ONCE: usize = 1_000;

    /// Nothing yet, to be written down there by this writer, whose name no other ever has.
    #[must_use]
    pub fn new(store: Arc<dyn ReadStore>, writer: Uuid, enabled: bool) -> Self {
        let (gathered, writing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { store, writer, gathered, writing, enabled }))
    }

    /// Somebody saw something. Waits for nothing.
    pub fn saw(&self, seen: Seen) {
        if self.0.enabled {
            self.gathered().add(seen);
        }
    }

    /// Somebody is about to see something that must not be shown unnoted: returns once it is written down.
    pub async fn saw_for_certain(&self, seen: Seen) -> Result<(), LogError> {
        self.gathered().add(seen);
        self.flush().await
    }

    /// Writes down what changed. What cannot be written stays for the next time.
    pub async fn flush(&self) -> Result<(), LogError> {
        let _one_at_a_time = self.0.writing.lock().await;
        let changed = self.gathered().take_changed();
        for entries in changed.chunks(Self::AT_ONCE) {
            let noted = self.0.store.note(self.0.writer, entries).await;
            if noted.is_err() {
                self.gathered().put_back(&changed);
                return noted;
            }
        }
        self.gathered().let_go();
        Ok(())
    }

    /// Where it is written down.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ReadStore> {
        &self.0.store
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    fn add(&mut self, seen: Seen) {
        let Seen { workspace, actor, resource, id, items, client, at } = seen;
        let latest = self.latest.max(Some(minute_of(at)));
        self.latest = latest;
        let minute = latest.unwrap_or(at);
        let mut key = Key { workspace, minute, actor, resource, id: id.unwrap_or_default() };
        if self.entries.len() >= ReadAudit::ENTRIES && !self.entries.contains_key(&key) {
            ReadAudit::MANY.clone_into(&mut key.id);
        }
        let counted = self.entries.entry(key).or_insert_with(|| Counted {
            reads: 0,
            items: 0,
            first_at: at,
            last_at: at,
            clients: vec![],
            changed: true,
        });
        counted.reads += 1;
        counted.items += items;
        counted.last_at = counted.last_at.max(at);
        counted.changed = true;
        if let Some(client) = client
            && counted.clients.len() < ReadAudit::ADDRESSES
            && !counted.clients.contains(&client)
        {
            counted.clients.push(client);
        }
    }

    fn take_changed(&mut self) -> Vec<ReadEntry> {
        let changed = self.entries.iter_mut().filter(|(_, counted)| counted.changed);
        changed
            .map(|(key, counted)| {
                counted.changed = false;
                ReadEntry {
                    workspace: key.workspace,
                    minute: key.minute,
                    actor: key.actor.clone(),
                    resource: key.resource.clone(),
                    id: key.id.clone(),
                    reads: counted.reads,
                    items: counted.items,
                    first_at: counted.first_at,
                    last_at: counted.last_at,
                    clients: counted.clients.clone(),
                }
            })
            .collect()
    }

    /// These are to be written down once more.
    fn put_back(&mut self, entries: &[ReadEntry]) {
        for entry in entries {
            let key = Key {
                workspace: entry.workspace,
                minute: entry.minute,
                actor: entry.actor.clone(),
                resource: entry.resource.clone(),
                id: entry.id.clone(),
            };
            if let Some(counted) = self.entries.get_mut(&key) {
                counted.changed = true;
            }
        }
    }

    /// Lets go of what was written down and will not change any more.
    fn let_go(&mut self) {
        let latest = self.latest;
        self.entries.retain(|key, counted| counted.changed || Some(key.minute) >= latest);
    }
}

fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    // Times that cannot be rounded are centuries away.
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

#[cfg(test)]
#[path = "reads_tests.rs"]
mod tests;
