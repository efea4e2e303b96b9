//! From the first event to the last.

use std::collections::HashMap;

use interflow_application::proof::tile::{Edge, TileId, WIDTH};
use interflow_application::proof::{Hash, Leaf};
use interflow_domain::WorkspaceId;
use sqlx::{PgConnection, PgPool};

use super::diagnose::{Diagnosis, diagnose};
use super::judge::{Findings, to_hold};
use super::rows::{self, Said, Stored};
use super::{Against, FaultKind, Held, Verified, Watch};
use crate::event_log::Failure;
use crate::proof::seal::checkpoint_of;
use crate::proof::tree;

/// One moment of the log and of its tree, whatever is appended and sealed meanwhile. Nothing is sorted: where Postgres has no
/// statistics yet, it would rather read a whole log by another index and sort that, for each part.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off; SET LOCAL statement_timeout = '5min'; \
     SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off";

/// How many events are read at once.
const BATCH: u32 = 2048;
/// How many of the first faults are looked into, and how many events are looked at for it.
const CLOSELY: usize = 20;
const AROUND: u32 = 1024;

pub(super) async fn verify(
    pool: &PgPool,
    workspace: WorkspaceId,
    against: &Against,
    watch: Watch<'_>,
) -> Result<Verified, Failure> {
    let mut transaction = pool.begin_with(BEGIN).await?;
    let said = rows::said(&mut transaction, workspace).await?;
    let mut findings = Findings::default();
    let held = to_hold(&said, against, &mut findings);
    let checkpoints = held.len() as u64;
    let mut walk = Walk::new(workspace, &said, held, findings);
    loop {
        let batch = rows::events(&mut transaction, workspace, walk.last, BATCH).await?;
        let Some(last) = batch.last().map(|leaf| leaf.position) else { break };
        walk.take(&mut transaction, batch).await?;
        watch(last, said.head.max(last));
    }
    walk.end(&mut transaction).await?;
    transaction.rollback().await?;
    let Walk { mut findings, events, .. } = walk;
    if said.latest.is_none() && events > 0 {
        let what = format!("nothing of this log was ever sealed, and it has {events} events: start a server");
        findings.add(FaultKind::Unsealed, (1, events), what);
    }
    let latest = said.latest.as_deref().and_then(|note| checkpoint_of(note).ok());
    let (faults, more_faults) = findings.sorted();
    Ok(Verified {
        events,
        sealed: said.size,
        root: latest.map(|checkpoint| checkpoint.root.to_string()),
        origin: said.origin,
        checkpoints,
        faults,
        more_faults,
    })
}

/// How far it is. An event's *position* is where it stands; its *place* is where it stood when it was sealed, which is
/// another one once something was found to have been put in or taken out before it.
struct Walk {
    workspace: WorkspaceId,
    head: u64,
    sealed: u64,
    /// How long the log was for any checkpoint.
    reach: u64,
    /// The checkpoints that are still to come, the next one last.
    held: Vec<Held>,
    findings: Findings,
    stored: Stored,
    /// The tree as the events make it; none once they are not as many as they must be.
    of_events: Option<Edge>,
    /// The tree as the stored hashes make it; none once one is missing.
    of_hashes: Option<Edge>,
    last: u64,
    events: u64,
    /// What was put in, less what was taken out.
    shift: i64,
    /// Events up to this position were put in.
    put_in_until: u64,
    /// What stands elsewhere up to this place is told.
    told_until: u64,
}

impl Walk {
    fn new(workspace: WorkspaceId, said: &Said, mut held: Vec<Held>, findings: Findings) -> Self {
        let reach = held.last().map_or(0, |held| held.checkpoint.size).max(said.size);
        held.reverse();
        Self {
            workspace,
            head: said.head,
            sealed: said.size,
            reach,
            held,
            findings,
            stored: Stored::default(),
            of_events: Some(Edge::default()),
            of_hashes: Some(Edge::default()),
            last: 0,
            events: 0,
            shift: 0,
            put_in_until: 0,
            told_until: 0,
        }
    }

    fn place(&self, position: u64) -> u64 {
        position.saturating_add_signed(-self.shift)
    }

