//! Whether the lines of a bundle follow each other as the events of the log do, and what became of those that do not.
//!
//! Events of a stretch have positions that follow each other; those of chats and customers are numbered in their streams.
//! Where a number is left out there is a [`Gap`]. A line that is out of place or is not proved is a [`Stray`]: what it is can
//! only be told at the end, when it is known whether the log has an event in its place. So one that fills a gap was
//! changed, or moved; one whose place another has was put in; and what nothing fills is missing.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::line::{Header, Line};
use super::{Bound, Selection};
use crate::proof::verify::{Fault, FaultKind};

/// How many gaps and strays are remembered each. More than that is not a bundle that something happened to.
const REMEMBERED: usize = 10_000;

/// A line's place among the others.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: u64,
    /// Its stream, and its number in it; the same for all in a stretch, where positions are the numbers.
    stream: u64,
    number: u64,
}

/// Numbers that are left out, between two lines.
#[derive(Debug)]
struct Gap {
    kind: FaultKind,
    stream: u64,
    /// The name of the stream; nothing in a stretch.
    name: Option<String>,
    first: u64,
    last: u64,
    /// The positions of the lines around it.
    after: u64,
    before: u64,
    filled: BTreeSet<u64>,
}

/// A line that is out of place, or not proved.
#[derive(Debug)]
struct Stray {
    /// Nothing when it cannot be read.
    place: Option<Place>,
    proved: bool,
    /// The position of the last line in order that stands before it.
    after: u64,
    what: String,
}

/// The order of the lines so far.
#[derive(Debug)]
pub(super) struct Order {
    /// Where a stretch begins and ends, as far as that is known; nothing when it is none.
    stretch: Option<(Option<u64>, Option<u64>)>,
    last: u64,
    /// The last number of each stream, and the position that has it.
    streams: HashMap<u64, (u64, u64)>,
    gaps: Vec<Gap>,
    strays: Vec<Stray>,
    /// What is wrong, the first first.
    faults: Vec<Fault>,
    /// How much more is.
    more: u64,
    lines: u64,
    proved: u64,
}

impl Order {
    /// Of a bundle whose checkpoint is of so many events.
    pub(super) fn of(selection: &Selection, size: u64) -> Self {
        let stretch = match selection {
            Selection::Range { from, to } => {
                let first = match from {
                    Some(Bound::Position(first)) => Some(*first),
                    Some(Bound::Time(_)) => None,
                    None => Some(1),
                };
                let last = match to {
                    Some(Bound::Position(last)) => Some((*last).min(size)),
                    Some(Bound::Time(_)) => None,
                    None => Some(size),
                };
                Some((first, last))
            }
            Selection::Chat(_) | Selection::Customer(_) => None,
        };
        Self {
            stretch,
            last: 0,
            streams: HashMap::new(),
            gaps: vec![],
            strays: vec![],
            faults: vec![],
            more: 0,
            lines: 0,
            proved: 0,
        }
    }

    /// How many lines there were.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// A line that is no event.
    pub(super) fn unreadable(&mut self) {
        self.lines += 1;
        let what = format!("line {} cannot be read", self.lines + 1);
        self.stray(None, false, what);
    }

    /// A line that is not what was sealed.
    pub(super) fn unproved(&mut self, line: &Line<'_>) {
        self.lines += 1;
        let what = format!(
            "event {} ({}, {}) is not what was sealed",
            line.position, line.event_id, line.event_type
        );
        self.stray(Some(self.place(line)), false, what);
    }

    /// An event of the log.
    pub(super) fn proved(&mut self, line: &Line<'_>) {
        self.lines += 1;
        self.proved += 1;
        let place = self.place(line);
        let (known, after) = self.streams.get(&place.stream).copied().unwrap_or_default();
        if place.position <= self.last {
            let what = format!("event {} comes after event {}", place.position, self.last);
            if self.stretch.is_some() || place.number != known + 1 {
                return self.stray(Some(place), true, what);
            }
            self.streams.insert(place.stream, (place.number, place.position));
            let (kind, position) = (FaultKind::Reordered, place.position);
            return self.add(Fault { kind, position, until: position, what });
        }
        let first = match self.stretch {
            Some((first, _)) if known == 0 => first.unwrap_or(place.number),
            _ => known + 1,
        };
        if first < place.number {
            let name = self.stretch.is_none().then(|| line.aggregate_id.to_string());
            self.gap(Gap {
                kind: FaultKind::Missing,
                stream: place.stream,
                name,
                first,
                last: place.number - 1,
                after,
                before: place.position,
                filled: BTreeSet::new(),
            });
        }
        self.last = place.position;
        self.streams.insert(place.stream, (place.number, place.position));
    }

    /// An event of the log that is shown as something else.
    pub(super) fn shown_wrongly(&mut self, line: &Line<'_>, why: &str) {
        let (position, kind) = (line.position, FaultKind::Changed);
        let what = format!("event {position} ({}, {}): {why}", line.event_id, line.event_type);
        self.add(Fault { kind, position, until: position, what });
    }

    fn place(&self, line: &Line<'_>) -> Place {
        if self.stretch.is_some() {
            return Place { position: line.position, stream: 0, number: line.position };
        }
        let mut stream = DefaultHasher::new();
        (&line.aggregate_type, &line.aggregate_id).hash(&mut stream);
        Place { position: line.position, stream: stream.finish(), number: line.sequence }
    }

