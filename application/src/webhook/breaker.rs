//! The breaker of an endpoint: when most of what is sent to it fails, it is left alone, and then tried with one delivery.
//!
//! Closed, everything goes. It opens when of at least [`LEAST`] attempts of the last five minutes [`SHARE`] percent
//! failed, or [`IN_A_ROW`] in a row. Open, nothing goes, for [`COOL_DOWN`] at first and twice as long after every probe
//! that fails. Then it is half-open: one attempt goes, and closes it or opens it again. An endpoint that has answered
//! nothing but failures for [`GIVEN_UP_AFTER`] is given up: it is to be disabled.
//!
//! The state machine holds no clock; it is small, and is stored as JSON beside its endpoint.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How many attempts there must be before their share of failures counts.
pub const LEAST: u32 = 10;
/// The share of failures that opens it, in percent.
pub const SHARE: u32 = 70;
/// How many failures in a row open it.
pub const IN_A_ROW: u32 = 10;
/// How long attempts count.
pub const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// How long it is open for the first time.
pub const COOL_DOWN: TimeDelta = TimeDelta::seconds(30);
/// How long it is open at most.
pub const LONGEST_COOL_DOWN: TimeDelta = TimeDelta::minutes(30);
/// How long an endpoint may fail before it is given up.
pub const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(5);
/// How long attempts are counted together: ten counts a window, whatever the traffic.
const SLOT: TimeDelta = TimeDelta::seconds(30);

/// The breaker of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    state: State,
    slots: VecDeque<Slot>,
    in_a_row: u32,
    failing_since: Option<DateTime<Utc>>,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    /// Everything goes.
    #[default]
    Closed,
    /// Nothing goes.
    Open {
        /// Until when.
        until: DateTime<Utc>,
        /// How many times it opened since it was last closed, from 1.
        times: u32,
    },
    /// One attempt is under way that decides.
    HalfOpen {
        /// Since when.
        since: DateTime<Utc>,
        /// How many times it opened since it was last closed.
        times: u32,
    },
}

/// The attempts of a short time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    begins: DateTime<Utc>,
    succeeded: u32,
    failed: u32,
}

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As many as there are.
    Free,
    /// This one, and no other until it is recorded.
    Probe,
    /// None before this time.
    NotBefore(DateTime<Utc>),
}

impl Breaker {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Since when nothing but failures came; absent after a success.
    #[must_use]
    pub const fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.failing_since
    }

    /// Whether the endpoint has failed so long that it is to be disabled.
    #[must_use]
    pub fn is_given_up(&self, at: DateTime<Utc>) -> bool {
        self.failing_since.is_some_and(|since| at - since >= GIVEN_UP_AFTER)
    }

    /// Whether an attempt may be made now. A probe that is admitted must be recorded; one of a process that died is
    /// forgotten after as long as an attempt can take, twice over.
    pub fn admit(&mut self, at: DateTime<Utc>) -> Admission {
        const FORGOTTEN_AFTER: TimeDelta = TimeDelta::seconds(30);
        let times = match self.state {
            State::Closed => return Admission::Free,
            State::Open { until, .. } if at < until => return Admission::NotBefore(until),
            State::HalfOpen { since, .. } if at - since < FORGOTTEN_AFTER => {
                return Admission::NotBefore(since + FORGOTTEN_AFTER);
            }
            State::Open { times, .. } | State::HalfOpen { times, .. } => times,
        };
        self.state = State::HalfOpen { since: at, times };
        Admission::Probe
    }

    /// Records what came of an attempt. Times may come a little out of order.
    pub fn record(&mut self, succeeded: bool, at: DateTime<Utc>) {
        self.count(succeeded, at);
        if succeeded {
            self.in_a_row = 0;
            self.failing_since = None;
        } else {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.failing_since.get_or_insert(at);
        }
        match (self.state, succeeded) {
            // Attempts that were under way when it opened prove nothing new when they fail.
            (State::Open { .. }, false) => {}
            (State::Closed, true) => {}
            (State::Open { .. } | State::HalfOpen { .. }, true) => {
                let failing_since = self.failing_since;
                *self = Self { failing_since, ..Self::default() };
            }
            (State::HalfOpen { times, .. }, false) => self.open(at, times.saturating_add(1)),
            (State::Closed, false) if self.is_tripped() => self.open(at, 1),
            (State::Closed, false) => {}
        }
    }

    fn open(&mut self, at: DateTime<Utc>, times: u32) {
        let doublings = times.saturating_sub(1).min(16);
        let cool_down = (COOL_DOWN * (1 << doublings)).min(LONGEST_COOL_DOWN);
        self.state = State::Open { until: at + cool_down, times };
    }

    fn is_tripped(&self) -> bool {
        let failed: u32 = self.slots.iter().map(|slot| slot.failed).sum();
        let all = failed + self.slots.iter().map(|slot| slot.succeeded).sum::<u32>();
        let mostly = all >= LEAST && u64::from(failed) * 100 >= u64::from(all) * u64::from(SHARE);
        mostly || self.in_a_row >= IN_A_ROW
    }

    fn count(&mut self, succeeded: bool, at: DateTime<Utc>) {
        while self.slots.front().is_some_and(|slot| at - slot.begins >= WINDOW) {
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|slot| at - slot.begins >= SLOT) {
            self.slots.push_back(Slot { begins: at, succeeded: 0, failed: 0 });
        }
        if let Some(slot) = self.slots.back_mut() {
            let counter = if succeeded { &mut slot.succeeded } else { &mut slot.failed };
            *counter = counter.saturating_add(1);
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
