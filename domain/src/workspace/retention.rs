//! How long what customers and agents wrote can be read.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// After how many days the contents of messages are forgotten. Their keys are cut by calendar months (UTC), so a month is
/// forgotten as a whole, when its last moment is so long ago: a message is kept for at least so many days, and for at most a
/// month longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct MessageRetention(u16);

impl MessageRetention {
    /// The least: a kept answer to a repeated request, which may quote a message, is gone after a day.
    pub const LEAST: u16 = 1;
    /// The most, a hundred years.
    pub const MOST: u16 = 36_500;

    /// So many days.
    pub fn try_new(days: u16) -> Result<Self, InvalidValue> {
        if (Self::LEAST..=Self::MOST).contains(&days) {
            Ok(Self(days))
        } else {
            Err(InvalidValue("must be a number of days from 1 to 36500"))
        }
    }

    /// How many days.
    #[must_use]
    pub const fn days(self) -> u16 {
        self.0
    }

    /// The first day of the first month that is not forgotten yet: every month before it ended at least so many days ago.
    #[must_use]
    pub fn keeps_from(self, now: DateTime<Utc>) -> NaiveDate {
        let oldest = now.date_naive().checked_sub_days(Days::new(u64::from(self.0)));
        oldest.and_then(|day| day.with_day(1)).unwrap_or(NaiveDate::MIN)
    }
}

impl TryFrom<u16> for MessageRetention {
    type Error = InvalidValue;

    fn try_from(days: u16) -> Result<Self, InvalidValue> {
        Self::try_new(days)
    }
}

impl From<MessageRetention> for u16 {
    fn from(retention: MessageRetention) -> Self {
        retention.0
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_goes_when_its_last_moment_is_so_many_days_ago() {
        let keeps =
            |days: u16, now: &str| MessageRetention::try_new(days).unwrap().keeps_from(now.parse().unwrap());
        assert_eq!(keeps(30, "2026-03-30T23:59:59Z"), day("2026-02-01"));
        assert_eq!(keeps(30, "2026-03-31T00:00:00Z"), day("2026-03-01"));
        assert_eq!(keeps(1, "2026-01-01T12:00:00Z"), day("2025-12-01"));
        assert_eq!(keeps(1, "2026-01-02T00:00:00Z"), day("2026-01-01"));
    }

    #[test]
    fn no_retention_is_shorter_than_a_day_or_longer_than_a_century() {
        assert!(MessageRetention::try_new(0).is_err() && MessageRetention::try_new(36_501).is_err());
        assert!(serde_json::from_str::<MessageRetention>("0").is_err());
        let century = MessageRetention::try_new(MessageRetention::MOST).unwrap();
        assert_eq!(serde_json::to_string(&century).unwrap(), "36500");
    }

    #[test]
    fn nothing_is_forgotten_before_its_days_have_passed_nor_a_month_later_than_that() {
        let now: DateTime<Utc> = "2026-11-29T17:05:00Z".parse().unwrap();
        for (days, hours) in
            (1..800).step_by(7).flat_map(|days| (0..24_000).step_by(5).map(move |h| (days, h)))
        {
            let (written, age) = (now - TimeDelta::hours(hours), hours / 24);
            let keeps_from = MessageRetention::try_new(days).unwrap().keeps_from(now);
            let is_forgotten = written.date_naive().with_day(1).unwrap() < keeps_from;
            assert!(!is_forgotten || age >= i64::from(days), "{days} {written}");
            assert!(is_forgotten || age <= i64::from(days) + 32, "{days} {written}");
        }
    }
}
