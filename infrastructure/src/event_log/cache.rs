//! The states of streams that were used last, bounded in bytes.
//!
//! An entry may be older than the log, when another process has appended: the version check of an append finds that,
//! and the entry leaves. It is never newer than the log, because only committed appends are followed.

use std::io;
use std::sync::Arc;

use interflow_application::log::{AppendError, State, StreamAppend, StreamId};
use interflow_domain::WorkspaceId;
use moka::ops::compute::Op;
use moka::sync::Cache;
use serde::Serialize;

use super::Settings;
use super::group::Answer;
use super::prepared::{ClaimKey, Prepared};

/// What an entry costs besides its state: key, version, the cache's own links.
const OVERHEAD: usize = 300;

/// And what a claim's holder does.
const HOLDER: u32 = 200;

type Key = (WorkspaceId, StreamId);

/// A state and the number of events it was folded from.
#[derive(Debug, Clone)]
pub(super) struct Cached {
    pub(super) state: State,
    pub(super) version: u64,
    bytes: u32,
}

impl Cached {
    pub(super) fn new(state: State, version: u64) -> Self {
        let bytes = u32::try_from(OVERHEAD + size(&state)).unwrap_or(u32::MAX);
        Self { state, version, bytes }
    }
}

/// The states of streams, and the holders of claims, that were used last.
///
/// A holder may have let go of its claim since, in this process or another: an append that rests on one says so, and
/// is found out. That nobody holds a claim is not remembered.
pub(super) struct StateCache {
    states: Cache<Key, Cached>,
    holders: Cache<(WorkspaceId, ClaimKey), StreamId>,
}

impl StateCache {
    pub(super) fn new(settings: &Settings) -> Self {
        // A quarter of the memory is for holders.
        let of_holders = settings.cache_bytes / 4;
        let states = Cache::builder()
            .max_capacity(settings.cache_bytes - of_holders)
            .weigher(|_, cached: &Cached| cached.bytes)
            .time_to_live(settings.cache_time)
            .build();
        let holders = Cache::builder()
            .max_capacity(of_holders)
            .weigher(|_, _| HOLDER)
            .time_to_live(settings.cache_time)
            .build();
        Self { states, holders }
    }

    pub(super) fn holder(&self, workspace: WorkspaceId, claim: ClaimKey) -> Option<StreamId> {
        self.holders.get(&(workspace, claim))
    }

    /// Remembers what the log says of a claim.
    pub(super) fn remember_holder(&self, workspace: WorkspaceId, claim: ClaimKey, holder: Option<StreamId>) {
        match holder {
            Some(holder) => self.holders.insert((workspace, claim), holder),
            None => self.holders.invalidate(&(workspace, claim)),
        }
    }

    pub(super) fn get(&self, workspace: WorkspaceId, stream: StreamId) -> Option<Cached> {
        self.states.get(&(workspace, stream))
    }

    /// Puts a state in, unless there is a newer one.
    pub(super) fn offer(&self, workspace: WorkspaceId, stream: StreamId, offered: Cached) {
        self.states.entry((workspace, stream)).and_compute_with(|present| match present {
            Some(present) if present.value().version >= offered.version => Op::Nop,
            _ => Op::Put(offered),
        });
    }

    /// Takes a state out that is older than this version.
    pub(super) fn evict_older(&self, workspace: WorkspaceId, stream: StreamId, version: u64) {
        self.states.entry((workspace, stream)).and_compute_with(|present| match present {
            Some(present) if present.value().version < version => Op::Remove,
            _ => Op::Nop,
        });
    }

    /// Follows a committed group: what was appended moves the states on, and what made an append lose leaves.
    pub(super) fn follow(&self, workspace: WorkspaceId, group: &[Prepared], answers: &[Answer]) {
        for (one, answer) in group.iter().zip(answers) {
            match answer {
                Ok(_) => {
                    for part in one.append.streams.iter().filter(|part| !part.events.is_empty()) {
                        self.advance(workspace, part);
                    }
                    for (claim, _) in &one.releases {
                        self.remember_holder(workspace, *claim, None);
                    }
                    for (claim, owner) in &one.takes {
                        self.remember_holder(workspace, *claim, Some(*owner));
                    }
                }
                // It may have been an older state, or a claim that was held.
                Err(AppendError::Conflict) => {
                    for part in &one.append.streams {
                        self.evict_older(workspace, part.stream, part.expected + 1);
                    }
                    self.forget_holders(workspace, one);
                }
                Err(_) => {}
            }
        }
    }

    fn advance(&self, workspace: WorkspaceId, part: &StreamAppend) {
        let version = part.expected + part.events.len() as u64;
        let base = match self.get(workspace, part.stream) {
            Some(cached) if cached.version == part.expected => Some(cached.state),
            _ if part.expected == 0 => Some(State::initial(part.stream)),
            _ => None,
        };
        match base {
            Some(mut state) => {
                for event in &part.events {
                    state.apply(event.clone());
                }
                self.offer(workspace, part.stream, Cached::new(state, version));
            }
            None => self.evict_older(workspace, part.stream, version),
        }
    }

    /// Takes out everything.
    pub(super) fn clear(&self) {
        self.states.invalidate_all();
        self.holders.invalidate_all();
    }

    /// Takes out every stream a group names.
    pub(super) fn forget(&self, workspace: WorkspaceId, group: &[Prepared]) {
        for part in group.iter().flat_map(|one| &one.append.streams) {
            self.states.invalidate(&(workspace, part.stream));
        }
        for one in group {
            self.forget_holders(workspace, one);
        }
    }

    fn forget_holders(&self, workspace: WorkspaceId, one: &Prepared) {
        for (claim, _) in one.holds.iter().chain(&one.releases).chain(&one.takes) {
            self.remember_holder(workspace, *claim, None);
        }
    }
}

/// About as many bytes as the state takes: its JSON, which is no shorter than what it is made of, counted and not
/// kept.
fn size(state: &State) -> usize {
    fn count(state: &Arc<impl Serialize>) -> usize {
        let mut counter = Counter(0);
        // Nothing here fails to write; and a state that is no JSON would be counted as far as it is one.
        drop(serde_json::to_writer(&mut counter, &**state));
        counter.0
    }
    match state {
        State::Workspace(state) => count(state),
        State::Instance(state) => count(state),
        State::Customer(state) => count(state),
        State::Chat(state) => count(state),
        State::Message(state) => count(state),
        State::Job(state) => count(state),
        State::Webhook(state) => count(state),
        State::Checkpoint(state) => count(state),
    }
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