    fn gap(&mut self, gap: Gap) {
        if self.gaps.len() == REMEMBERED {
            self.more += 1;
        } else {
            self.gaps.push(gap);
        }
    }

    fn stray(&mut self, place: Option<Place>, proved: bool, what: String) {
        if self.strays.len() == REMEMBERED {
            self.more += 1;
        } else {
            self.strays.push(Stray { place, proved, after: self.last, what });
        }
    }

    fn add(&mut self, fault: Fault) {
        if self.faults.len() == REMEMBERED {
            self.more += 1;
        } else {
            self.faults.push(fault);
        }
    }

    /// What is wrong, the first first, and how much more.
    pub(super) fn end(mut self, header: &Header) -> (Vec<Fault>, u64) {
        if self.proved == 0 && self.lines > 1 {
            let what = "no event is one of the tree that the checkpoint was signed for: it is another checkpoint, or nothing is as it was";
            let fault = Fault { kind: FaultKind::Rewritten, position: 1, until: 1, what: what.to_owned() };
            return (vec![fault], 0);
        }
        if let Some((_, Some(end))) = self.stretch
            && self.last < end
        {
            self.gap(Gap {
                kind: FaultKind::Truncated,
                stream: 0,
                name: None,
                first: self.last + 1,
                last: end,
                after: self.last,
                before: u64::MAX,
                filled: BTreeSet::new(),
            });
        }
        let mut surplus = self.lines.saturating_sub(header.events);
        for stray in std::mem::take(&mut self.strays) {
            let kind = self.kind_of(&stray, &mut surplus);
            let position = stray.place.map_or(stray.after + 1, |place| place.position);
            self.add(Fault { kind, position, until: position, what: stray.what });
        }
        let left_out: u64 = self.gaps.iter().map(Gap::open).sum();
        for gap in std::mem::take(&mut self.gaps) {
            if gap.open() > 0 {
                self.add(gap.fault());
            }
        }
        self.count(header, (left_out, surplus));
        self.faults.sort_by_key(|fault| fault.position);
        (self.faults, self.more)
    }

    /// What became of a line, and the gap that it fills.
    fn kind_of(&mut self, stray: &Stray, surplus: &mut u64) -> FaultKind {
        let filled = self.gaps.iter().position(|gap| gap.is_named_by(stray));
        let filled = filled.or_else(|| self.gaps.iter().position(|gap| gap.surrounds(stray)));
        if let Some(gap) = filled.and_then(|index| self.gaps.get_mut(index)) {
            gap.fill(stray);
            return if stray.proved { FaultKind::Reordered } else { FaultKind::Changed };
        }
        let taken =
            |place: Place| self.streams.get(&place.stream).is_some_and(|(last, _)| place.number <= *last);
        if stray.proved || stray.place.is_some_and(taken) || *surplus > 0 {
            *surplus = surplus.saturating_sub(1);
            return FaultKind::Inserted;
        }
        FaultKind::Changed
    }

    /// What the number of lines says, when nothing else did.
    fn count(&mut self, header: &Header, (left_out, surplus): (u64, u64)) {
        let (lines, events) = (self.lines, header.events);
        if lines + left_out < events {
            let (position, what) =
                (self.last + 1, format!("the bundle ends after {lines} of {events} events"));
            self.add(Fault { kind: FaultKind::Truncated, position, until: position, what });
        }
        if surplus > 0 {
            let (position, what) =
                (self.last, format!("the bundle has {lines} events, and was made with {events}"));
            self.add(Fault { kind: FaultKind::Inserted, position, until: position, what });
        }
    }
}

impl Gap {
    fn open(&self) -> u64 {
        (self.last - self.first + 1).saturating_sub(self.filled.len() as u64)
    }

    /// Whether a line says that it is one of those that are left out here.
    fn is_named_by(&self, stray: &Stray) -> bool {
        stray.place.is_some_and(|place| place.stream == self.stream && self.lacks(place.number))
    }

    /// Whether a line that is not proved, and so may say anything, stands where one is left out.
    fn surrounds(&self, stray: &Stray) -> bool {
        !stray.proved && self.open() > 0 && (self.after..self.before).contains(&stray.after)
    }

    fn lacks(&self, number: u64) -> bool {
        (self.first..=self.last).contains(&number) && !self.filled.contains(&number)
    }

    fn fill(&mut self, stray: &Stray) {
        let number = stray.place.map(|place| place.number).filter(|number| self.lacks(*number));
        let number = number.or_else(|| (self.first..=self.last).find(|number| self.lacks(*number)));
        self.filled.extend(number);
    }

    fn fault(self) -> Fault {
        let (kind, first, last) = (self.kind, self.first, self.last);
        match self.name {
            None if kind == FaultKind::Truncated => {
                let what = format!("the bundle ends before event {first}, and was to go to event {last}");
                Fault { kind, position: first, until: last, what }
            }
            None => {
                let what = format!("the events {first} to {last} are left out");
                Fault { kind, position: first, until: last, what }
            }
            Some(name) => {
                let what = format!(
                    "the events {first} to {last} of {name} are left out before event {}",
                    self.before
                );
                Fault { kind, position: self.before, until: self.before, what }
            }
        }
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
