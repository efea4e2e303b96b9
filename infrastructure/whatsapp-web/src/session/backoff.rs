//! When to try again: exponential with full jitter, the first time at once.

use std::time::Duration;

use rand::Rng;

const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(60);
/// Enough to spread the clients of a process that all lost their sockets at once.
const FIRST: Duration = Duration::from_millis(250);

/// Counts failures in a row and says how long to wait after each.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    base: Duration,
    cap: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { failures: 0, base: BASE, cap: CAP }
    }

    /// For what is nearby and answers soon, like the event log.
    pub(crate) fn brisk() -> Self {
        Self { failures: 0, base: Duration::from_millis(100), cap: Duration::from_secs(10) }
    }

    /// It went well: the next failure is the first.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait before the next attempt.
    pub(crate) fn pause(&mut self) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(rand::rng().random::<f64>())
    }

    fn ceiling(&self) -> Duration {
        match self.failures.checked_sub(1) {
            None => FIRST.min(self.base),
            Some(doublings) => self.base.saturating_mul(1 << doublings.min(16)).min(self.cap),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_from_one_second_to_sixty() {
        let mut backoff = Backoff::new();
        let ceilings: Vec<_> = (0..9)
            .map(|_| {
                let ceiling = backoff.ceiling();
                assert!(backoff.pause() <= ceiling);
                ceiling.as_millis()
            })
            .collect();
        assert_eq!(ceilings, [250, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let mut backoff = Backoff { failures: u32::MAX - 1, base: BASE, cap: CAP };
        for _ in 0..3 {
            assert!(backoff.pause() <= CAP);
        }
    }
}
