//! Pages of what grows: by cursor alone, forward and back.
//!
//! A cursor says which side of which place its page is on. It is bound to the list, its order and its filters.

use axum::response::Response;
use interflow_application::read::{Fingerprint, PageRequest};
use serde::Serialize;

use crate::envelope;
use crate::extract::{Query, fingerprint};
use crate::rest::v1::events::bounded;

/// Which page.
pub(super) struct Asked {
    /// The place it begins behind, and whether it goes back from there; the first page when absent.
    pub(super) from: Option<(u64, bool)>,
    /// Whether the list goes to higher places.
    pub(super) ascending: bool,
    /// How many entries, at most.
    pub(super) size: u32,
    list: Fingerprint,
}

/// A page that was found, and where it goes on in the direction that was asked for.
pub(super) struct Part<T> {
    /// The entries, in that direction.
    pub(super) items: Vec<T>,
    /// The place behind which there may be more.
    pub(super) more_from: Option<u64>,
}

/// What every page of a list is read by.
const OWN: [&str; 3] = ["per_page", "cursor", "sort"];
const RULE: &str = "must be the 'next_cursor' or 'previous_cursor' of an answer of this list, with the same filters and the same sort";

impl Asked {
    /// Reads what every page takes, beside what the list takes itself. `by` is what it is sorted by.
    pub(super) fn read(query: &mut Query, path: &str, by: &str) -> Self {
        let filters = query.others(&OWN);
        let orders = [by.to_owned(), format!("-{by}")];
        let sort = query.text("sort").flatten();
        let ascending = match &sort {
            None => false,
            Some(text) if *text == orders[0] => true,
            Some(text) if *text == orders[1] => false,
            Some(_) => {
                query.wrong("sort", format!("must be one of: {}", orders.join(", ")));
                false
            }
        };
        let list = fingerprint(path, &orders[usize::from(!ascending)], filters);
        let size = bounded(query, "per_page", 1..=u64::from(PageRequest::MAX_SIZE));
        let size = size.and_then(|size| u32::try_from(size).ok()).unwrap_or(PageRequest::DEFAULT_SIZE);
        let cursor = query.text("cursor").flatten();
        let from = cursor.and_then(|text| {
            let read = decode(&text, list);
            if read.is_none() {
                query.wrong("cursor", RULE);
            }
            read
        });
        Self { from, ascending, size, list }
    }

    /// Whether the places go up in the direction that is asked for.
    pub(super) const fn goes_up(&self) -> bool {
        self.ascending != self.goes_back()
    }

    /// The place it begins behind.
    pub(super) fn place(&self) -> Option<u64> {
        self.from.map(|(place, _)| place)
    }

    const fn goes_back(&self) -> bool {
        matches!(self.from, Some((_, true)))
    }

    /// The answer with a page.
    pub(super) fn answer<T, R: Serialize>(
        &self,
        part: Part<T>,
        place: impl Fn(&T) -> u64,
        data: impl FnOnce(Vec<T>) -> R,
    ) -> Response {
        let Part { mut items, more_from } = part;
        let ends = items.first().map(&place).zip(items.last().map(&place));
        if self.goes_back() {
            items.reverse();
        }
        // The way on; and the way back, from the page's first entry, or to the one that it was to begin behind.
        let beside = |place: u64| if self.goes_up() { place + 1 } else { place.saturating_sub(1) };
        let back = self.from.map(|(from, _)| ends.map_or_else(|| beside(from), |(first, _)| first));
        let on = more_from;
        let (next, previous) = if self.goes_back() { (back, on) } else { (on, back) };
        let cursor = |place: Option<u64>, back: bool| place.map(|place| encode(place, back, self.list));
        let meta = Meta {
            per_page: self.size,
            next_cursor: cursor(next, false),
            previous_cursor: cursor(previous, true),
        };
        let shown = items.len();
        envelope::showing(shown, envelope::with_meta(data(items), meta))
    }
}

/// Which part of a list it is.
#[derive(Serialize)]
struct Meta {
    per_page: u32,
    next_cursor: Option<String>,
    previous_cursor: Option<String>,
}

fn encode(place: u64, back: bool, list: Fingerprint) -> String {
    format!("{}{}{place:016x}", if back { 'p' } else { 'n' }, hex::encode(list))
}

