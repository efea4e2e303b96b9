//! What is found, and what it comes to once more is known.

use interflow_application::proof::{Checkpoint, Hash, Note, Verifier};

use super::rows::Said;
use super::{Against, Fault, FaultKind, Held};

/// How many faults are told one by one.
const TOLD: usize = 100;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) faults: Vec<Fault>,
    pub(super) more: u64,
    /// Up to where everything is what was signed.
    good: u64,
}

impl Findings {
    pub(super) fn add(&mut self, kind: FaultKind, (position, until): (u64, u64), what: String) {
        if self.faults.len() < TOLD {
            self.faults.push(Fault { kind, position, until, what });
        } else {
            self.more += 1;
        }
    }

    /// What the tree is up to a checkpoint: made from the events, if they are as many as they must be, and made from the
    /// hashes that are stored, if all are there.
    pub(super) fn compare(&mut self, held: &Held, events: Option<Hash>, stored: Option<Hash>) {
        let Checkpoint { size, root, .. } = held.checkpoint;
        let explains = |fault: &Fault| fault.position <= size && fault.kind.is_of_events();
        if events == Some(root) {
            // The events are those that were signed: where they differ, it is the stored hash that was changed.
            let wrong: Vec<Fault> = self.faults.extract_if(.., |fault| explains(fault)).collect();
            if let (Some(first), Some(last)) = (wrong.first(), wrong.last()) {
                self.tree(first.position, last.until);
            }
            self.good = self.good.max(size);
            return;
        }
        let explained = self.faults.iter().any(explains);
        let ended = stored.is_none() && self.faults.iter().any(|fault| fault.kind == FaultKind::Truncated);
        if (explained && stored == Some(root)) || ended {
            return;
        }
        let first = self.good + 1;
        let what = format!(
            "an event from {first} to {size} is not what it was when the {} checkpoint of {size} events was signed",
            held.whence
        );
        self.once(FaultKind::Rewritten, (first, size), what);
    }

    /// Stored hashes are not what they were, over these events.
    pub(super) fn tree(&mut self, first: u64, last: u64) {
        let what = format!(
            "hashes that were stored of the events {first} to {last} are not what they were, or gone"
        );
        self.once(FaultKind::Tree, (first, last), what);
    }

    /// What one fault says for all of its kind.
    fn once(&mut self, kind: FaultKind, range: (u64, u64), what: String) {
        if !self.faults.iter().any(|fault| fault.kind == kind) {
            self.add(kind, range, what);
        }
    }

    /// The faults, the first first.
    pub(super) fn sorted(mut self) -> (Vec<Fault>, u64) {
        self.faults.sort_by_key(|fault| fault.position);
        (self.faults, self.more)
    }
}

/// The checkpoints to hold the log against, in the order of their sizes. One that cannot be believed is told.
pub(super) fn to_hold(said: &Said, against: &Against, findings: &mut Findings) -> Vec<Held> {
    let own = said.latest.iter().map(|note| (note, "latest"));
    let kept = said.kept.iter().map(|note| (note, "kept"));
    let anchored = against.anchors.iter().map(|anchor| (&anchor.note, "anchored"));
    let keys = if against.keys.is_empty() { &said.keys } else { &against.keys };
    let mut held = vec![];
    for (note, whence) in own.chain(kept).chain(anchored) {
        match believed(note, said.origin.as_deref(), keys) {
            Ok(checkpoint) => held.push(Held { checkpoint, note: note.clone(), whence }),
            Err((size, why)) => {
                findings.add(FaultKind::Signature, (size, size), format!("the {whence} checkpoint {why}"));
            }
        }
    }
    held.sort_by(|a, b| (a.checkpoint.size, &a.note).cmp(&(b.checkpoint.size, &b.note)));
    held.dedup_by(|a, b| a.note == b.note);
    held
}

fn believed(note: &str, origin: Option<&str>, keys: &[Verifier]) -> Result<Checkpoint, (u64, String)> {
    let unreadable = || (0, "cannot be read".to_owned());
    let note: Note = note.parse().map_err(|_| unreadable())?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|_| unreadable())?;
    let size = checkpoint.size;
    if Some(checkpoint.origin.as_str()) != origin {
        return Err((size, format!("of {size} events is of another tree, {}", checkpoint.origin)));
    }
    if note.verified_by(keys).is_empty() {
        return Err((size, format!("of {size} events is not signed by a known key")));
    }
    Ok(checkpoint)
}
