//! What was read of the logs, shared by the endpoints of this process: a hundred of them that stand at a log's end read
//! an event once, and what was known of a channel is not read again for each of its messages.
//!
//! Nothing here outlives an erasure: whoever learns of one says so ([`Library::note_erasures`]), before it makes a body.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interflow_domain::WorkspaceId;
use tokio::time::Instant;

use super::recent::Recent;
use crate::log::{Event, EventLog, LogError, RecordedEvent, StreamId};
use crate::webhook::{Materials, Placement, catalogue, evolution::EvolutionType};

/// How many events are read at a time.
pub(super) const PAGE: u64 = 256;
const PAGES: usize = 64;
const PLACEMENTS: usize = 20_000;
const HISTORIES: usize = 4_000;
/// Longer ones are read anew each time.
const LONGEST_HISTORY: usize = 2_000;

/// An event of the log, and where it belongs if anybody may be told of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) recorded: RecordedEvent,
    pub(super) placement: Option<Placement>,
}

/// The events of a page that there are, from its first.
#[derive(Clone)]
struct Page {
    entries: Vec<Arc<Entry>>,
    read_at: Instant,
}

/// The first events of a stream.
struct History {
    events: Vec<RecordedEvent>,
    /// Up to which position of the log these are all there are.
    until: u64,
}

pub(super) struct Library {
    log: Arc<dyn EventLog>,
    shelves: Mutex<Shelves>,
}

struct Shelves {
    pages: Recent<(WorkspaceId, u64), Page>,
    placements: Recent<(WorkspaceId, StreamId), Placement>,
    histories: Recent<(WorkspaceId, StreamId), Arc<History>>,
    erasures: HashMap<WorkspaceId, u64>,
    readers: HashMap<WorkspaceId, Arc<tokio::sync::Mutex<()>>>,
}

impl Library {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        let shelves = Shelves {
            pages: Recent::new(PAGES),
            placements: Recent::new(PLACEMENTS),
            histories: Recent::new(HISTORIES),
            erasures: HashMap::new(),
            readers: HashMap::new(),
        };
        Self { log, shelves: Mutex::new(shelves) }
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was read when something was erased since.
    pub(super) fn note_erasures(&self, workspace: WorkspaceId, erasures: u64) {
        let mut shelves = self.shelves();
        if shelves.erasures.insert(workspace, erasures) != Some(erasures) {
            shelves.pages.clear();
            shelves.histories.clear();
        }
    }

    /// Events after a position, in order and without a gap; none at the log's end.
    pub(super) async fn after(
        &self,
        workspace: WorkspaceId,
        position: u64,
    ) -> Result<Vec<Arc<Entry>>, LogError> {
        let asked = Instant::now();
        let number = position / PAGE;
        let known = |page: &Page| {
            let entries = page.entries.get(usize::try_from(position % PAGE).unwrap_or(usize::MAX)..);
            entries.filter(|entries| !entries.is_empty()).map(<[_]>::to_vec)
        };
        let shelved = self.shelves().pages.get((workspace, number));
        if let Some(entries) = shelved.as_ref().and_then(known) {
            return Ok(entries);
        }
        let reader = self.reader(workspace);
        let _one_at_a_time = reader.lock().await;
        let shelved = self.shelves().pages.get((workspace, number));
        if let Some(page) = &shelved {
            // What was read while this waited is as new as what would be read now.
            if page.read_at > asked || known(page).is_some() {
                return Ok(known(page).unwrap_or_default());
            }
        }
        let read_at = Instant::now();
        let mut entries = shelved.map(|page| page.entries).unwrap_or_default();
        let have = entries.len() as u64;
        let rest = u32::try_from(PAGE.saturating_sub(have)).unwrap_or_default();
        let events = self.log.read(workspace, number * PAGE + have, rest).await?;
        entries.extend(self.placed(workspace, events).await?);
        let page = Page { entries, read_at };
        let found = known(&page).unwrap_or_default();
        self.shelves().pages.put((workspace, number), page);
        Ok(found)
    }

