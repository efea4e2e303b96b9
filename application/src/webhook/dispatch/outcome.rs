//! What an attempt makes of its delivery and its endpoint. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_domain::DeliveryId;
use interflow_domain::webhook::{DisableReason, RetrySchedule};
use uuid::Uuid;

use crate::webhook::ports::{Head, Settlement};
use crate::webhook::schedule::{self, MAX_RETRY_AFTER};
use crate::webhook::{Attempt, DeliveryStatus, Fate, Verdict};

/// How long an overloaded receiver is left alone that did not say how long.
const BREATHER: Duration = Duration::from_secs(5);

/// What an attempt came to.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) settlement: Settlement,
    /// Whether the breaker counts it as a success.
    pub(super) succeeded: bool,
    pub(super) disable: Option<DisableReason>,
    pub(super) throttled_until: Option<DateTime<Utc>>,
}

/// Judges an attempt that has just ended.
pub(super) fn judge(head: Head, attempt: Attempt, plan: &RetrySchedule, now: DateTime<Utc>) -> Judged {
    let Verdict { fate, disable, throttle } = Verdict::on(&attempt.outcome, now);
    let made = head.tries + 1;
    let (tries, status) = match fate {
        Fate::Delivered => (made, DeliveryStatus::Delivered { at: now }),
        Fate::Aborted => (made, DeliveryStatus::Aborted { at: now }),
        // It waits for its endpoint, and this one does not count.
        Fate::Retry { .. } if disable.is_some() => {
            (head.tries, DeliveryStatus::Pending { next_attempt_at: now })
        }
        Fate::Retry { retry_after } => {
            let wait = schedule::wait(plan, made, retry_after, jitter(head.delivery.id, made));
            let status = match wait {
                Some(wait) => DeliveryStatus::Pending { next_attempt_at: after(now, wait) },
                None => DeliveryStatus::Failed { at: now },
            };
            (made, status)
        }
    };
    let throttled_until = throttle.map(|asked| {
        let wait = if asked.is_zero() { BREATHER } else { asked.min(MAX_RETRY_AFTER) };
        after(now, wait)
    });
    let succeeded = !matches!(fate, Fate::Retry { .. });
    let settlement = Settlement { delivery: head.delivery, attempt: Some(attempt), tries, status };
    Judged { settlement, succeeded, disable, throttled_until }
}

/// A dead letter without an attempt: there is nothing that could be sent.
pub(super) fn unspeakable(head: Head, now: DateTime<Utc>) -> Settlement {
    let status = DeliveryStatus::Failed { at: now };
    Settlement { delivery: head.delivery, attempt: None, tries: head.tries, status }
}

/// Waits are bounded by days, so this is a time that the calendar has.
pub(super) fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let wait = TimeDelta::from_std(wait).ok();
    wait.and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now)
}

/// From 0 to 1, even over deliveries, and the same whenever it is asked for.
fn jitter(delivery: DeliveryId, made: u32) -> f64 {
    let drawn = Uuid::new_v5(&delivery.uuid(), &made.to_be_bytes());
    let [a, b, c, d, ..] = *drawn.as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use interflow_domain::{ChatId, EventId, WebhookId, WorkspaceId};

    use super::*;
    use crate::log::StreamId;
    use crate::webhook::{Delivery, ErrorClass, Lane, Numbering, Outcome};

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn head(tries: u32) -> Head {
        let delivery = Delivery {
            id: DeliveryId::default(),
            workspace: WorkspaceId::default(),
            webhook: WebhookId::default(),
            event: EventId::default(),
            position: 1,
            event_type: "message.received".to_owned(),
            lane: Lane(StreamId::Chat(ChatId::default())),
            numbering: Numbering::nth(1),
            status: DeliveryStatus::Pending { next_attempt_at: NOW },
            attempts: tries,
            created_at: NOW,
        };
        Head { delivery, tries, due_at: NOW }
    }

    fn judged(tries: u32, status: u16, headers: &[(&str, &str)]) -> Judged {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let outcome = Outcome {
            status: Some(status),
            headers: headers.collect(),
            ..Outcome::failed(ErrorClass::Reset, Duration::ZERO)
        };
        let outcome = Outcome { error: None, ..outcome };
        let attempt = Attempt { number: tries + 1, at: NOW, by_hand: false, outcome };
        judge(head(tries), attempt, &RetrySchedule::default(), NOW)
    }

    #[test]
    fn a_failure_is_tried_again_as_the_schedule_says_and_the_last_is_a_dead_letter() {
        let seconds = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (tries, least) in (0..).zip(seconds) {
            let DeliveryStatus::Pending { next_attempt_at } = judged(tries, 500, &[]).settlement.status
            else {
                panic!("it is tried again")
            };
            let waited = (next_attempt_at - NOW).num_seconds();
            assert!((least..=least + least / 5).contains(&waited), "{tries}: {waited}");
        }
        assert_eq!(judged(9, 500, &[]).settlement.status, DeliveryStatus::Failed { at: NOW });
        assert!(!judged(9, 500, &[]).succeeded);
    }

    #[test]
    fn an_attempt_that_disables_does_not_count() {
        let gone = judged(3, 410, &[]);
        assert_eq!(gone.disable, Some(DisableReason::Gone));
        assert_eq!(gone.settlement.tries, 3);
        assert_eq!(gone.settlement.status, DeliveryStatus::Pending { next_attempt_at: NOW });
    }

    #[test]
    fn an_overloaded_receiver_is_left_alone_as_long_as_it_asks_up_to_a_day() {
        let until = |headers: &[(&str, &str)]| judged(0, 503, headers).throttled_until.unwrap() - NOW;
        assert_eq!(until(&[("retry-after", "90")]), TimeDelta::seconds(90));
        assert_eq!(until(&[]), TimeDelta::seconds(5));
        assert_eq!(until(&[("retry-after", "99999999999999999999")]), TimeDelta::days(1));
        assert_eq!(judged(0, 500, &[]).throttled_until, None);
    }
}