fn decode(text: &str, list: Fingerprint) -> Option<(u64, bool)> {
    let (direction, rest) = text.split_at_checked(1)?;
    let back = match direction {
        "n" => false,
        "p" => true,
        _ => return None,
    };
    let bytes: [u8; 16] = hex::decode(rest).ok()?.try_into().ok()?;
    let (of, place) = bytes.split_at(8);
    let place = u64::from_be_bytes(place.try_into().ok()?);
    (of == list && i64::try_from(place).is_ok()).then_some((place, back))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    fn read(query: &str) -> Asked {
        let mut query = Query::new(query);
        let asked = Asked::read(&mut query, "/v1/audit/events", "position");
        let rest = query.others(&[]);
        assert!(rest.iter().all(|(name, _)| name == "actor"), "{rest:?}");
        asked
    }

    /// What a list of the places 1 to 10 answers.
    async fn page(query: &str) -> (Vec<u64>, Option<String>, Option<String>) {
        let asked = read(query);
        let mut places: Vec<u64> = (1..=10).collect();
        if !asked.goes_up() {
            places.reverse();
        }
        let behind = |place: &u64| match asked.place() {
            Some(from) if asked.goes_up() => *place > from,
            Some(from) => *place < from,
            None => true,
        };
        places.retain(behind);
        let has_more = places.len() > asked.size as usize;
        places.truncate(asked.size as usize);
        let more_from = places.last().copied().filter(|_| has_more);
        let answer = asked.answer(Part { items: places, more_from }, |place| *place, |places| places);
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |name: &str| body["meta"][name].as_str().map(str::to_owned);
        (serde_json::from_value(body["data"].clone()).unwrap(), text("next_cursor"), text("previous_cursor"))
    }

    #[tokio::test]
    async fn pages_lead_on_and_back_in_either_order() {
        for (sort, all) in
            [("position", (1..=10).collect::<Vec<u64>>()), ("-position", (1..=10).rev().collect())]
        {
            let (mut seen, mut cursor, mut back) = (vec![], None::<String>, None);
            loop {
                let at = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
                let (places, next, previous) = page(&format!("sort={sort}&per_page=3{at}")).await;
                assert_eq!(previous.is_some(), !at.is_empty());
                seen.push(places);
                back = previous.or(back);
                match next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen.concat(), all);
            let mut again = vec![seen.pop().unwrap()];
            while let Some(cursor) = back.take() {
                let (places, next, previous) = page(&format!("sort={sort}&per_page=3&cursor={cursor}")).await;
                assert!(next.is_some());
                again.insert(0, places);
                back = previous;
            }
            assert_eq!(again.concat(), all);
        }
    }

    #[tokio::test]
    async fn an_empty_page_leads_back_to_where_it_came_from() {
        let cursor = encode(10, false, read("sort=position").list);
        let (places, next, previous) = page(&format!("sort=position&cursor={cursor}")).await;
        assert!(places.is_empty() && next.is_none());
        let (places, ..) = page(&format!("sort=position&per_page=2&cursor={}", previous.unwrap())).await;
        assert_eq!(places, [9, 10]);
    }

    #[test]
    fn a_cursor_is_of_its_list_alone() {
        let list = read("actor=operator").list;
        let cursor = encode(7, true, list);
        assert_eq!(decode(&cursor, list), Some((7, true)));
        assert_eq!(read(&format!("actor=operator&cursor={cursor}")).from, Some((7, true)));
        for (query, text) in [
            ("", &*cursor),
            ("actor=operator", "n"),
            ("actor=operator", "x00"),
            ("actor=operator&sort=position", &cursor),
        ] {
            let mut asked = Query::new(&format!("{query}&cursor={text}"));
            Asked::read(&mut asked, "/v1/audit/events", "position");
            assert!(
                format!("{:?}", asked.close().unwrap_err()).contains("previous_cursor"),
                "{query} {text}"
            );
        }
        let mut asked = Query::new("sort=time&per_page=0");
        Asked::read(&mut asked, "/v1/audit/events", "position");
        let refused = format!("{:?}", asked.close().unwrap_err());
        assert!(refused.contains("position, -position") && refused.contains("per_page"), "{refused}");
    }
}
