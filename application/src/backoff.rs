//! Exponential backoff with full jitter: the wait before attempt n is drawn evenly from zero to base · 2ⁿ, capped.

use std::time::Duration;

/// A schedule of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub base: Duration,
    /// The bound no wait exceeds.
    pub cap: Duration,
}

impl Backoff {
    /// The bound of the wait before attempt `attempt`, counted from 0.
    #[must_use]
    pub fn bound(&self, attempt: u32) -> Duration {
        self.base.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(self.cap)
    }

    /// A wait before attempt `attempt`, counted from 0.
    #[must_use]
    pub fn wait(&self, attempt: u32) -> Duration {
        self.bound(attempt).mul_f64(rand::random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_never_exceed_their_bound() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60) };
        let bounds: Vec<_> = (0..8).map(|attempt| backoff.bound(attempt).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.bound(4_000_000_000).as_secs(), 60);
        assert!((0..1000).all(|attempt| backoff.wait(attempt) <= backoff.bound(attempt)));
    }
}
