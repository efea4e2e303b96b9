//! A decision in the making: what was read, at which version, and what is to be appended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::{Append, ClaimChange, Event, Loaded, Rider, State, StreamAppend, StreamId, Streamed};
use crate::metadata::{CausedBy, Origin};
use crate::{Claim, Context, Core, Error, ResourceRef};

/// What was read, at which version, and what is to be appended.
pub struct Decision<'a> {
    core: &'a Core,
    context: &'a Context,
    attempt: u32,
    streams: BTreeMap<StreamId, Touched>,
    claims: Vec<ClaimChange>,
    riders: Vec<Rider>,
    holders: Mutex<Vec<Relied>>,
    causes: HashMap<StreamId, CausedBy>,
}

/// A claim's holder that the decision rests on.
#[derive(Clone)]
struct Relied {
    claim: Claim,
    owner: StreamId,
    cached: bool,
}

struct Touched {
    loaded: Loaded,
    events: Vec<Event>,
}

/// What a decision was made on that may be older than the log.
#[derive(Default)]
pub(crate) struct FromCache {
    pub(crate) versions: Vec<(StreamId, u64)>,
    pub(crate) holders: Vec<(Claim, StreamId)>,
}

impl<'a> Decision<'a> {
    pub(crate) fn new(core: &'a Core, context: &'a Context, attempt: u32) -> Self {
        Self {
            core,
            context,
            attempt,
            streams: BTreeMap::new(),
            claims: vec![],
            riders: vec![],
            holders: Mutex::default(),
            causes: HashMap::new(),
        }
    }

