use std::borrow::Cow;

use chrono::DateTime;
use interflow_domain::{ChatId, WorkspaceId};
use serde_json::Value;
use uuid::Uuid;

use super::*;

/// A line of the event at a position, which is the number so many of a stream; not proved when it is not of the log.
#[derive(Clone, Copy)]
struct Told {
    position: u64,
    stream: &'static str,
    number: u64,
    proved: bool,
}

const fn told(position: u64, stream: &'static str, number: u64) -> Told {
    Told { position, stream, number, proved: true }
}

fn line(told: Told) -> Line<'static> {
    Line {
        position: told.position,
        event_id: Uuid::nil(),
        aggregate_type: Cow::Borrowed("message"),
        aggregate_id: Cow::Borrowed(told.stream),
        sequence: told.number,
        event_type: Cow::Borrowed("message.read"),
        event_version: Cow::Borrowed("1.0"),
        recorded_at: DateTime::default(),
        recorded_micros: 0,
        metadata: Cow::Borrowed("{}"),
        payload: Cow::Borrowed("{}"),
        opened: Value::Null,
        openings: vec![],
        path: vec![],
    }
}

/// What is found in these lines of a bundle that was made with so many, of a log of 20.
fn faults(selection: &Selection, events: u64, lines: &[Told]) -> Vec<(FaultKind, u64, u64)> {
    let mut order = Order::of(selection, 20);
    for told in lines {
        if told.proved {
            order.proved(&line(*told));
        } else {
            order.unproved(&line(*told));
        }
    }
    let header = Header {
        interflow_bundle: 1,
        workspace: WorkspaceId::default(),
        workspace_uuid: Uuid::nil(),
        made_at: DateTime::default(),
        selection: selection.clone(),
        events,
        checkpoint: String::new(),
        keys: vec![],
    };
    let (faults, more) = order.end(&header);
    assert_eq!(more, 0);
    faults.into_iter().map(|fault| (fault.kind, fault.position, fault.until)).collect()
}

const CHAT: Selection = Selection::Chat(ChatId::new(Uuid::nil()));
/// Two streams, beside others.
const WHOLE: [Told; 6] =
    [told(2, "a", 1), told(4, "b", 1), told(5, "a", 2), told(9, "b", 2), told(10, "a", 3), told(11, "b", 3)];

fn changed(change: impl FnOnce(&mut Vec<Told>)) -> Vec<(FaultKind, u64, u64)> {
    let mut lines = WHOLE.to_vec();
    change(&mut lines);
    faults(&CHAT, WHOLE.len() as u64, &lines)
}

const fn forged(position: u64, stream: &'static str, number: u64) -> Told {
    Told { position, stream, number, proved: false }
}

#[test]
fn what_happened_to_the_lines_of_a_chat_is_told_apart() {
    use FaultKind::{Changed, Inserted, Missing, Reordered, Rewritten, Truncated};
    assert_eq!(changed(|_| ()), []);
    for at in 0..WHOLE.len() {
        let found = changed(|lines| lines[at].proved = false);
        assert_eq!(found, [(Changed, WHOLE[at].position, WHOLE[at].position)], "changed: {at}");
        let found = changed(|lines| lines[at] = forged(1, "z", 9));
        assert_eq!(found, [(Changed, 1, 1)], "and says to be another: {at}");
    }
    assert_eq!(
        changed(|lines| lines.retain(|line| line.position != 5)),
        [(Missing, 10, 10)],
        "found by what follows in its stream"
    );
    assert_eq!(changed(|lines| lines.truncate(5)), [(Truncated, 11, 11)]);
    assert_eq!(changed(|lines| lines.truncate(3)), [(Truncated, 6, 6)]);
    assert_eq!(changed(|lines| lines.swap(2, 3)), [(Reordered, 5, 5)]);
    assert_eq!(changed(|lines| lines.swap(0, 2)), [(Reordered, 2, 2), (Reordered, 4, 4)]);
    assert_eq!(changed(|lines| lines.insert(3, WHOLE[1])), [(Inserted, 4, 4)], "the same once more");
    assert_eq!(
        changed(|lines| lines.insert(3, forged(7, "a", 3))),
        [(Inserted, 7, 7)],
        "in the place of another"
    );
    assert_eq!(changed(|lines| lines.insert(3, forged(7, "c", 1))), [(Inserted, 7, 7)], "as one more");
    assert_eq!(changed(|lines| lines.push(forged(12, "a", 4))), [(Inserted, 12, 12)]);
    let none = changed(|lines| lines.iter_mut().for_each(|line| line.proved = false));
    assert_eq!(none, [(Rewritten, 1, 1)], "another checkpoint");
    assert_eq!(faults(&CHAT, 9, &WHOLE), [(Truncated, 12, 12)]);
    assert_eq!(faults(&CHAT, 4, &WHOLE), [(Inserted, 11, 11)]);
}