    async fn take(&mut self, connection: &mut PgConnection, batch: Vec<Leaf>) -> Result<(), Failure> {
        let until = batch.last().map_or(0, |leaf| leaf.position);
        let (from, until) = (self.place(self.last + 1), self.place(until).min(self.sealed));
        if from <= until {
            self.stored.read(connection, self.workspace, from, until).await?;
        }
        for leaf in batch {
            self.gap_before(connection, leaf.position).await?;
            self.last = leaf.position;
            self.events += 1;
            if leaf.position > self.head {
                self.behind_the_end(leaf.position);
            } else if leaf.position > self.put_in_until {
                self.look_at(connection, &leaf).await?;
            }
        }
        self.compare_above(connection).await
    }

    /// Positions without an event, in front of one that is there.
    async fn gap_before(&mut self, connection: &mut PgConnection, position: u64) -> Result<(), Failure> {
        let (first, last) = (self.last + 1, position - 1);
        if first > last {
            return Ok(());
        }
        let what = match last - first {
            0 => format!("event {first} is gone"),
            _ => format!("the events {first} to {last} are gone"),
        };
        self.findings.add(FaultKind::Missing, (first, last), what);
        self.of_events = None;
        self.pass(connection, self.place(first)..self.place(position)).await
    }

    /// Goes past places of which the events are gone.
    async fn pass(
        &mut self,
        connection: &mut PgConnection,
        places: std::ops::Range<u64>,
    ) -> Result<(), Failure> {
        for place in places {
            let sealed = self.sealed_at(connection, place).await?;
            self.grow_hashes(sealed, place);
            self.reached(place);
        }
        Ok(())
    }

    async fn look_at(&mut self, connection: &mut PgConnection, leaf: &Leaf) -> Result<(), Failure> {
        let place = self.place(leaf.position);
        let sealed = self.sealed_at(connection, place).await?;
        let hash = if place == leaf.position { leaf.hash() } else { at(leaf, place).hash() };
        if place <= self.sealed && sealed != Some(hash) && sealed.is_some() && place > self.told_until {
            self.differs(connection, leaf).await?;
            let belongs_at = self.place(leaf.position);
            if belongs_at < place {
                return Ok(());
            }
            if belongs_at > place {
                // Those that are gone, and the event itself, which is what was sealed there.
                return self.pass(connection, place..belongs_at + 1).await;
            }
        }
        if let Some(edge) = &mut self.of_events {
            edge.push(hash);
        }
        self.grow_hashes(sealed, place);
        self.reached(place);
        Ok(())
    }

    /// Tells of an event that is not the one that was sealed at its place.
    async fn differs(&mut self, connection: &mut PgConnection, leaf: &Leaf) -> Result<(), Failure> {
        let position = leaf.position;
        let looked_into = self.findings.faults.len() < CLOSELY;
        let diagnosis =
            if looked_into { self.diagnose(connection, position).await? } else { Diagnosis::Changed };
        let named =
            format!("event {position} ({}, {} of {})", leaf.event, leaf.event_type, leaf.aggregate_id);
        match diagnosis {
            Diagnosis::Changed => {
                let what = format!("{named} is not as it was sealed");
                self.findings.add(FaultKind::Changed, (position, position), what);
            }
            Diagnosis::Reordered(place) => {
                let other = place.saturating_add_signed(self.shift);
                let what =
                    format!("{named} does not belong there: what was sealed there stands at {other} now");
                self.findings.add(FaultKind::Reordered, (position, other), what);
                self.told_until = place;
            }
            Diagnosis::Missing(count) => {
                let what =
                    format!("{count} events are gone before {named}; it and those after it were moved up");
                self.findings.add(FaultKind::Missing, (position, position), what);
                self.shift -= count.cast_signed();
                self.of_events = None;
            }
            Diagnosis::Inserted(count) => {
                let until = position + count - 1;
                let what =
                    format!("{count} events were put in from {named} on; those after them were moved down");
                self.findings.add(FaultKind::Inserted, (position, until), what);
                self.shift += count.cast_signed();
                self.put_in_until = until;
                self.of_events = None;
            }
        }
        Ok(())
    }

