//! How far a long command is: a bar that is written over on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use super::output::remark;
use crate::compose::projections::Progress;

const WIDTH: usize = 30;
/// How often a bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is written where no bar can be.
const LINE: Duration = Duration::from_secs(5);

/// How far a long command is.
pub(super) struct Meter {
    what: String,
    terminal: bool,
    begin: Instant,
    first: Option<u64>,
    shown: Option<Instant>,
}

impl Meter {
    pub(super) fn new(what: String) -> Self {
        Self { what, terminal: stderr().is_terminal(), begin: Instant::now(), first: None, shown: None }
    }

    /// Shows it, unless it was shown a moment ago.
    pub(super) fn show(&mut self, progress: Progress) {
        let resumed = self.first.is_none() && progress.position > 0;
        let first = *self.first.get_or_insert(progress.position);
        if resumed {
            let text = format!("{}: goes on at event {}", self.what, progress.position);
            remark(&text, true);
        }
        let pause = if self.terminal { FRAME } else { LINE };
        // Nothing is known before the first batch.
        let due = self.shown.map_or(progress.position > first, |shown| shown.elapsed() >= pause);
        if due {
            self.shown = Some(Instant::now());
            let text = line(&self.what, progress, progress.position - first, self.begin.elapsed());
            if self.terminal {
                remark(&format!("\r{} {text}\x1b[K", bar(progress)), false);
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
fn bar(progress: Progress) -> String {
    let filled = progress.position.saturating_mul(WIDTH as u64) / progress.head.max(1);
    let filled = usize::try_from(filled).unwrap_or(WIDTH).min(WIDTH);
    format!("[{}{}]", "#".repeat(filled), ".".repeat(WIDTH - filled))
}

/// Also how fast, and how long it will take at that rate.
fn line(what: &str, progress: Progress, done: u64, elapsed: Duration) -> String {
    let Progress { position, head, .. } = progress;
    let percent = position.saturating_mul(100) / head.max(1);
    let text = format!("{what}: {percent} %, {position} of {head} events");
    let millis = elapsed.as_millis().max(1);
    let rate = u128::from(done) * 1000 / millis;
    if rate == 0 {
        return text;
    }
    let left = Duration::from_secs(u64::try_from(u128::from(head - position) / rate).unwrap_or(u64::MAX));
    format!("{text}, {rate} a second, {} left", span(left))
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

    const fn at(position: u64, head: u64) -> Progress {
        Progress { generation: 2, position, head }
    }

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        assert_eq!(bar(at(0, 0)), format!("[{}]", ".".repeat(30)));
        assert_eq!(bar(at(500, 1000)), format!("[{}{}]", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(at(9, 9)), format!("[{}]", "#".repeat(30)));
    }

    #[test]
    fn a_line_says_how_fast_it_goes_and_how_long_it_will_take() {
        let text = line("w", at(6_000, 60_000), 4_000, Duration::from_secs(2));
        assert_eq!(text, "w: 10 %, 6000 of 60000 events, 2000 a second, 27 s left");
        assert_eq!(line("w", at(0, 5), 0, Duration::ZERO), "w: 0 %, 0 of 5 events");
    }

    #[test]
    fn a_span_is_said_in_the_two_units_that_matter() {
        let said = [4, 185, 7800].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(said, ["4 s", "3 min 5 s", "2 h 10 min"]);
    }
}
