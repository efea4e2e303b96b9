//! At most so many in any second.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_domain::webhook::RateLimit;

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The starts of the last second.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<DateTime<Utc>>);

impl Pace {
    /// Whether there may be a start now; if not, when.
    pub(super) fn may_start(
        &mut self,
        limit: Option<RateLimit>,
        now: DateTime<Utc>,
    ) -> Result<(), DateTime<Utc>> {
        while self.0.front().is_some_and(|first| now - *first >= SECOND) {
            self.0.pop_front();
        }
        let limit = limit.map(|limit| usize::from(limit.per_second()));
        match self.0.front() {
            Some(first) if limit.is_some_and(|limit| self.0.len() >= limit) => Err(*first + SECOND),
            _ => Ok(()),
        }
    }

    /// Counts a start. Where there is no limit there is nothing to count.
    pub(super) fn start(&mut self, limit: Option<RateLimit>, now: DateTime<Utc>) {
        match limit {
            Some(_) => self.0.push_back(now),
            None => self.0.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_has_more_starts_than_allowed(
            limit in 1_u16..20,
            steps in prop::collection::vec(0_i64..400, 1..200),
        ) {
            let (mut pace, mut now, mut starts) = (Pace::default(), DateTime::UNIX_EPOCH, vec![]);
            let rate = Some(RateLimit::try_new(limit).unwrap());
            for step in steps {
                now += TimeDelta::milliseconds(step);
                match pace.may_start(rate, now) {
                    Ok(()) => {
                        pace.start(rate, now);
                        starts.push(now);
                    }
                    Err(at) => prop_assert!(at > now && at <= now + SECOND),
                }
            }
            for first in &starts {
                let within = starts.iter().filter(|start| *start >= first && **start - *first < SECOND);
                prop_assert!(within.count() <= usize::from(limit));
            }
        }
    }
}
