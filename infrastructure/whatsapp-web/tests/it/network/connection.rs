//! What happens when the network, or the one who listens, fails.

use std::sync::atomic::Ordering;
use std::time::Duration;

use interflow_application::whatsapp::{
    DisconnectReason, InboundContent, ReceiptKind, SendError, SessionSignal,
};
use serde_json::json;

use crate::support::net::{CUSTOMER, Lab};

const LOST: SessionSignal = SessionSignal::Disconnected { reason: DisconnectReason::ConnectionLost };

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_told_and_comes_back_by_itself() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    for _ in 0..3 {
        open.sink.clear();
        lab.cut().await;
        assert_eq!(open.sink.disconnected().await, LOST);
        open.sink.connected().await;
    }
    lab.write("still there?").await;
    assert_eq!(open.sink.inbound(1).await.len(), 1);
    open.send("3EB0E1", "yes").await.unwrap();
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_once_and_a_send_meanwhile_is_refused_at_once() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.faults(json!({"refuse_connections": true})).await;
    lab.cut().await;
    assert_eq!(open.sink.disconnected().await, LOST);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(matches!(open.send("3EB0F1", "now?").await, Err(SendError::Retry(_))));
    assert_eq!(open.sink.signals(), [LOST]);
    lab.faults(json!({})).await;
    open.sink.connected().await;
    open.send("3EB0F1", "now!").await.unwrap();
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_acknowledgement_is_to_be_tried_again_as_soon_as_the_connection_is_gone() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.faults(json!({"drop_messages": 1})).await;
    let (sent, ()) = tokio::join!(open.send("3EB0G1", "hello"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        lab.cut().await;
    });
    assert!(matches!(sent, Err(SendError::Retry(_))), "{sent:?}");
    open.sink.connected().await;
    open.send("3EB0G1", "hello").await.unwrap();
    assert_eq!(lab.received(CUSTOMER).await.len(), 1);
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_once_gets_the_message_again() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    open.sink.fail_inbound.store(1, Ordering::SeqCst);
    lab.write("do not lose me").await;
    let messages = open.sink.inbound(1).await;
    assert_eq!(messages[0].content, InboundContent::Text("do not lose me".into()));
    assert_eq!(open.sink.refused_inbound.load(Ordering::SeqCst), 1);
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_for_long_gets_the_message_from_whatsapp_again() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    open.sink.fail_inbound.store(4, Ordering::SeqCst);
    lab.write("first").await;
    assert_eq!(open.sink.inbound(1).await[0].content, InboundContent::Text("first".into()));
    assert_eq!(open.sink.refused_inbound.load(Ordering::SeqCst), 4);
    lab.write("second").await;
    let messages = open.sink.inbound(2).await;
    assert_eq!(messages.len(), 2, "neither lost nor doubled: {messages:?}");
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_nobody_took_before_the_stop_comes_at_the_next_start() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    open.sink.fail_inbound.store(u32::MAX, Ordering::SeqCst);
    lab.write("patience").await;
    while open.sink.refused_inbound.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    open.session.stop().await;
    assert!(open.sink.messages().is_empty());
    let again = lab.open().await;
    assert_eq!(again.sink.inbound(1).await[0].content, InboundContent::Text("patience".into()));
    again.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_wait_in_order_for_a_sink_that_fails() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    open.sink.fail_signals.store(4, Ordering::SeqCst);
    open.send("3EB0H1", "one").await.unwrap();
    open.sink.receipt("3EB0H1", ReceiptKind::Read).await;
    let kinds: Vec<_> = open
        .sink
        .signals()
        .into_iter()
        .map(|signal| match signal {
            SessionSignal::Receipts { kind, .. } => kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [ReceiptKind::Delivered, ReceiptKind::Read]);
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_with_the_same_keys_ends_the_first_for_good() {
    let mut lab = Lab::start().await;
    let first = lab.linked().await;
    lab.engine = lab.another_process();
    let second = lab.open().await;
    second.sink.connected().await;
    assert_eq!(
        first.sink.disconnected().await,
        SessionSignal::Disconnected { reason: DisconnectReason::Replaced }
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(first.sink.signals().len(), 1, "it does not take the connection back");
    second.send("3EB0J1", "mine").await.unwrap();
    first.session.stop().await;
    second.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_network_is_told_once_and_the_session_stops_at_once() {
    let lab = Lab::start().await;
    lab.faults(json!({"refuse_connections": true})).await;
    let open = lab.open().await;
    assert_eq!(open.sink.disconnected().await, LOST);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(open.sink.signals(), [LOST]);
    let began = std::time::Instant::now();
    open.session.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
