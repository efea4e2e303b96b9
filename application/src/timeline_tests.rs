use interflow_domain::{EventId, InstanceId};
use uuid::Uuid;

use super::*;

fn recorded(version: u64, event: InstanceEvent) -> RecordedEvent {
    RecordedEvent {
        id: EventId::new(Uuid::from_u128(u128::from(version))),
        position: version * 10,
        stream: StreamId::Instance(InstanceId::default()),
        version,
        recorded_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(i64::try_from(version).unwrap()),
        event: Event::Instance(event),
        metadata: crate::metadata::Metadata::default(),
    }
}

fn qr() -> InstanceEvent {
    InstanceEvent::QrIssued { qr_sha256: "00".to_owned(), expires_at: DateTime::UNIX_EPOCH }
}

/// Newest first, as the log gives them.
fn history(events: Vec<InstanceEvent>) -> Vec<RecordedEvent> {
    let mut history: Vec<_> = (1..).zip(events).map(|(version, event)| recorded(version, event)).collect();
    history.reverse();
    history
}

fn told(events: Vec<InstanceEvent>, size: usize) -> Timeline {
    let mut telling = Telling { lines: vec![], size, oldest: None };
    telling.all(&history(events));
    telling.done()
}

fn registered() -> InstanceEvent {
    InstanceEvent::InstanceRegistered { instance_id: InstanceId::default(), name: "shop".parse().unwrap() }
}

fn ended(reason: DisconnectReason) -> InstanceEvent {
    InstanceEvent::InstanceDisconnected { reason, at: None }
}

fn kinds(timeline: &Timeline) -> Vec<&'static str> {
    timeline.moments.iter().map(|moment| moment.kind.name()).collect()
}

#[test]
fn qrs_that_follow_one_another_are_one_line_with_the_time_of_the_last() {
    let events = vec![registered(), InstanceEvent::ConnectionRequested {}, qr(), qr(), qr()];
    let timeline = told(events, 10);
    assert_eq!(kinds(&timeline), ["qr_issued", "connecting", "created"]);
    let shown = &timeline.moments[0];
    assert_eq!(shown.at, DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(5));
    assert!(shown.message.starts_with("3 QRs were shown"), "{}", shown.message);
    assert_eq!(timeline.next, None);
}

#[test]
fn a_page_ends_behind_all_the_qrs_of_its_last_line() {
    let events = vec![registered(), InstanceEvent::ConnectionRequested {}, qr(), qr(), qr()];
    let timeline = told(events, 1);
    assert_eq!(kinds(&timeline), ["qr_issued"]);
    assert_eq!(timeline.next, Some(Cursor(3)));
    let timeline = told(vec![registered(), qr(), InstanceEvent::PairingExpired {}, qr()], 2);
    assert_eq!(kinds(&timeline), ["qr_issued", "pairing_expired"]);
    assert_eq!(timeline.next, Some(Cursor(3)));
}

#[test]
fn every_end_of_a_connection_says_what_to_do() {
    let ban = DisconnectReason::TemporarilyBanned { code: "101".to_owned() };
    let refused = DisconnectReason::Refused { code: "403".to_owned() };
    for (event, kind, reason, says) in [
        (ended(DisconnectReason::ConnectionLost), "disconnected", "connection_lost", "nothing to do"),
        (ended(DisconnectReason::ServerStopped), "disconnected", "server_stopped", "nothing to do"),
        (ended(DisconnectReason::RestartRequested), "restarted", "restart_requested", "stays"),
        (ended(DisconnectReason::Replaced), "replaced", "replaced", "connect again"),
        (ended(ban), "banned", "temporarily_banned", "101"),
        (ended(DisconnectReason::ClientOutdated), "outdated", "client_outdated", "upgrade"),
        (ended(refused), "disconnected", "refused", "403"),
        (InstanceEvent::InstanceLoggedOut { by: LoggedOutBy::Api }, "logged_out", "api", "scan"),
        (InstanceEvent::InstanceLoggedOut { by: LoggedOutBy::Phone }, "logged_out", "phone", "scan"),
    ] {
        let moment = moment(&recorded(7, event)).unwrap();
        assert_eq!((moment.kind.name(), moment.reason), (kind, Some(reason)));
        assert!(moment.message.contains(says) && moment.message.ends_with('.'), "{}", moment.message);
    }
}

#[test]
fn a_line_has_the_time_at_which_the_connection_ended() {
    let at = DateTime::UNIX_EPOCH;
    let lost = InstanceEvent::InstanceDisconnected { reason: DisconnectReason::ConnectionLost, at: Some(at) };
    assert_eq!(moment(&recorded(7, lost)).unwrap().at, at);
}