    /// What was known when the event at this position was recorded. `known` is a position that the log has reached.
    /// Nothing for an event that is told to nobody.
    pub(super) async fn materials(
        &self,
        workspace: WorkspaceId,
        position: u64,
        known: u64,
    ) -> Result<Option<Materials>, LogError> {
        let entries = self.after(workspace, position.saturating_sub(1)).await?;
        let Some(Entry { recorded, placement: Some(placement) }) = entries.first().map(|entry| &**entry)
        else {
            return Ok(None);
        };
        let known = known.max(position);
        let own = match recorded.version {
            1 => vec![recorded.clone()],
            _ => self.history(workspace, recorded.stream, position, known).await?,
        };
        let (mut channel, mut customer) = (vec![], vec![]);
        if let Some(id) = placement.instance.map(StreamId::Instance).filter(|id| *id != recorded.stream) {
            channel = self.history(workspace, id, position, known).await?;
        }
        if let Some(id) = placement.customer.map(StreamId::Customer).filter(|id| *id != recorded.stream) {
            customer = self.history(workspace, id, position, known).await?;
        }
        Ok(Materials::of(recorded.clone(), &own, &channel, &customer))
    }

    async fn history(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        position: u64,
        known: u64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let up_to = |history: &History| {
            let end = history.events.partition_point(|event| event.position <= position);
            history.events[..end].to_vec()
        };
        let find = || {
            let shelved = self.shelves().histories.get((workspace, stream));
            shelved.map(|history| (history.until >= position, history))
        };
        if let Some((true, history)) = find() {
            return Ok(up_to(&history));
        }
        let reader = self.reader(workspace);
        let _one_at_a_time = reader.lock().await;
        let mut events = match find() {
            Some((true, history)) => return Ok(up_to(&history)),
            Some((false, history)) => history.events.clone(),
            None => vec![],
        };
        let after = events.last().map_or(0, |event| event.version);
        events.extend(self.log.history(workspace, stream, after, known).await?);
        let history = History { events, until: known };
        let found = up_to(&history);
        if history.events.len() <= LONGEST_HISTORY {
            self.shelves().histories.put((workspace, stream), Arc::new(history));
        }
        Ok(found)
    }

    fn reader(&self, workspace: WorkspaceId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.shelves().readers.entry(workspace).or_default())
    }

    async fn placed(
        &self,
        workspace: WorkspaceId,
        events: Vec<RecordedEvent>,
    ) -> Result<Vec<Arc<Entry>>, LogError> {
        let mut unknown = vec![];
        {
            let mut shelves = self.shelves();
            for event in events.iter().filter(|event| is_told(&event.event)) {
                let key = (workspace, event.stream);
                if event.version == 1 || !needs_its_beginning(event.stream) {
                    shelves.placements.put(key, Placement::of(event.stream, &event.event));
                } else if shelves.placements.get(key).is_none() {
                    unknown.push(event.stream);
                }
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        let mut found = HashMap::new();
        if !unknown.is_empty() {
            for first in self.log.beginnings(workspace, &unknown).await? {
                found.insert(first.stream, Placement::of(first.stream, &first.event));
            }
        }
        let mut shelves = self.shelves();
        for (stream, placement) in &found {
            shelves.placements.put((workspace, *stream), *placement);
        }
        let entries = events.into_iter().map(|recorded| {
            let stream = recorded.stream;
            let placement = is_told(&recorded.event)
                .then(|| found.get(&stream).copied().or_else(|| shelves.placements.get((workspace, stream))))
                .flatten();
            Arc::new(Entry { recorded, placement })
        });
        Ok(entries.collect())
    }
}

const fn needs_its_beginning(stream: StreamId) -> bool {
    matches!(stream, StreamId::Message(_) | StreamId::Chat(_))
}

fn is_told(event: &Event) -> bool {
    catalogue::public_type(event).is_some() || EvolutionType::of(event).is_some()
}
