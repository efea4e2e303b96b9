//! A list that can be filtered and sorted: which of it, in which order, from where on.
//!
//! Where a page ended is a [`Mark`]: the value the list is sorted by, and a log position, which is unique. So the next
//! page begins behind that row whatever is written meanwhile, and costs the same however far it is. As text a mark is
//! a cursor, bound to the list, its sort and its filters.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::page::{InvalidCursor, PageRequest};

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<F, K> {
    /// What of it is wanted.
    pub filter: F,
    /// In which order.
    pub sort: Sort<K>,
    /// From where on.
    pub start: Start,
    /// How many entries, 1 to [`PageRequest::MAX_SIZE`].
    pub size: u32,
}

impl<F, K: SortKey> Listing<F, K> {
    /// The beginning of the list, in its usual order.
    #[must_use]
    pub const fn first(filter: F, size: u32) -> Self {
        Self { filter, sort: Sort::USUAL, start: Start::Page(1), size }
    }
}

impl<F: Default, K: SortKey> Default for Listing<F, K> {
    fn default() -> Self {
        Self::first(F::default(), PageRequest::DEFAULT_SIZE)
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The page with this number, 1 to [`PageRequest::MAX_NUMBER`].
    Page(u32),
    /// Behind a row.
    After(Mark),
}

/// A page of a [`Listing`].
#[derive(Debug, Clone, PartialEq)]
pub struct Marked<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The mark of each of them.
    pub marks: Vec<Mark>,
    /// How many the list has.
    pub total: u64,
    /// Whether `total` is an estimate.
    pub total_is_estimate: bool,
    /// Where the next page begins, if there is one. There may be one though this page is not full: when so many rows
    /// did not fit the filters that the search was left off.
    pub next: Option<Mark>,
    /// Asked for by number, the page lies behind the rows that are tried for one answer: only a cursor reaches it.
    pub is_out_of_reach: bool,
}

impl<T> Marked<T> {
    /// The only page of a list that has nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            items: vec![],
            marks: vec![],
            total: 0,
            total_is_estimate: false,
            next: None,
            is_out_of_reach: false,
        }
    }
}

/// What a list is sorted by.
pub trait SortKey: Copy + PartialEq + fmt::Debug + 'static {
    /// Every key, by its name.
    const NAMES: &'static [(&'static str, Self)];
    /// The order when nobody says otherwise.
    const USUAL: Sort<Self>;

    /// Whether its values are texts; else they are times.
    fn is_text(self) -> bool {
        false
    }
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<K> {
    /// By what.
    pub key: K,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl<K: SortKey> Sort<K> {
    /// The usual order.
    pub const USUAL: Self = K::USUAL;

    /// Every order there is, by its name.
    pub fn names() -> Vec<String> {
        K::NAMES.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]).collect()
    }
}

impl<K: SortKey> fmt::Display for Sort<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = K::NAMES.iter().find(|(_, key)| *key == self.key).map_or("", |(name, _)| *name);
        write!(f, "{}{name}", if self.descending { "-" } else { "" })
    }
}

/// What was given is no order of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {0}")]
pub struct InvalidSort(String);

impl<K: SortKey> FromStr for Sort<K> {
    type Err = InvalidSort;

    /// A leading `-` turns the order round.
    fn from_str(text: &str) -> Result<Self, InvalidSort> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let found = K::NAMES.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, key)| Self { key: *key, descending })
            .ok_or_else(|| InvalidSort(Self::names().join(", ")))
    }
}

/// What customers are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerSort {
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// Their name: by code point, without regard to case and accents of Latin letters; those without one come last.
    Name,
}

impl SortKey for CustomerSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt), ("name", Self::Name)];
    const USUAL: Sort<Self> = Sort { key: Self::CreatedAt, descending: true };

    fn is_text(self) -> bool {
        self == Self::Name
    }
}

/// What chats are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatSort {
    /// When they last changed, or a message last came or was to go.
    LastActivity,
    /// When they were opened.
    CreatedAt,
}

impl SortKey for ChatSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("last_activity", Self::LastActivity), ("created_at", Self::CreatedAt)];
    const USUAL: Sort<Self> = Sort { key: Self::LastActivity, descending: true };
}

/// What messages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageSort {
    /// When they were recorded.
    CreatedAt,
}

