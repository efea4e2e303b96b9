//! Pages of a list, by number for people and by cursor for programs.

use std::fmt;
use std::str::FromStr;

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Where it begins.
    pub window: Window,
    /// How many entries, 1 to [`PageRequest::MAX_SIZE`].
    pub size: u32,
}

impl PageRequest {
    /// Entries on a page when nobody says otherwise.
    pub const DEFAULT_SIZE: u32 = 20;
    /// Most entries on a page.
    pub const MAX_SIZE: u32 = 100;
    /// Last page that may be asked for by number; beyond it the cursor is needed.
    pub const MAX_NUMBER: u32 = 500;
    /// Up to here the total is counted exactly.
    pub const EXACT_TOTAL: u64 = 10_000;
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The page with this number, from 1.
    Number(u32),
    /// After the entry a cursor points at.
    After(Cursor),
}

/// Points behind an entry of a list: the log position the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// What was given is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the 'next_cursor' of an earlier answer")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix('c').filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        // Positions are stored as signed 64-bit integers.
        value.filter(|value| i64::try_from(*value).is_ok()).map(Self).ok_or(InvalidCursor)
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What points behind each of them; none where the entries have no place of their own.
    pub cursors: Vec<Cursor>,
    /// How many the list has.
    pub total: u64,
    /// Whether `total` is an estimate.
    pub total_is_estimate: bool,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_anything_else_refused() {
        for position in [0, 1, 255, u64::from(u32::MAX), i64::MAX as u64] {
            assert_eq!(Cursor(position).to_string().parse(), Ok(Cursor(position)));
        }
        for text in ["", "c", "12", "c+1", "cxyz", "cffffffffffffffff", "c1 "] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
