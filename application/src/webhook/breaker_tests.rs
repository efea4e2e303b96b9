use super::*;
use proptest::prelude::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn after(outcomes: impl IntoIterator<Item = (bool, i64)>) -> Breaker {
    let mut breaker = Breaker::default();
    for (succeeded, second) in outcomes {
        breaker.record(succeeded, at(second));
    }
    breaker
}

fn opened_at(second: i64) -> State {
    State::Open { until: at(second) + COOL_DOWN, times: 1 }
}

#[test]
fn ten_failures_in_a_row_open_it_and_nine_do_not() {
    assert_eq!(after((0..9).map(|n| (false, n * 600))).state(), State::Closed);
    assert_eq!(after((0..10).map(|n| (false, n * 600))).state(), opened_at(5400));
}

#[test]
fn seven_failures_of_ten_within_five_minutes_open_it() {
    let pattern = [false, true, false, false, true, false, false, true, false, false];
    let mixed = |apart: i64| after(pattern.into_iter().zip(0..).map(move |(ok, n)| (ok, n * apart)));
    assert_eq!(mixed(1).state(), opened_at(9));
    assert_eq!(mixed(60).state(), State::Closed, "spread over ten minutes they are too few");
    let better = [false, true, false, false, true, false, true, true, false, false];
    assert_eq!(after(better.into_iter().zip(0..)).state(), State::Closed);
}

#[test]
fn open_it_admits_nothing_until_the_cool_down_ends_and_then_one_probe() {
    let mut breaker = after((0..10).map(|_| (false, 0)));
    let until = at(0) + COOL_DOWN;
    assert_eq!(breaker.admit(at(29)), Admission::NotBefore(until));
    assert_eq!(breaker.admit(at(30)), Admission::Probe);
    assert!(matches!(breaker.admit(at(31)), Admission::NotBefore(_)));
    breaker.record(true, at(32));
    assert_eq!(breaker, Breaker::default());
    assert_eq!(breaker.admit(at(32)), Admission::Free);
}

#[test]
fn every_probe_that_fails_doubles_the_cool_down_up_to_its_bound() {
    let mut breaker = after((0..10).map(|_| (false, 0)));
    let mut waits = vec![];
    for _ in 0..9 {
        let State::Open { until, .. } = breaker.state() else { panic!("open") };
        assert_eq!(breaker.admit(until), Admission::Probe);
        breaker.record(false, until);
        let State::Open { until: next, .. } = breaker.state() else { panic!("open") };
        waits.push((next - until).num_seconds());
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1800, 1800, 1800, 1800]);
}

#[test]
fn a_probe_whose_process_died_is_followed_by_another() {
    let mut breaker = after((0..10).map(|_| (false, 0)));
    assert_eq!(breaker.admit(at(30)), Admission::Probe);
    assert_eq!(breaker.admit(at(59)), Admission::NotBefore(at(60)));
    assert_eq!(breaker.admit(at(60)), Admission::Probe);
}

#[test]
fn an_endpoint_that_fails_for_five_days_is_given_up_and_one_success_starts_anew() {
    const DAY: i64 = 24 * 3600;
    let mut breaker = after([(true, 0), (false, 10)]);
    assert_eq!(breaker.failing_since(), Some(at(10)));
    assert!(!breaker.is_given_up(at(5 * DAY + 9)));
    assert!(breaker.is_given_up(at(5 * DAY + 10)));
    breaker.record(true, at(5 * DAY));
    assert!(!breaker.is_given_up(at(50 * DAY)));
}

proptest! {
    /// Against the rule as it is written down: nothing but the outcomes since it was last closed, looked at whole.
    #[test]
    fn it_opens_exactly_when_the_rule_says_so(outcomes in prop::collection::vec((any::<bool>(), 0_i64..40), 0..80)) {
        let mut breaker = Breaker::default();
        let mut seen: Vec<(bool, i64)> = vec![];
        let mut now = 0;
        for (succeeded, later) in outcomes {
            now += later * 30;
            seen.push((succeeded, now));
            breaker.record(succeeded, at(now));
            let in_a_row = seen.iter().rev().take_while(|(ok, _)| !ok).count();
            let recent: Vec<_> = seen.iter().filter(|(_, then)| now - then < WINDOW.num_seconds()).collect();
            let failed = recent.iter().filter(|(ok, _)| !ok).count();
            let mostly = recent.len() >= 10 && failed * 10 >= recent.len() * 7;
            let opens = !succeeded && (in_a_row >= 10 || mostly);
            prop_assert_eq!(matches!(breaker.state(), State::Open { .. }), opens);
            if opens {
                break;
            }
        }
    }

    #[test]
    fn it_stays_small_and_survives_json_whatever_happens(
        outcomes in prop::collection::vec((any::<bool>(), 0_i64..1000), 0..300),
    ) {
        let mut breaker = Breaker::default();
        let mut now = 0;
        for (succeeded, later) in outcomes {
            now += later;
            if !matches!(breaker.admit(at(now)), Admission::NotBefore(_)) {
                breaker.record(succeeded, at(now));
            }
            prop_assert!(breaker.slots.len() <= 11);
            prop_assert_eq!(breaker.failing_since().is_some(), breaker.in_a_row > 0);
        }
        let json = serde_json::to_string(&breaker).unwrap();
        prop_assert_eq!(serde_json::from_str::<Breaker>(&json).unwrap(), breaker);
    }
}