#[test]
fn two_things_at_once_are_two() {
    use FaultKind::{Changed, Inserted, Missing};
    let both = changed(|lines| {
        lines[3].proved = false;
        lines.remove(2);
    });
    assert_eq!(both, [(Changed, 9, 9), (Missing, 10, 10)], "each fills its own gap");
    let both = changed(|lines| {
        lines[4].proved = false;
        lines.insert(1, WHOLE[0]);
    });
    assert_eq!(both, [(Inserted, 2, 2), (Changed, 10, 10)]);
}

#[test]
fn a_stretch_has_every_position_from_its_beginning_to_its_end() {
    use FaultKind::{Changed, Inserted, Missing, Reordered, Truncated};
    let stretch = |from: Option<u64>, to: Option<u64>| Selection::Range {
        from: from.map(Bound::Position),
        to: to.map(Bound::Position),
    };
    let positions = |positions: &[u64]| positions.iter().map(|at| told(*at, "a", *at)).collect::<Vec<_>>();
    let found = |selection: &Selection, at: &[u64]| faults(selection, at.len() as u64, &positions(at));
    let part = stretch(Some(3), Some(7));
    assert_eq!(found(&part, &[3, 4, 5, 6, 7]), []);
    assert_eq!(found(&part, &[4, 5, 6, 7]), [(Missing, 3, 3)], "though the header agrees");
    assert_eq!(found(&part, &[3, 6, 7]), [(Missing, 4, 5)]);
    assert_eq!(found(&part, &[3, 4, 5]), [(Truncated, 6, 7)]);
    assert_eq!(found(&part, &[3, 5, 4, 6, 7]), [(Reordered, 4, 4)]);
    assert_eq!(found(&part, &[3, 4, 4, 5, 6, 7]), [(Inserted, 4, 4)]);
    assert_eq!(found(&stretch(Some(18), None), &[18, 19]), [(Truncated, 20, 20)], "up to the checkpoint");
    assert_eq!(found(&stretch(Some(18), Some(99)), &[18, 19, 20]), []);
    assert_eq!(found(&stretch(None, Some(2)), &[2]), [(Missing, 1, 1)]);
    let mut lines = positions(&[3, 4, 5, 6, 7]);
    lines[4].proved = false;
    assert_eq!(faults(&part, 5, &lines), [(Changed, 7, 7)], "the last one is not gone");
    lines[4].position = 900;
    assert_eq!(faults(&part, 5, &lines), [(Changed, 900, 900)]);
    let at_times = Selection::Range { from: Some(Bound::Time(DateTime::default())), to: None };
    assert_eq!(found(&at_times, &[18, 19, 20]), []);
}

#[test]
fn of_lines_without_end_some_are_told() {
    let mut order = Order::of(&CHAT, 20);
    for position in 1..50_000 {
        order.unproved(&line(forged(position, "a", position)));
        order.unreadable();
    }
    assert!(order.strays.len() <= REMEMBERED && order.more > 0);
}