    async fn diagnose(&self, connection: &mut PgConnection, position: u64) -> Result<Diagnosis, Failure> {
        let events = rows::events(connection, self.workspace, position - 1, AROUND).await?;
        let follow = (position..).zip(events).take_while(|(position, leaf)| leaf.position == *position);
        let events: Vec<Leaf> = follow.map(|(position, leaf)| at(&leaf, self.place(position))).collect();
        let from = self.place(position);
        let mut stored = Stored::default();
        let until = (from + 2 * u64::from(AROUND)).min(self.sealed);
        stored.read(connection, self.workspace, from, until).await?;
        Ok(diagnose(&events, &|place| stored.at(place)))
    }

    fn behind_the_end(&mut self, position: u64) {
        match self.findings.faults.last_mut() {
            Some(fault) if fault.kind == FaultKind::Inserted && fault.until == position - 1 => {
                fault.until = position;
            }
            _ => {
                let what = format!("event {position} was put in behind the end of the log");
                self.findings.add(FaultKind::Inserted, (position, position), what);
            }
        }
    }

    async fn sealed_at(
        &mut self,
        connection: &mut PgConnection,
        place: u64,
    ) -> Result<Option<Hash>, Failure> {
        if place == 0 || place > self.sealed {
            return Ok(None);
        }
        if self.stored.at(place).is_none() {
            self.stored.read(connection, self.workspace, place, place).await?;
        }
        Ok(self.stored.at(place))
    }

    fn grow_hashes(&mut self, sealed: Option<Hash>, place: u64) {
        let Some(edge) = self.of_hashes.as_mut().filter(|_| place <= self.sealed) else { return };
        match sealed {
            Some(hash) if edge.size() + 1 == place => edge.push(hash),
            _ => {
                self.findings.tree(place, place);
                self.of_hashes = None;
            }
        }
    }

    /// Compares with the checkpoints of this size.
    fn reached(&mut self, size: u64) {
        while let Some(held) = self.held.pop_if(|held| held.checkpoint.size <= size) {
            let root = |edge: &Option<Edge>| {
                edge.as_ref().filter(|edge| edge.size() == held.checkpoint.size).map(Edge::root)
            };
            self.findings.compare(&held, root(&self.of_events), root(&self.of_hashes));
        }
    }

    /// Compares the tiles above the leaves that have become full with those that are stored.
    async fn compare_above(&mut self, connection: &mut PgConnection) -> Result<(), Failure> {
        if let Some(edge) = &mut self.of_events {
            drop(edge.take_full());
        }
        let Some(edge) = &mut self.of_hashes else { return Ok(()) };
        let made = edge.take_full().into_iter().filter(|(id, _)| id.level > 0).collect();
        self.compare_tiles(connection, made).await
    }

    async fn compare_tiles(
        &mut self,
        connection: &mut PgConnection,
        made: HashMap<TileId, Vec<Hash>>,
    ) -> Result<(), Failure> {
        if made.is_empty() {
            return Ok(());
        }
        let stored = tree::read(connection, self.workspace, made.keys().copied()).await?;
        for (id, hashes) in made {
            let stored = stored.get(&id).map_or(&[][..], Vec::as_slice);
            if let Some(differs) = (0..hashes.len()).find(|at| stored.get(*at) != hashes.get(*at)) {
                // So many events are below each of its hashes.
                let spanned = (WIDTH as u64).saturating_pow(id.level.into());
                let before = (id.index * WIDTH as u64 + differs as u64) * spanned;
                self.findings.tree(before + 1, (before + spanned).min(self.sealed));
            }
        }
        Ok(())
    }

    /// What is missing at the end, and what the tree comes to.
    async fn end(&mut self, connection: &mut PgConnection) -> Result<(), Failure> {
        let (last, wanted) = (self.place(self.last), self.place(self.head).max(self.reach));
        if last < wanted {
            let what = format!("the log ends at event {}, and had {wanted}", self.last);
            self.findings.add(FaultKind::Truncated, (self.last + 1, wanted), what);
            self.of_events = None;
            self.pass(connection, last + 1..self.sealed + 1).await?;
        }
        self.reached(wanted);
        self.compare_above(connection).await?;
        if let Some(edge) = self.of_hashes.as_mut().filter(|edge| edge.size() == self.sealed) {
            let last = edge.take_changed().into_iter().filter(|(id, _)| id.level > 0).collect();
            self.compare_tiles(connection, last).await?;
        }
        Ok(())
    }
}

fn at(leaf: &Leaf, position: u64) -> Leaf {
    Leaf { position, ..leaf.clone() }
}
