//! What the outcome of an attempt means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_domain::webhook::DisableReason;

use super::{Outcome, schedule};

/// What the outcome of an attempt means for the delivery and for its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the delivery.
    pub fate: Fate,
    /// Whether the endpoint is to be disabled, and why. A delivery that is to be tried again then waits until the
    /// endpoint is enabled, and its attempt does not count.
    pub disable: Option<DisableReason>,
    /// How long the whole endpoint is to be left alone: what it asked for in `Retry-After`, zero where it did not say.
    pub throttle: Option<Duration>,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The receiver has it.
    Delivered,
    /// It is to be tried again as the schedule says, not earlier than the receiver asked for.
    Retry {
        /// What the receiver asked for.
        retry_after: Option<Duration>,
    },
    /// The receiver does not want it.
    Aborted,
}

/// The header by which a receiver says something about the delivery or about all of them.
const RECEIVERS_WORD: &str = "webhook-delivery";

impl Verdict {
    /// What an outcome means: a complete answer with a 2xx is success, all else is not, redirects included.
    #[must_use]
    pub fn on(outcome: &Outcome, now: DateTime<Utc>) -> Self {
        let word = outcome.header(RECEIVERS_WORD).map(str::trim);
        let answered = outcome.error.is_none();
        let retry_after = outcome.header("retry-after").and_then(|value| schedule::retry_after(value, now));
        let fate = match outcome.status {
            _ if word == Some("abort-message") => Fate::Aborted,
            Some(200..=299) if answered => Fate::Delivered,
            _ => Fate::Retry { retry_after },
        };
        let disable = match outcome.status {
            _ if word == Some("disable") => Some(DisableReason::ReceiversWord),
            Some(410) => Some(DisableReason::Gone),
            _ => None,
        };
        let throttle = matches!(outcome.status, Some(429 | 502 | 503 | 504));
        Self { fate, disable, throttle: throttle.then(|| retry_after.unwrap_or_default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::ErrorClass;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Verdict {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let outcome = Outcome {
            status: Some(status),
            error: None,
            headers: headers.collect(),
            body: vec![],
            took: Duration::ZERO,
        };
        Verdict::on(&outcome, DateTime::UNIX_EPOCH)
    }

    const AGAIN: Fate = Fate::Retry { retry_after: None };

    #[test]
    fn only_a_2xx_is_success_and_a_redirect_is_not() {
        for status in 200..=299 {
            assert_eq!(answer(status, &[]), Verdict { fate: Fate::Delivered, disable: None, throttle: None });
        }
        for status in [100, 199, 300, 301, 307, 308, 400, 401, 403, 404, 409, 422, 500, 599] {
            assert_eq!(answer(status, &[]), Verdict { fate: AGAIN, disable: None, throttle: None });
        }
    }

    #[test]
    fn an_answer_that_broke_off_is_no_success() {
        let outcome =
            Outcome { status: Some(200), ..Outcome::failed(ErrorClass::Timeout, Outcome::TOTAL_TIMEOUT) };
        assert_eq!(Verdict::on(&outcome, DateTime::UNIX_EPOCH).fate, AGAIN);
        let outcome = Outcome::failed(ErrorClass::Dns, Duration::ZERO);
        assert_eq!(Verdict::on(&outcome, DateTime::UNIX_EPOCH).fate, AGAIN);
    }

    #[test]
    fn a_410_disables_and_the_delivery_waits() {
        let gone = answer(410, &[]);
        assert_eq!(gone, Verdict { fate: AGAIN, disable: Some(DisableReason::Gone), throttle: None });
    }

    #[test]
    fn the_receivers_word_counts_whatever_the_status() {
        let disable = answer(200, &[("webhook-delivery", "disable")]);
        assert_eq!((disable.fate, disable.disable), (Fate::Delivered, Some(DisableReason::ReceiversWord)));
        let disable = answer(500, &[("webhook-delivery", " disable ")]);
        assert_eq!((disable.fate, disable.disable), (AGAIN, Some(DisableReason::ReceiversWord)));
        assert_eq!(answer(400, &[("webhook-delivery", "abort-message")]).fate, Fate::Aborted);
        assert_eq!(answer(400, &[("webhook-delivery", "hello")]).fate, AGAIN);
    }

    #[test]
    fn an_overloaded_receiver_is_left_alone_as_long_as_it_asks() {
        let wait = Duration::from_secs(90);
        for status in [429, 502, 503, 504] {
            let asked = answer(status, &[("retry-after", "90")]);
            assert_eq!(asked.fate, Fate::Retry { retry_after: Some(wait) });
            assert_eq!(asked.throttle, Some(wait));
            assert_eq!(answer(status, &[]).throttle, Some(Duration::ZERO));
        }
        assert_eq!(answer(500, &[("retry-after", "90")]).throttle, None);
    }
}
