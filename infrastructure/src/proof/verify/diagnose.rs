//! What happened where the log is first not what was sealed. The hash of a leaf says what the event was, its place
//! included; so an event is tried at other places, to find whether it was moved, or those around it were.

use interflow_application::proof::{Hash, Leaf};

/// What happened at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// The event there is not as it was.
    Changed,
    /// So many events are gone, and those that followed were moved up.
    Missing(u64),
    /// So many were put in, and those that followed were moved down.
    Inserted(u64),
    /// The event that belongs there stands at this place.
    Reordered(u64),
}

/// Why the first of these events is not the one that was sealed at its position. The events follow each other without a
/// gap; `sealed` gives what was sealed at a position.
pub(super) fn diagnose(events: &[Leaf], sealed: &impl Fn(u64) -> Option<Hash>) -> Diagnosis {
    let Some((first, others)) = events.split_first() else { return Diagnosis::Changed };
    let at = first.position;
    let belongs_at = others.iter().find(|other| fits(first, other, sealed)).map(|other| other.position);
    let beyond = belongs_at.or_else(|| {
        let beyond = at + events.len() as u64;
        (beyond..beyond + REACH).find(|position| fits_at(first, *position, first.sequence, sealed))
    });
    let stands_at = others.iter().find(|other| fits(other, first, sealed)).map(|other| other.position);
    match (beyond, stands_at) {
        (_, Some(position)) if belongs_at.is_some() => Diagnosis::Reordered(position),
        (Some(position), None) => Diagnosis::Missing(position - at),
        (None, Some(position)) => Diagnosis::Inserted(position - at),
        (None, None) => Diagnosis::Changed,
        (Some(_), Some(position)) => Diagnosis::Reordered(position),
    }
}

/// How many positions beyond the events that are looked at an event may belong.
const REACH: u64 = 64;

/// Whether an event is what was sealed where another stands: with its own number in its stream, or with the other's,
/// for whoever moved it may have seen to that.
fn fits(event: &Leaf, place: &Leaf, sealed: &impl Fn(u64) -> Option<Hash>) -> bool {
    fits_at(event, place.position, event.sequence, sealed)
        || fits_at(event, place.position, place.sequence, sealed)
}

fn fits_at(event: &Leaf, position: u64, sequence: u64, sealed: &impl Fn(u64) -> Option<Hash>) -> bool {
    let moved = Leaf { position, sequence, ..event.clone() };
    sealed(position) == Some(moved.hash())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn log(events: u64) -> Vec<Leaf> {
        let leaf = |position: u64| Leaf {
            workspace: Uuid::from_u128(1),
            position,
            event: Uuid::from_u128(u128::from(position)),
            sequence: position,
            recorded_at: chrono::DateTime::default(),
            metadata: Hash::of(b"{}"),
            payload: Hash::of(&position.to_be_bytes()),
            aggregate_type: "chat".to_owned(),
            aggregate_id: "cht_1".to_owned(),
            event_type: "chat.assigned".to_owned(),
            event_version: "1.0".to_owned(),
        };
        (1..=events).map(leaf).collect()
    }

    /// What is said of a log of which this was sealed, and which somebody has changed like that: every event is at its
    /// place again, in its stream as well if they have seen to it.
    fn said(sequences: bool, change: impl Fn(&mut Vec<Leaf>)) -> (u64, Diagnosis) {
        let whole = log(40);
        let mut changed = whole.clone();
        change(&mut changed);
        for (leaf, position) in changed.iter_mut().zip(1..) {
            leaf.position = position;
            if sequences {
                leaf.sequence = position;
            }
        }
        let sealed = |position: u64| whole.get(usize::try_from(position).unwrap() - 1).map(Leaf::hash);
        let bad = changed.iter().position(|leaf| sealed(leaf.position) != Some(leaf.hash())).unwrap();
        (bad as u64 + 1, diagnose(&changed[bad..], &sealed))
    }

    #[test]
    fn each_kind_of_tampering_is_told_apart() {
        for sequences in [false, true] {
            let changed = said(sequences, |log| log[4].payload = Hash::of(b"other"));
            assert_eq!(changed, (5, Diagnosis::Changed));
            let swapped = said(sequences, |log| log.swap(4, 5));
            assert_eq!(swapped, (5, Diagnosis::Reordered(6)));
            let swapped = said(sequences, |log| log.swap(4, 30));
            assert_eq!(swapped, (5, Diagnosis::Reordered(31)));
            let inserted = said(false, |log| log.insert(4, Leaf { event: Uuid::nil(), ..log[0].clone() }));
            assert_eq!(inserted, (5, Diagnosis::Inserted(1)));
        }
        assert_eq!(said(false, |log| drop(log.remove(4))), (5, Diagnosis::Missing(1)));
        assert_eq!(said(false, |log| drop(log.drain(4..9))), (5, Diagnosis::Missing(5)));
        let moved = said(false, |log| {
            let moved = log.remove(4);
            log.insert(9, moved);
        });
        assert_eq!(moved, (5, Diagnosis::Reordered(10)));
        let inserted = said(false, |log| {
            let some = log[20..24]
                .iter()
                .map(|leaf| Leaf { event: Uuid::nil(), ..leaf.clone() })
                .collect::<Vec<_>>();
            drop(log.splice(4..4, some));
        });
        assert_eq!(inserted, (5, Diagnosis::Inserted(4)));
    }
}
