use super::*;
use crate::instance::{FLAPPING_DISCONNECTS, FLAPPING_WINDOW};
use crate::testing::given;

const LOST: DisconnectReason = DisconnectReason::ConnectionLost;

fn lost_at(second: i64) -> InstanceEvent {
    InstanceEvent::InstanceDisconnected { reason: LOST, at: Some(at(second)) }
}

fn record_lost_at(second: i64) -> InstanceCommand {
    InstanceCommand::RecordDisconnected { reason: LOST, at: at(second) }
}

/// Connected again after each of these ends.
fn broken_at(seconds: impl IntoIterator<Item = i64>) -> Vec<InstanceEvent> {
    seconds.into_iter().fold(open(), |events, second| with(with(events, lost_at(second)), connected()))
}

fn alarm(since: i64) -> InstanceEvent {
    InstanceEvent::FlappingDetected { since: at(since), disconnects: FLAPPING_DISCONNECTS as u32 }
}

#[test]
fn a_connection_that_keeps_breaking_is_said_to_flap() {
    given::<Instance>(broken_at([0, 10, 20, 30]))
        .when(record_lost_at(40))
        .then_expect_events(vec![lost_at(40), alarm(0)]);
    given::<Instance>(broken_at([0, 10, 20])).when(record_lost_at(30)).then_expect_events(vec![lost_at(30)]);
}

#[test]
fn what_broke_longer_ago_than_the_window_does_not_count() {
    let window = FLAPPING_WINDOW.num_seconds();
    given::<Instance>(broken_at([0, 10, 20, 30]))
        .when(record_lost_at(window + 1))
        .then_expect_events(vec![lost_at(window + 1)]);
    given::<Instance>(broken_at([0, 10, 20, 30]))
        .when(record_lost_at(window))
        .then_expect_events(vec![lost_at(window), alarm(0)]);
}

#[test]
fn flapping_is_said_once_until_the_connection_has_been_stable() {
    let mut flapping = with(with(broken_at([0, 10, 20, 30]), lost_at(40)), alarm(0));
    flapping.push(connected());
    for second in (50..900).step_by(100) {
        given::<Instance>(flapping.clone())
            .when(record_lost_at(second))
            .then_expect_events(vec![lost_at(second)]);
        flapping.extend([lost_at(second), connected()]);
    }
    let stable = 850 + FLAPPING_WINDOW.num_seconds() + 1;
    for second in (stable..stable + 4).collect::<Vec<_>>() {
        given::<Instance>(flapping.clone())
            .when(record_lost_at(second))
            .then_expect_events(vec![lost_at(second)]);
        flapping.extend([lost_at(second), connected()]);
    }
    given::<Instance>(flapping)
        .when(record_lost_at(stable + 4))
        .then_expect_events(vec![lost_at(stable + 4), alarm(stable)]);
}

#[test]
fn what_we_did_ourselves_is_no_sign_of_flapping() {
    for reason in [DisconnectReason::ServerStopped, DisconnectReason::RestartRequested] {
        let ours =
            |second| InstanceEvent::InstanceDisconnected { reason: reason.clone(), at: Some(at(second)) };
        given::<Instance>(broken_at([0, 10, 20, 30]))
            .when(InstanceCommand::RecordDisconnected { reason: reason.clone(), at: at(40) })
            .then_expect_events(vec![ours(40)]);
        let restarted = (0..9).fold(open(), |events, second| with(with(events, ours(second)), connected()));
        given::<Instance>(restarted).when(record_lost_at(10)).then_expect_events(vec![lost_at(10)]);
    }
}

#[test]
fn an_end_that_does_not_say_when_counts_for_nothing() {
    let timeless = InstanceEvent::InstanceDisconnected { reason: LOST, at: None };
    let history = (0..9).fold(open(), |events, _| with(with(events, timeless.clone()), connected()));
    given::<Instance>(history).when(record_lost_at(10)).then_expect_events(vec![lost_at(10)]);
}

#[test]
fn a_clock_that_jumps_back_neither_panics_nor_forgets() {
    given::<Instance>(broken_at([100, 110, 120, 130]))
        .when(record_lost_at(40))
        .then_expect_events(vec![lost_at(40), alarm(100)]);
}