    /// The ports.
    #[must_use]
    pub const fn core(&self) -> &'a Core {
        self.core
    }

    /// Who asks, for which workspace.
    #[must_use]
    pub const fn context(&self) -> &'a Context {
        self.context
    }

    /// Whether another command was there first, so that this decides again.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.attempt > 0
    }

    /// The state of a stream, with what was decided so far.
    pub async fn load<A: Streamed>(&mut self, stream: StreamId) -> Result<Arc<A>, Error> {
        let touched = self.touch(stream).await?;
        A::of(&touched.loaded.state).cloned().ok_or_else(|| wrong_kind(stream))
    }

    /// Lets a stream decide on a command, and adds what it decided. Says whether anything changes.
    pub async fn execute<A: Streamed>(
        &mut self,
        stream: StreamId,
        command: A::Command,
    ) -> Result<bool, Error> {
        let state = self.load::<A>(stream).await?;
        let events = state.decide(command).map_err(Into::into)?;
        drop(state);
        let changed = !events.is_empty();
        let touched = self.touch(stream).await?;
        for event in events {
            let event: Event = event.into();
            touched.loaded.state.apply(event.clone());
            touched.events.push(event);
        }
        Ok(changed)
    }

    /// Lets a stream that begins with this command decide on it. Its id is new, so nothing is read; should there be
    /// such a stream nevertheless, the append finds out.
    pub async fn begin<A: Streamed>(&mut self, stream: StreamId, command: A::Command) -> Result<bool, Error> {
        let loaded = Loaded { state: State::initial(stream), version: 0, cached: false };
        self.streams.entry(stream).or_insert(Touched { loaded, events: vec![] });
        self.execute::<A>(stream, command).await
    }

    /// Demands the version a caller saw. A difference is the caller's staleness at first sight, and a lost race after.
    pub async fn expect_version(&mut self, stream: StreamId, version: Option<u64>) -> Result<(), Error> {
        let Some(version) = version else { return Ok(()) };
        let attempt = self.attempt;
        let current = self.touch(stream).await?.loaded.version;
        match (current == version, attempt) {
            (true, _) => Ok(()),
            (false, 0) => Err(Error::PreconditionFailed { current }),
            (false, _) => Err(Error::Conflict(
                "the resource was changed by another request at the same time".to_owned(),
            )),
        }
    }

    /// The stream that holds a claim, also one taken in this decision.
    pub async fn holder(&self, claim: &Claim) -> Result<Option<StreamId>, Error> {
        let decided = self.claims.iter().rev().find_map(|change| match change {
            ClaimChange::Take { claim: taken, owner } if taken == claim => Some(Some(*owner)),
            ClaimChange::Release { claim: released, .. } if released == claim => Some(None),
            _ => None,
        });
        match decided {
            Some(holder) => Ok(holder),
            None => {
                let (log, workspace) = (&self.core.log, self.context.workspace);
                let (owner, cached) = match log.remembered_holder(workspace, claim) {
                    Some(owner) => (Some(owner), true),
                    None => (log.holder(workspace, claim).await?, false),
                };
                if let Some(owner) = owner {
                    self.relied().push(Relied { claim: claim.clone(), owner, cached });
                }
                Ok(owner)
            }
        }
    }

    fn relied(&self) -> MutexGuard<'_, Vec<Relied>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a claim for a stream.
    pub fn take(&mut self, claim: Claim, owner: StreamId) {
        self.claims.push(ClaimChange::Take { claim, owner });
    }

    /// Releases a claim a stream holds.
    pub fn release(&mut self, claim: Claim, owner: StreamId) {
        self.claims.push(ClaimChange::Release { claim, owner });
    }

    /// Makes something else durable with the events.
    pub fn ride(&mut self, rider: Rider) {
        self.riders.push(rider);
    }

    /// Says that what a stream records here follows from the first event of another one here. What was said of it before
    /// stays.
    pub fn caused_within(&mut self, stream: StreamId, cause: StreamId) {
        self.causes.entry(stream).or_insert(CausedBy::Within(cause));
    }

    /// Says that what streams record here follows from events they have. When somebody asked for it, it follows from
    /// that instead.
    pub async fn follows_from(&mut self, streams: &[StreamId], origin: Origin) -> Result<(), Error> {
        if streams.is_empty() || self.context.actor.is_caller() {
            return Ok(());
        }
        let causes = self.core.log.causes(self.context.workspace, streams, origin).await?;
        for (stream, cause) in causes {
            self.causes.entry(stream).or_insert(CausedBy::Event(cause));
        }
        Ok(())
    }

    /// Says that what streams record here follows from the first event of another one, whoever asked.
    pub async fn belongs_to(&mut self, streams: &[StreamId], whole: StreamId) -> Result<(), Error> {
        if streams.is_empty() {
            return Ok(());
        }
        let log = &self.core.log;
        let cause = log.causes(self.context.workspace, &[whole], Origin::First).await?.remove(&whole);
        if let Some(cause) = cause {
            self.causes.extend(streams.iter().map(|stream| (*stream, CausedBy::Event(cause.clone()))));
        }
        Ok(())
    }

    /// Says what the command makes or changes, so that a repetition finds it.
    pub fn answers_with(&mut self, resource: ResourceRef) {
        if let Some(command) = &self.context.command {
            self.riders.push(Rider::Command { command: command.clone(), resource });
        }
    }

    async fn touch(&mut self, stream: StreamId) -> Result<&mut Touched, Error> {
        if !self.streams.contains_key(&stream) {
            let loaded = self.core.log.load(self.context.workspace, stream).await?;
            self.streams.insert(stream, Touched { loaded, events: vec![] });
        }
        self.streams.get_mut(&stream).ok_or_else(|| wrong_kind(stream))
    }

    /// What is to be appended, if anything, and what of it came from a cache.
    pub(crate) fn finish(mut self) -> (Option<Append>, FromCache) {
        let mut causes = std::mem::take(&mut self.causes);
        let relied = std::mem::take(&mut *self.relied());
        let from_cache = self
            .streams
            .iter()
            .filter(|(_, touched)| touched.loaded.cached)
            .map(|(id, t)| (*id, t.loaded.version));
        let cached_holders = relied.iter().filter(|relied| relied.cached);
        let from_cache = FromCache {
            versions: from_cache.collect(),
            holders: cached_holders.map(|relied| (relied.claim.clone(), relied.owner)).collect(),
        };
        // Streams that were only read take part with no event, so that what was decided from them still holds.
        let streams: Vec<_> = self
            .streams
            .into_iter()
            .map(|(stream, touched)| StreamAppend {
                stream,
                expected: touched.loaded.version,
                events: touched.events,
                cause: causes.remove(&stream),
            })
            .collect();
        let changes = streams.iter().any(|stream| !stream.events.is_empty())
            || !self.claims.is_empty()
            || self.riders.iter().any(|rider| !matches!(rider, Rider::Fence { .. }));
        let append = changes.then(|| Append {
            context: self.context.clone(),
            recorded_at: self.core.clock.now(),
            streams,
            claims: relied
                .into_iter()
                .map(|Relied { claim, owner, .. }| ClaimChange::Held { claim, owner })
                .chain(self.claims)
                .collect(),
            riders: self.riders,
        });
        (append, from_cache)
    }
}

fn wrong_kind(stream: StreamId) -> Error {
    Error::Internal(format!("the log gave a state of another kind for {stream:?}"))
}