impl SortKey for MessageSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const USUAL: Sort<Self> = Sort { key: Self::CreatedAt, descending: true };
}

/// Behind which row a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The row's value of what the list is sorted by.
    pub value: SortValue,
    /// The row's log position, which decides among equal values.
    pub position: u64,
}

/// A value a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SortValue {
    /// To the microsecond.
    Time(DateTime<Utc>),
    /// As it is sorted, which need not be how it is shown.
    Text(String),
}

/// What a list is told from others by: a hash of its name, its sort and its filters.
pub type Fingerprint = [u8; 8];

impl Mark {
    /// The mark as a cursor of the list with this fingerprint.
    #[must_use]
    pub fn to_cursor(&self, list: Fingerprint) -> String {
        let mut bytes = list.to_vec();
        bytes.extend(self.position.to_be_bytes());
        match &self.value {
            SortValue::Time(time) => bytes.extend(time.timestamp_micros().to_be_bytes()),
            SortValue::Text(text) => bytes.extend(text.as_bytes()),
        }
        hex::encode(bytes)
    }

    /// Reads a cursor of the list with this fingerprint.
    pub fn from_cursor<K: SortKey>(
        text: &str,
        list: Fingerprint,
        sorted_by: K,
    ) -> Result<Self, InvalidCursor> {
        Self::decode(text, list, sorted_by.is_text()).ok_or(InvalidCursor)
    }

    fn decode(text: &str, list: Fingerprint, is_text: bool) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        let (fingerprint, rest) = bytes.split_first_chunk()?;
        let (position, value) = rest.split_first_chunk()?;
        let position = u64::from_be_bytes(*position);
        let value = if is_text {
            SortValue::Text(String::from_utf8(value.to_vec()).ok().filter(|text| !text.contains('\0'))?)
        } else {
            let time = DateTime::from_timestamp_micros(i64::from_be_bytes(value.try_into().ok()?))?;
            // What a database can hold, too.
            SortValue::Time(
                Some(time).filter(|time| (FIRST_SECOND..=LAST_SECOND).contains(&time.timestamp()))?,
            )
        };
        // Positions are stored as signed 64-bit integers.
        (*fingerprint == list && i64::try_from(position).is_ok()).then_some(Self { value, position })
    }
}

/// The years 1 to 9999.
const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Fingerprint = [7; 8];

    fn time(micros: i64) -> SortValue {
        SortValue::Time(DateTime::from_timestamp_micros(micros).unwrap())
    }

    #[test]
    fn a_cursor_is_read_back_by_its_own_list_alone() {
        for (value, key) in [
            (time(1_700_000_000_123_456), CustomerSort::CreatedAt),
            (SortValue::Text("0ana".to_owned()), CustomerSort::Name),
            (SortValue::Text(String::new()), CustomerSort::Name),
        ] {
            let mark = Mark { value, position: 42 };
            let cursor = mark.to_cursor(LIST);
            assert_eq!(Mark::from_cursor(&cursor, LIST, key), Ok(mark));
            assert_eq!(Mark::from_cursor(&cursor, [8; 8], key), Err(InvalidCursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let good = Mark { value: time(0), position: 1 }.to_cursor(LIST);
        let far = Mark { value: time(253_402_300_800_000_000), position: 1 }.to_cursor(LIST);
        let high = Mark { value: time(0), position: u64::MAX }.to_cursor(LIST);
        for text in ["", "c1", "zz", &good[2..], &format!("{good}00"), &far, &high] {
            assert_eq!(Mark::from_cursor(text, LIST, MessageSort::CreatedAt), Err(InvalidCursor), "{text}");
        }
        let nul = Mark { value: SortValue::Text("a\0".to_owned()), position: 1 }.to_cursor(LIST);
        assert_eq!(Mark::from_cursor(&nul, LIST, CustomerSort::Name), Err(InvalidCursor));
    }

    #[test]
    fn an_order_is_read_by_its_name() {
        let sort = |text: &str| text.parse::<Sort<CustomerSort>>();
        assert_eq!(sort("-updated_at"), Ok(Sort { key: CustomerSort::UpdatedAt, descending: true }));
        assert_eq!(sort("name").unwrap().to_string(), "name");
        for text in ["", "-", "--name", "Name", "email"] {
            let error = sort(text).unwrap_err().to_string();
            assert!(error.contains("-created_at, updated_at"), "{error}");
        }
    }
}
