//! What comes after each ending, without a network.

use async_trait::async_trait;
use interflow_application::whatsapp::{InboundMessage, SessionSink, SessionSpec, SinkError};
use interflow_domain::{InstanceId, WorkspaceId};
use interflow_vault::SealingKey;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::session::outbox::Outbox;

struct Deaf;

#[async_trait]
impl SessionSink for Deaf {
    async fn inbound(&self, _messages: Vec<InboundMessage>) -> Result<(), SinkError> {
        Ok(())
    }

    async fn signal(&self, _signal: SessionSignal) -> Result<(), SinkError> {
        Ok(())
    }
}

fn supervision() -> Supervision {
    let shared = Shared {
        spec: SessionSpec { workspace: WorkspaceId::default(), instance: InstanceId::default(), epoch: 1 },
        sink: Arc::new(Deaf),
        outbox: Arc::new(Outbox::new()),
        life: Default::default(),
        ledger: Default::default(),
        acks: Default::default(),
        outgoing: Default::default(),
        numbers: Default::default(),
        send_timeout: Duration::from_secs(1),
        appear_online: false,
        stop: CancellationToken::new(),
        client: Default::default(),
    };
    let workshop = Workshop {
        pool: PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/nothing").unwrap(),
        key: SealingKey::random().into(),
        sockets: Arc::new(TokioWebSocketTransportFactory::new()),
        version: (2, 3000, 1),
        appear_online: false,
    };
    Supervision { workshop, shared: Arc::new(shared), backoff: Backoff::new(), told_lost: false }
}

fn ended(reason: DisconnectReason) -> Next {
    Next::End(Some(SessionSignal::Disconnected { reason }))
}

#[tokio::test]
async fn what_whatsapp_ended_for_good_ends_the_session_with_its_reason() {
    let mut run = supervision();
    assert_eq!(run.after(Ending::QrExhausted), Next::End(Some(SessionSignal::QrExhausted)));
    assert_eq!(run.after(Ending::Replaced), ended(DisconnectReason::Replaced));
    assert_eq!(run.after(Ending::Outdated), ended(DisconnectReason::ClientOutdated));
    let by_phone = Next::End(Some(SessionSignal::LoggedOut { by: LoggedOutBy::Phone }));
    assert_eq!(run.after(Ending::LoggedOut), by_phone);
    run.shared.life.leave(true);
    assert_eq!(
        run.after(Ending::LoggedOut),
        Next::End(Some(SessionSignal::LoggedOut { by: LoggedOutBy::Us }))
    );
    assert_eq!(run.shared.outbox.waiting(), [], "the last signal is told when the client is gone");
}

#[tokio::test]
async fn a_ban_is_told_and_waited_out() {
    let mut run = supervision();
    let retry_after = Some(Duration::from_secs(600));
    assert_eq!(
        run.after(Ending::Banned { code: "101".into(), retry_after }),
        Next::Afresh(Duration::from_secs(600))
    );
    assert_eq!(run.after(Ending::Banned { code: "106".into(), retry_after: None }), Next::Afresh(BAN_PAUSE));
    let banned = |code: &str, retry_after| SessionSignal::Disconnected {
        reason: DisconnectReason::TemporarilyBanned { code: code.into(), retry_after },
    };
    assert_eq!(run.shared.outbox.waiting(), [banned("101", retry_after), banned("106", None)]);
}

#[tokio::test]
async fn a_refused_login_is_told_and_tried_again_much_later() {
    let mut run = supervision();
    let Next::Afresh(pause) = run.after(Ending::Refused { code: "409".into() }) else { panic!() };
    assert!(pause >= REFUSED_PAUSE);
    let reason = DisconnectReason::Refused { code: "409".into() };
    assert_eq!(run.shared.outbox.waiting(), [SessionSignal::Disconnected { reason }]);
}

#[tokio::test]
async fn connections_that_do_not_hold_are_tried_less_and_less_and_told_once() {
    let mut run = supervision();
    assert_eq!(
        run.lost(true, false, None),
        Next::Again(Duration::ZERO),
        "after pairing at once, and not told"
    );
    assert_eq!(run.shared.outbox.waiting(), []);
    for _ in 0..20 {
        let Next::Again(pause) = run.lost(false, false, None) else { panic!() };
        assert!(pause <= Duration::from_secs(60));
    }
    let lost = SessionSignal::Disconnected { reason: DisconnectReason::ConnectionLost };
    assert_eq!(run.shared.outbox.waiting(), std::slice::from_ref(&lost));
    let Next::Again(pause) = run.lost(false, false, Some(HELD)) else { panic!() };
    assert!(pause <= Duration::from_millis(250), "a good connection is followed by a quick attempt");
    assert_eq!(run.shared.outbox.waiting(), [lost.clone(), lost]);
}

#[tokio::test]
async fn a_lost_lease_ends_silently_and_a_broken_store_begins_afresh() {
    let mut run = supervision();
    assert_eq!(run.unsound(Health::Fenced), Next::End(None));
    assert_eq!(run.shared.outbox.waiting(), []);
    assert!(matches!(run.unsound(Health::Broken), Next::Afresh(_)));
    assert_eq!(run.shared.outbox.waiting().len(), 1);
}
