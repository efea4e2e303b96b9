//! When a delivery is tried again.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use interflow_domain::webhook::RetrySchedule;

/// The most that is added to a wait, as a share of it. Nothing is ever taken away.
pub const JITTER: f64 = 0.2;
/// The longest wait a receiver may ask for: a day. Beyond that its word is taken for a mistake.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How long to wait after the `made`-th attempt (0 before the first) until the next; nothing when there is none, and the
/// delivery is a dead letter.
///
/// `jitter` is drawn evenly from 0 to 1: it is added, as a share of [`JITTER`], so that what failed together does not
/// come again together. What the receiver asked for is the least, up to [`MAX_RETRY_AFTER`].
#[must_use]
pub fn wait(
    schedule: &RetrySchedule,
    made: u32,
    retry_after: Option<Duration>,
    jitter: f64,
) -> Option<Duration> {
    let planned = schedule.waits().nth(usize::try_from(made).ok()?)?;
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    let least = planned.max(asked);
    Some(least + least.mul_f64(JITTER * jitter.clamp(0.0, 1.0)))
}

/// What `Retry-After` asks for: seconds, or a time; a time that has passed asks for nothing.
#[must_use]
pub fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some((date(value)? - now).to_std().unwrap_or_default())
}

/// A date of HTTP: the form that is sent, and the two old ones that must be understood (RFC 9110, 5.6.7).
fn date(value: &str) -> Option<DateTime<Utc>> {
    const OLD: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let sent = DateTime::parse_from_rfc2822(value).ok().map(|date| date.to_utc());
    let old = |form| NaiveDateTime::parse_from_str(value, form).ok().map(|date| date.and_utc());
    sent.or_else(|| OLD.into_iter().find_map(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u64 = 3600;

    fn seconds(made: u32) -> Option<u64> {
        wait(&RetrySchedule::default(), made, None, 0.0).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_default_schedule_is_that_of_standard_webhooks() {
        let waits: Vec<_> = (0..).map_while(seconds).collect();
        let hours = [2, 5, 10, 14, 20, 24].map(|hours| hours * HOUR);
        assert_eq!(waits, [[0, 5, 300, 1800].as_slice(), &hours].concat());
        assert_eq!(seconds(u32::MAX), None);
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_time() {
        let now = "2026-07-01T10:00:00Z".parse().unwrap();
        let asked = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" 0 "), Some(0));
        assert_eq!(asked("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(asked("Wed, 01 Jul 2026 10:02:00 GMT"), Some(120));
        assert_eq!(asked("Wed, 01 Jul 2026 09:00:00 GMT"), Some(0));
        assert_eq!(asked("Wednesday, 01-Jul-26 10:02:00 GMT"), Some(120));
        assert_eq!(asked("Wed Jul  1 10:02:00 2026"), Some(120));
        for nonsense in ["", "-5", "1.5", "soon", "2026-07-01T10:00:00Z"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }

    fn schedules() -> impl Strategy<Value = RetrySchedule> {
        prop::collection::vec(0..=RetrySchedule::MAX_WAIT, 1..=RetrySchedule::MAX_ATTEMPTS)
            .prop_map(|waits| RetrySchedule::try_new(waits).unwrap())
    }

    proptest! {
        #[test]
        fn jitter_only_adds_and_never_more_than_its_share(
            schedule in schedules(),
            made in 0_u32..25,
            asked in prop::option::of(0_u64..1_000_000),
            jitter in 0.0..=1.0,
        ) {
            let asked = asked.map(Duration::from_secs);
            let plain = wait(&schedule, made, asked, 0.0);
            let drawn = wait(&schedule, made, asked, jitter);
            prop_assert_eq!(plain.is_some(), (made as usize) < schedule.seconds().len());
            prop_assert_eq!(drawn.is_some(), plain.is_some());
            if let (Some(plain), Some(drawn)) = (plain, drawn) {
                prop_assert!(drawn >= plain);
                prop_assert!(drawn <= plain.mul_f64(1.0 + JITTER) + Duration::from_nanos(2));
            }
        }

        #[test]
        fn no_attempt_is_earlier_than_the_receiver_asked_for(
            schedule in schedules(),
            asked in 0_u64..200_000,
            jitter in 0.0..=1.0,
        ) {
            let asked = Duration::from_secs(asked);
            let wait = wait(&schedule, 0, Some(asked), jitter).unwrap();
            prop_assert!(wait >= asked.min(MAX_RETRY_AFTER));
            prop_assert!(wait >= schedule.waits().next().unwrap());
        }
    }
}
