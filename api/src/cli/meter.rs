//! How far a long command is: a bar that is written over on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use super::output::remark;

const WIDTH: usize = 30;
/// How often a bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is written where no bar can be.
const LINE: Duration = Duration::from_secs(5);

/// How far a long command is.
pub(super) struct Meter {
    what: String,
    /// What is counted, one of it.
    unit: &'static str,
    terminal: bool,
    begin: Instant,
    first: Option<u64>,
    shown: Option<Instant>,
}

impl Meter {
    pub(super) fn new(what: String, unit: &'static str) -> Self {
        let terminal = stderr().is_terminal();
        Self { what, unit, terminal, begin: Instant::now(), first: None, shown: None }
    }

    /// Shows that so many of so many are done, unless it was shown a moment ago.
    pub(super) fn show(&mut self, position: u64, head: u64) {
        let resumed = self.first.is_none() && position > 0;
        let first = *self.first.get_or_insert(position);
        if resumed {
            remark(&format!("{}: goes on at {} {position}", self.what, self.unit), true);
        }
        let pause = if self.terminal { FRAME } else { LINE };
        // Nothing is known before the first batch.
        let due = self.shown.map_or(position > first, |shown| shown.elapsed() >= pause);
        if due {
            self.shown = Some(Instant::now());
            let Self { what, unit, begin, .. } = self;
            let amount = amount(position, head, position.saturating_sub(first), begin.elapsed(), unit);
            let text = format!("{what}: {amount}");
            if self.terminal {
                remark(&format!("\r{} {text}\x1b[K", bar(position, head)), false);
            } else {
                remark(&text, true);
            }
        }
    }

    /// How long it took; the bar is wiped away.
    pub(super) fn end(self) -> Duration {
        if self.terminal && self.shown.is_some() {
            remark("\r\x1b[K", false);
        }
        self.begin.elapsed()
    }
}

/// `[######........]`
fn bar(position: u64, head: u64) -> String {
    let filled = position.saturating_mul(WIDTH as u64) / head.max(1);
    let filled = usize::try_from(filled).unwrap_or(WIDTH).min(WIDTH);
    format!("[{}{}]", "#".repeat(filled), ".".repeat(WIDTH - filled))
}

/// Also how fast, and how long it will take at that rate.
fn amount(position: u64, head: u64, done: u64, elapsed: Duration, unit: &str) -> String {
    let percent = position.saturating_mul(100) / head.max(1);
    let text = format!("{percent} %, {position} of {head} {unit}s");
    let (done, millis) = (u128::from(done), elapsed.as_millis().max(1));
    let (rate, per) = match (done * 1000 / millis, done * 60_000 / millis) {
        (0, 0) => return text,
        (0, a_minute) => (a_minute, "minute"),
        (a_second, _) => (a_second, "second"),
    };
    let left = u128::from(head.saturating_sub(position)) * millis / (done * 1000);
    let left = Duration::from_secs(u64::try_from(left).unwrap_or(u64::MAX));
    format!("{text}, {rate} a {per}, {} left", span(left))
}

/// `4 s`, `3 min 5 s`, `2 h 10 min`
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        assert_eq!(bar(0, 0), format!("[{}]", ".".repeat(30)));
        assert_eq!(bar(500, 1000), format!("[{}{}]", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(9, 9), format!("[{}]", "#".repeat(30)));
    }

    #[test]
    fn an_amount_says_how_fast_it_goes_and_how_long_it_will_take() {
        let said = |position, head, done, seconds| {
            amount(position, head, done, Duration::from_secs(seconds), "event")
        };
        assert_eq!(said(6_000, 60_000, 4_000, 2), "10 %, 6000 of 60000 events, 2000 a second, 27 s left");
        assert_eq!(said(10, 100, 10, 20), "10 %, 10 of 100 events, 30 a minute, 3 min 0 s left");
        assert_eq!(said(0, 5, 0, 0), "0 %, 0 of 5 events");
    }

    #[test]
    fn a_span_is_said_in_the_two_units_that_matter() {
        let said = [4, 185, 7800].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(said, ["4 s", "3 min 5 s", "2 h 10 min"]);
    }
}
