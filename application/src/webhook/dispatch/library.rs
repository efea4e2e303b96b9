//! What was read of the logs, shared by the endpoints of this process: a hundred of them that stand at a log's end read
//! an event once, and what was known of a channel is not read again for each of its messages.
//!
//! Nothing here outlives an erasure: whoever learns of one says so ([`Library::note_erasures`]), before it makes a body,
//! and what was being read meanwhile is not kept. All of it is bounded in bytes, however large events are and however
//! long streams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interflow_domain::WorkspaceId;
use tokio::time::Instant;

use super::history::{History, weight};
use super::recent::Recent;
use crate::log::{Event, EventLog, LogError, RecordedEvent, StreamId};
use crate::webhook::materials::Subject;
use crate::webhook::{Materials, Placement, catalogue, evolution::EvolutionType};

/// How many events are read at a time.
pub(super) const PAGE: u64 = 256;
/// How many of a stream are read at a time.
const PIECE: u32 = 256;
/// Of what was read so many bytes are kept, about.
const PAGES: usize = 32 << 20;
const HISTORIES: usize = 32 << 20;
const PLACEMENTS: usize = 20_000;

/// An event of the log, and where it belongs if anybody may be told of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) recorded: RecordedEvent,
    pub(super) placement: Option<Placement>,
}

/// The events of a page that there are, from its first.
#[derive(Clone)]
struct Page {
    entries: Arc<Vec<Arc<Entry>>>,
    weight: usize,
    read_at: Instant,
}

