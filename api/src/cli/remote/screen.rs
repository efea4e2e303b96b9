//! Where answers are shown: columns for people, the API's data as it is for programs.

use std::io::{ErrorKind, IsTerminal, stdout};

use unicode_width::UnicodeWidthStr;

use super::client::Data;
use super::failure::Failure;
use crate::cli::output::{remark, try_say};

const GAP: &str = "  ";

/// Standard output, and who reads it.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Whether a program reads it.
    pub json: bool,
    /// Whether a terminal shows it, which can be drawn over.
    pub terminal: bool,
    colour: bool,
}

/// How a text stands out, where colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Busy,
    Bad,
    Faint,
    Read,
}

impl Tone {
    /// What a state of anything amounts to.
    pub fn of(state: &str) -> Self {
        match state {
            "open" | "active" | "completed" | "delivered" => Self::Good,
            "read" | "played" => Self::Read,
            "connecting" | "queued" | "running" | "snoozed" => Self::Busy,
            "failed" | "suspended" | "cancelled" | "incomplete" => Self::Bad,
            "close" | "closed" => Self::Faint,
            _ => Self::Plain,
        }
    }

    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Busy => Some("33"),
            Self::Bad => Some("31"),
            Self::Faint => Some("2"),
            Self::Read => Some("36"),
        }
    }
}

/// A text with its tone.
#[derive(Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text in a tone.
    pub const fn toned(text: String, tone: Tone) -> Self {
        Self { text, tone }
    }

    /// A state, in the tone of what it amounts to.
    pub fn state(text: String) -> Self {
        Self { tone: Tone::of(&text), text }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Screen {
    /// Colours are for terminals, unless `NO_COLOR` (no-color.org) says otherwise.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let terminal = stdout().is_terminal();
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { json, terminal: terminal && !json, colour: terminal && !json && !unwanted }
    }

    /// Says a line.
    pub fn line(self, text: &str) -> Result<(), Failure> {
        try_say(text).map_err(|source| match source.kind() {
            ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Unwritable { source },
        })
    }

    /// Says the API's data, as it is.
    pub fn data(self, data: &Data) -> Result<(), Failure> {
        self.line(data.raw())
    }

    /// Says beside the answer what only a person wants to know.
    pub fn remark(self, text: &str) {
        if !self.json {
            remark(text, true);
        }
    }

    /// A text in its tone.
    #[must_use]
    pub fn paint(self, text: &str, tone: Tone) -> String {
        match tone.code().filter(|_| self.colour) {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }

    /// Lines of a drawing for dark terminals, on whatever terminal.
    #[must_use]
    pub fn white_on_black(self, drawing: &str) -> String {
        if !self.colour {
            return drawing.trim_end().to_owned();
        }
        let lines: Vec<_> = drawing.lines().map(|line| format!("\x1b[97;40m{line}\x1b[0m")).collect();
        lines.join("\n")
    }

    /// Says rows in columns, with their titles.
    pub fn table<const N: usize>(self, titles: [&str; N], rows: Vec<[Cell; N]>) -> Result<(), Failure> {
        let titles = titles.map(|title| Cell { text: title.to_owned(), tone: Tone::Faint });
        self.rows(&std::iter::once(titles).chain(rows).collect::<Vec<_>>())
    }

    /// Says what something is, a line a property.
    pub fn properties(self, properties: Vec<(&str, Cell)>) -> Result<(), Failure> {
        let faint = |label: &str| Cell { text: label.to_owned(), tone: Tone::Faint };
        self.rows(&properties.into_iter().map(|(label, value)| [faint(label), value]).collect::<Vec<_>>())
    }

    /// Says rows in columns.
    pub fn rows<const N: usize>(self, rows: &[[Cell; N]]) -> Result<(), Failure> {
        self.columns(rows).iter().try_for_each(|line| self.line(line))
    }

    fn columns<const N: usize>(self, rows: &[[Cell; N]]) -> Vec<String> {
        let mut widths = [0; N];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        let line = |row: &[Cell; N]| {
            let padded = row.iter().zip(widths).map(|(cell, width)| {
                let padding = " ".repeat(width - cell.text.width());
                format!("{}{padding}", self.paint(&cell.text, cell.tone))
            });
            padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Screen = Screen { json: false, terminal: false, colour: false };

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows: Vec<[Cell; 2]> = vec![["東京".into(), "1".into()], ["Ana".into(), "22".into()]];
        assert_eq!(PLAIN.columns(&rows), ["東京  1", "Ana   22"]);
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        let coloured = Screen { colour: true, ..PLAIN };
        let rows = [[Cell::state("open".to_owned()), "x".into()]];
        assert_eq!(coloured.columns(&rows), ["\x1b[32mopen\x1b[0m  x"]);
        assert_eq!(PLAIN.columns(&rows), ["open  x"]);
        assert_eq!(PLAIN.white_on_black("█▀\n▀█\n"), "█▀\n▀█");
        assert_eq!(coloured.white_on_black("█\n"), "\x1b[97;40m█\x1b[0m");
    }
}
