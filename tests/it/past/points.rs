//! Places in the log, by position and by time.

use chrono::{DateTime, Duration, Utc};
use interflow_application::log::{EventLog, StreamId};
use interflow_application::past::{AsOf, NoSuchPoint, PastReads};
use interflow_application::{Clock, log::Append};
use interflow_infrastructure::clock::SystemClock;

use super::past;
use crate::event_log::fixture::{Build, Fixture, assigned, new_chat, opened};

/// Appends an event for each of these times, in this order.
async fn recorded_at(fixture: &Fixture, times: &[DateTime<Utc>]) {
    let chat = new_chat();
    let stream = StreamId::Chat(chat);
    for (version, time) in times.iter().enumerate() {
        let event = if version == 0 { opened(chat) } else { assigned(&format!("agent {version}")) };
        let append = Append { recorded_at: *time, ..fixture.empty().on(stream, version as u64, [event]) };
        fixture.append(append).await.unwrap();
    }
}

#[tokio::test]
async fn a_time_is_the_place_of_the_last_event_before_it_whatever_the_order_of_the_clocks() {
    let fixture = Fixture::new().await;
    let begin: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    // Two servers whose clocks differ by a few seconds, and pauses.
    let times: Vec<_> = (0..60_i64)
        .map(|n| {
            begin + Duration::seconds(n * 10 + if n % 3 == 0 { 25 } else { 0 }) + Duration::microseconds(500)
        })
        .collect();
    recorded_at(&fixture, &times).await;
    let past = past(&fixture);
    for second in -10..640 {
        let asked = begin + Duration::seconds(second);
        let place = past.place_before(fixture.workspace, asked).await.unwrap();
        let expected = times.iter().rposition(|time| *time < asked).map_or(0, |at| at as u64 + 1);
        assert_eq!(place.position, expected, "{asked}");
        let time = expected.checked_sub(1).map(|at| times[at as usize]);
        assert_eq!(place.recorded_at, time);
    }
}

#[tokio::test]
async fn a_place_is_asked_for_by_position_or_time_and_neither_is_beyond_what_there_is() {
    let fixture = Fixture::new().await;
    let now = SystemClock.now();
    let times = [now - Duration::hours(2), now - Duration::hours(1)];
    recorded_at(&fixture, &times).await;
    let (past, log) = (past(&fixture), &fixture.log);
    let head = log.head(fixture.workspace).await.unwrap();
    assert_eq!(head, 2);
    let find = async |as_of: AsOf| as_of.find(&past, &SystemClock, fixture.workspace).await.unwrap();
    let position = async |as_of: AsOf| find(as_of).await.map(|point| point.position);
    assert_eq!(position(AsOf::Position(0)).await, Ok(0));
    assert_eq!(position(AsOf::Position(2)).await, Ok(2));
    assert_eq!(position(AsOf::Position(3)).await, Err(NoSuchPoint::BeyondHead { head: 2 }));
    assert_eq!(position(AsOf::Position(u64::MAX)).await, Err(NoSuchPoint::BeyondHead { head: 2 }));
    assert_eq!(position(AsOf::Time(now - Duration::hours(3))).await, Ok(0));
    assert_eq!(position(AsOf::Time(now - Duration::minutes(90))).await, Ok(1));
    assert_eq!(position(AsOf::Time(now)).await, Ok(2));
    assert_eq!(position(AsOf::Time(now + Duration::hours(1))).await, Err(NoSuchPoint::Future));
    // As answers show it: the event is there at the very time it says.
    let shown = chrono::DurationRound::duration_trunc(times[1], Duration::milliseconds(1)).unwrap();
    assert_eq!(position(AsOf::Time(shown)).await, Ok(2));
    assert_eq!(position(AsOf::Time(shown - Duration::milliseconds(1))).await, Ok(1));
}
