//! From the QR to the login, and the ways out.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::whatsapp::{Engine, EngineError, LoggedOutBy, SessionSignal, SessionSpec};

use crate::support::net::{ACCOUNT, Lab};
use crate::support::rows;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_links_the_device_and_the_account_is_told_by_every_name() {
    let lab = Lab::start().await;
    let open = lab.open().await;
    let (qr, valid_for) = open.sink.qr().await;
    assert!(qr.starts_with("2@"), "{qr}");
    assert!(valid_for > Duration::from_secs(50) && valid_for <= Duration::from_secs(60), "{valid_for:?}");
    lab.scan(&qr).await;
    let connected = open.sink.connected().await;
    let SessionSignal::Connected { account, .. } = &connected else { unreachable!() };
    assert_eq!(account.phone.as_ref().map(|phone| phone.as_str()), Some(ACCOUNT));
    assert!(account.lid.is_some());
    let kinds: Vec<_> = open
        .sink
        .signals()
        .iter()
        .map(|signal| match signal {
            SessionSignal::QrIssued { .. } => "qr",
            SessionSignal::Paired { account } => {
                assert_eq!(account.phone.as_ref().map(|phone| phone.as_str()), Some(ACCOUNT));
                "paired"
            }
            SessionSignal::Connected { .. } => "connected",
            _ => "other",
        })
        .collect();
    assert_eq!(
        kinds,
        ["qr", "paired", "connected"],
        "the reconnection after pairing is none of anybody's business"
    );
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opened_again_resumes_without_a_qr() {
    let lab = Lab::start().await;
    let first = lab.linked().await;
    first.send("3EB001", "before").await.unwrap();
    first.session.stop().await;
    assert!(first.sink.signals().iter().all(|signal| matches!(signal, SessionSignal::Receipts { .. })));
    let second = lab.open().await;
    second.sink.connected().await;
    assert!(!second.sink.signals().iter().any(|signal| matches!(signal, SessionSignal::QrIssued { .. })));
    second.send("3EB002", "after").await.unwrap();
    second.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unlinking_on_the_phone_ends_the_session_and_its_keys_can_be_forgotten() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.call("/unlink", json!({"phone": ACCOUNT})).await;
    assert_eq!(open.sink.logged_out().await, SessionSignal::LoggedOut { by: LoggedOutBy::Phone });
    lab.engine.forget(lab.spec).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(rows(&lab.pool).await, 0, "nothing of the ended session writes any more");
    assert_eq!(open.sink.signals().len(), 1);
    let again = lab.open().await;
    again.sink.qr().await;
    again.session.stop().await;
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unlinking_while_away_shows_at_the_next_login() {
    let lab = Lab::start().await;
    lab.linked().await.session.stop().await;
    lab.call("/unlink", json!({"phone": ACCOUNT})).await;
    let open = lab.open().await;
    assert_eq!(open.sink.logged_out().await, SessionSignal::LoggedOut { by: LoggedOutBy::Phone });
    assert_eq!(open.session.log_out().await, Err(EngineError::NotConnected));
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_is_told_as_ours() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    open.session.log_out().await.unwrap();
    assert_eq!(open.sink.logged_out().await, SessionSignal::LoggedOut { by: LoggedOutBy::Us });
    open.session.stop().await;
    assert_eq!(open.sink.signals(), [SessionSignal::LoggedOut { by: LoggedOutBy::Us }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_epoch_must_be_the_leases_to_open() {
    let lab = Lab::start().await;
    let sink = Arc::new(crate::support::sink::Recorder::default());
    let spec = SessionSpec { epoch: 2, ..lab.spec };
    assert_eq!(lab.engine.open(spec, sink as _).await.err(), Some(EngineError::Fenced));
    assert!(lab.engine.built_for_lab());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_waiting_at_its_qr_stops_at_once_and_leaves_nothing_running() {
    let lab = Lab::start().await;
    let open = lab.open().await;
    open.sink.qr().await;
    let began = std::time::Instant::now();
    open.session.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    open.session.stop().await;
    let sink = Arc::downgrade(&open.sink);
    drop(open);
    assert!(sink.upgrade().is_none(), "a task still holds the session's parts");
}
