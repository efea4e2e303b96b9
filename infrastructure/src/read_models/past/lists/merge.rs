//! A page of two lists that are in the same order: of one a page was read, of the other all is at hand.

use chrono::{DateTime, Utc};
use interflow_application::read::{Mark, Marked, SortValue};

/// Of what was read from its beginning, or from behind where the page begins, and of what is at hand from there on, so many
/// are left out, and a page taken. `at_hand` has so many in all.
pub(super) fn merged<T>(
    read: Marked<T>,
    at_hand: impl IntoIterator<Item = (Mark, T)>,
    in_all: usize,
    (skipped, size): (usize, u32),
    descending: bool,
) -> Marked<T> {
    let Marked { items, marks, total, total_is_estimate, next: read_next, .. } = read;
    // Behind where reading was left off there are others: what is at hand is not told before them.
    let in_reach =
        |(mark, _): &(Mark, T)| read_next.as_ref().is_none_or(|end| !is_behind(mark, end, descending));
    let mut all: Vec<(Mark, T)> = marks.into_iter().zip(items).collect();
    all.extend(at_hand.into_iter().filter(in_reach));
    all.sort_by_key(|(mark, _)| place(mark));
    if descending {
        all.reverse();
    }
    let mut page: Vec<_> = all.into_iter().skip(skipped).collect();
    let is_out_of_reach = skipped > 0 && page.is_empty() && read_next.is_some();
    let is_cut = page.len() > size as usize;
    page.truncate(size as usize);
    let (marks, items): (Vec<_>, Vec<_>) = page.into_iter().unzip();
    let next = if is_cut { marks.last().cloned() } else { read_next };
    Marked { items, marks, total: total + in_all as u64, total_is_estimate, next, is_out_of_reach }
}

/// Whether a row comes after a mark.
pub(super) fn is_behind(row: &Mark, mark: &Mark, descending: bool) -> bool {
    if descending { place(row) < place(mark) } else { place(row) > place(mark) }
}

fn place(mark: &Mark) -> (DateTime<Utc>, u64) {
    let time = match &mark.value {
        SortValue::Time(time) => *time,
        SortValue::Text(_) => DateTime::UNIX_EPOCH,
    };
    (time, mark.position)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn mark(n: u64) -> Mark {
        let time = Utc.timestamp_opt(i64::try_from(n).unwrap(), 0).unwrap();
        Mark { value: SortValue::Time(time), position: n }
    }

    /// A page of these, as a database would give it.
    fn read(all: &[u64], wanted: usize) -> Marked<u64> {
        let items: Vec<_> = all.iter().take(wanted).copied().collect();
        let marks: Vec<_> = items.iter().copied().map(mark).collect();
        let next = marks.last().filter(|_| all.len() > wanted).cloned();
        let total = all.len() as u64;
        Marked { items, marks, total, total_is_estimate: false, next, is_out_of_reach: false }
    }

    fn marked(n: u64) -> (Mark, u64) {
        (mark(n), n)
    }

    /// Every page by cursor, from the largest on.
    fn walked(all: &[u64], other: &[u64], size: u32) -> Vec<u64> {
        let (mut seen, mut after) = (vec![], u64::MAX);
        loop {
            let left: Vec<_> = all.iter().copied().filter(|n| *n < after).collect();
            let other_left = other.iter().copied().filter(|n| *n < after).map(marked);
            let page = merged(read(&left, size as usize), other_left, other.len(), (0, size), true);
            assert_eq!(page.total, (left.len() + other.len()) as u64);
            seen.extend(page.items);
            match page.next {
                Some(mark) => after = mark.position,
                None => return seen,
            }
        }
    }

    #[test]
    fn both_stand_in_order_on_every_page() {
        let expected = [9, 8, 7, 6, 5, 4, 3, 2, 1];
        for (all, other) in [
            (vec![9, 7, 5, 3, 1], vec![2, 4, 6, 8]),
            (vec![3, 2, 1], vec![9, 8, 7, 6, 5, 4]),
            (vec![9, 8, 7, 6], vec![5, 4, 3, 2, 1]),
            (vec![], vec![9, 8, 7, 6, 5, 4, 3, 2, 1]),
            (vec![9, 8, 7, 6, 5, 4, 3, 2, 1], vec![]),
        ] {
            for size in [1, 2, 3, 9, 20] {
                assert_eq!(walked(&all, &other, size), expected, "{all:?} {other:?} {size}");
            }
        }
    }

    #[test]
    fn pages_by_number_count_both() {
        let (all, other) = ([9, 7, 5, 3, 1], [8, 2]);
        let page = |skipped: usize, size: u32| {
            let read = read(&all, skipped + size as usize);
            let page = merged(read, other.into_iter().map(marked), 2, (skipped, size), true);
            (page.items, page.next.is_some())
        };
        assert_eq!(page(0, 3), (vec![9, 8, 7], true));
        assert_eq!(page(3, 3), (vec![5, 3, 2], true));
        assert_eq!(page(6, 3), (vec![1], false));
        assert_eq!(page(9, 3), (vec![], false));
    }

    #[test]
    fn behind_where_reading_was_left_off_nothing_is_told() {
        let stopped = Marked { items: vec![], marks: vec![], next: Some(mark(5)), ..read(&[], 3) };
        let page = merged(stopped, [7, 4].map(marked), 2, (0, 3), true);
        assert_eq!((page.items, page.next), (vec![7], Some(mark(5))));
    }
}