/// When something is to be known, and what of the workspace was erased before it was asked for.
#[derive(Clone, Copy)]
struct Moment {
    workspace: WorkspaceId,
    position: u64,
    /// Up to where what is read may be of use.
    known: u64,
    erasures: Option<u64>,
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
        let known = shelves.erasures.get(&workspace).copied();
        if known.is_none_or(|known| known < erasures) {
            // What the log remembers first: else what is read next would be as old.
            self.log.note_erasures(workspace, erasures);
            shelves.erasures.insert(workspace, erasures);
            shelves.pages.clear();
            shelves.histories.clear();
        }
    }

    /// The same, for whoever has not learned of it: it is asked for.
    pub(super) async fn ask_for_erasures(&self, workspace: WorkspaceId) -> Result<(), LogError> {
        let erasures = self.log.erasures(workspace).await?;
        self.note_erasures(workspace, erasures);
        Ok(())
    }

    /// Events after a position, in order and without a gap; none at the log's end.
    pub(super) async fn after(
        &self,
        workspace: WorkspaceId,
        position: u64,
    ) -> Result<Vec<Arc<Entry>>, LogError> {
        let known = |page: &Page| {
            let entries = page.entries.get(within(position)..);
            entries.filter(|entries| !entries.is_empty()).map(<[_]>::to_vec)
        };
        Ok(self.page(workspace, position, known).await?.unwrap_or_default())
    }

    /// What is known of the page that holds the event after a position, once that event is in it; nothing at the log's
    /// end.
    async fn page<T>(
        &self,
        workspace: WorkspaceId,
        position: u64,
        known: impl Fn(&Page) -> Option<T>,
    ) -> Result<Option<T>, LogError> {
        let asked = Instant::now();
        let number = position / PAGE;
        let shelved = self.shelves().pages.get((workspace, number));
        if let Some(found) = shelved.as_ref().and_then(&known) {
            return Ok(Some(found));
        }
        let reader = self.reader(workspace);
        let _one_at_a_time = reader.lock().await;
        let (shelved, erasures) = {
            let mut shelves = self.shelves();
            (shelves.pages.get((workspace, number)), shelves.erasures.get(&workspace).copied())
        };
        if let Some(page) = &shelved {
            // What was read while this waited is as new as what would be read now.
            if page.read_at > asked || known(page).is_some() {
                return Ok(known(page));
            }
        }
        let read_at = Instant::now();
        let (entries, mut weight) = shelved.map(|page| (page.entries, page.weight)).unwrap_or_default();
        let mut entries = Vec::clone(&entries);
        let have = entries.len() as u64;
        let rest = u32::try_from(PAGE.saturating_sub(have)).unwrap_or_default();
        let events = self.log.read(workspace, number * PAGE + have, rest).await?;
        weight += events.iter().map(self::weight).sum::<usize>();
        entries.extend(self.placed(workspace, events).await?);
        let page = Page { entries: Arc::new(entries), weight, read_at };
        let found = known(&page);
        let mut shelves = self.shelves();
        if shelves.erasures.get(&workspace).copied() == erasures {
            shelves.pages.put((workspace, number), page, weight);
        }
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
        // Before anything is looked at, so that nothing is kept of which something was erased meanwhile.
        let erasures = self.shelves().erasures.get(&workspace).copied();
        let before = position.saturating_sub(1);
        let entry = self.page(workspace, before, |page| page.entries.get(within(before)).cloned()).await?;
        let Some(Entry { recorded, placement: Some(placement) }) = entry.as_deref() else { return Ok(None) };
        let moment = Moment { workspace, position, known: known.max(position), erasures };
        let own = self.subject(moment, recorded.stream, Some(recorded)).await?;
        let (mut channel, mut customer) = (None, None);
        if let Some(id) = placement.instance.map(StreamId::Instance).filter(|id| *id != recorded.stream) {
            channel = self.subject(moment, id, None).await?;
        }
        if let Some(id) = placement.customer.map(StreamId::Customer).filter(|id| *id != recorded.stream) {
            customer = self.subject(moment, id, None).await?;
        }
        Ok(Materials::of(recorded.clone(), own, channel, customer))
    }

    /// What a stream amounted to then. Its own event of that moment, where there is one, saves reading: of a stream whose
    /// events are told one after the other nothing is read.
    async fn subject(
        &self,
        moment: Moment,
        stream: StreamId,
        event: Option<&RecordedEvent>,
    ) -> Result<Option<Subject>, LogError> {
        let Moment { workspace, position, known, erasures } = moment;
        let key = (workspace, stream);
        let shelved = || self.shelves().histories.get(key);
        if let Some(found) = shelved().and_then(|history| history.at(position)) {
            return Ok(found);
        }
        let reader = self.reader(workspace);
        let _one_at_a_time = reader.lock().await;
        // Of one that has left the position behind nothing is of use.
        let mut history = match shelved() {
            Some(history) if history.reaches_back_to(position) => History::clone(&history),
            _ => History::default(),
        };
        let found = loop {
            if let Some(found) = history.at(position) {
                break found;
            }
            if let Some(next) = event.filter(|event| event.version == history.version() + 1) {
                history.extend(vec![next.clone()], position, position);
                continue;
            }
            // Ahead of an event of its own nothing is read: the next will come by itself.
            let until = if event.is_some() { position } else { known };
            let more = self.log.history(workspace, stream, history.version(), until, PIECE).await?;
            let until = more.get(PIECE as usize - 1).map_or(until, |last| last.position);
            history.extend(more, until, position);
        };
        let weight = history.weight();
        let mut shelves = self.shelves();
        if shelves.erasures.get(&workspace).copied() == erasures {
            shelves.histories.put(key, Arc::new(history), weight);
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
                    shelves.placements.put(key, Placement::of(event.stream, &event.event), 1);
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
            shelves.placements.put((workspace, *stream), *placement, 1);
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

/// The place of the event after a position in its page.
fn within(position: u64) -> usize {
    usize::try_from(position % PAGE).unwrap_or(usize::MAX)
}

const fn needs_its_beginning(stream: StreamId) -> bool {
    matches!(stream, StreamId::Message(_) | StreamId::Chat(_))
}

fn is_told(event: &Event) -> bool {
    catalogue::public_type(event).is_some() || EvolutionType::of(event).is_some()
}
