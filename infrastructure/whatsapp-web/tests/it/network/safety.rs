//! Leases lost and databases gone, under a live connection.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::whatsapp::{
    Engine, EngineError, InboundContent, SendError, SessionSignal, SessionSpec,
};
use serde_json::json;
use sqlx::Executor;

use crate::support::net::{ACCOUNT, Lab};
use crate::support::set_epoch;
use crate::support::sink::Recorder;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_lease_is_lost_ends_silently_and_its_successor_goes_on() {
    let mut lab = Lab::start().await;
    let open = lab.linked().await;
    set_epoch(&lab.pool, lab.spec, 2).await;
    lab.write("for whom?").await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while !matches!(open.send("3EB0I1", "x").await, Err(SendError::Retry(why)) if why.contains("not connected")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    assert!(open.sink.messages().is_empty(), "what could not be buffered must not be taken");
    lab.spec = SessionSpec { epoch: 2, ..lab.spec };
    lab.engine = lab.another_process();
    let successor = lab.open().await;
    assert_eq!(successor.sink.inbound(1).await[0].content, InboundContent::Text("for whom?".into()));
    successor.sink.connected().await;
    successor.send("3EB0I2", "for me").await.unwrap();
    assert!(open.sink.signals().is_empty(), "{:?}", open.sink.signals());
    open.session.stop().await;
    successor.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_one_session_a_process_and_keeps_its_keys_meanwhile() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    let already = EngineError::Failed("a session of the instance is open".into());
    assert_eq!(lab.engine.open(lab.spec, Arc::new(Recorder::default())).await.err(), Some(already.clone()));
    assert_eq!(lab.engine.forget(lab.spec).await, Err(already));
    open.session.stop().await;
    lab.open().await.session.stop().await;
    lab.engine.forget(lab.spec).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_store_that_fails_costs_a_connection_and_no_message() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.write("before").await;
    open.sink.inbound(1).await;
    // Until WhatsApp has the receipt; else the first comes twice, which is allowed but not what this is about.
    tokio::time::sleep(Duration::from_millis(500)).await;
    lab.pool.execute("ALTER TABLE wa_keys RENAME TO away").await.unwrap();
    lab.write("during").await;
    open.sink.disconnected().await;
    open.sink.clear();
    lab.pool.execute("ALTER TABLE away RENAME TO wa_keys").await.unwrap();
    open.sink.connected().await;
    lab.write("after").await;
    let texts: Vec<_> = open.sink.inbound(3).await.into_iter().map(|message| message.content).collect();
    let expected = ["before", "during", "after"].map(|text| InboundContent::Text(text.into()));
    assert_eq!(texts, expected);
    open.session.stop().await;
}

/// The first copy of a message waits, and is refused for good when the wait is over.
const HOLD_THE_FIRST_COPY: &str = "CREATE SEQUENCE copies; \
     CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('copies') = 1 THEN PERFORM pg_advisory_xact_lock(1); RAISE check_violation; END IF; \
         RETURN NEW; \
     END $$; \
     CREATE TRIGGER hold BEFORE INSERT ON wa_keys FOR EACH ROW WHEN (NEW.kind = 17) EXECUTE FUNCTION hold()";
const HELD: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
const RATCHETS: &str = "SELECT count(*) FROM wa_keys WHERE kind = 3";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_key_is_spent_but_which_was_never_stored_is_asked_for_again() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.pool.execute(HOLD_THE_FIRST_COPY).await.unwrap();
    let mut holder = lab.pool.acquire().await.unwrap();
    holder.execute("SELECT pg_advisory_lock(1)").await.unwrap();
    lab.write("held").await;
    lab.until_count(HELD, 1).await;
    // What another customer writes has the ratchets written, that of the held message with them.
    let before: i64 = sqlx::query_scalar(RATCHETS).fetch_one(&lab.pool).await.unwrap();
    let body = json!({"from": "5511988880002", "name": "Eva", "to": ACCOUNT, "text": "beside it"});
    lab.call("/messages", body).await;
    assert_eq!(open.sink.inbound(1).await[0].content, InboundContent::Text("beside it".into()));
    lab.until_count(RATCHETS, before + 2).await;
    lab.write("behind it").await;
    holder.execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    let texts: Vec<_> = open.sink.inbound(3).await.into_iter().map(|message| message.content).collect();
    assert_eq!(texts, ["beside it", "held", "behind it"].map(|text| InboundContent::Text(text.into())));
    open.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lost_its_lease_and_its_connection_does_not_drive_out_its_successor() {
    let mut lab = Lab::start().await;
    let open = lab.linked().await;
    set_epoch(&lab.pool, lab.spec, 2).await;
    lab.cut().await;
    // It looks at its lease before it connects again, if a key it writes has not told it before, and is gone.
    // Forgetting waits for that; what it may not forget stays.
    tokio::time::timeout(Duration::from_secs(30), async {
        while lab.engine.forget(lab.spec).await != Err(EngineError::Fenced) {}
    })
    .await
    .unwrap();
    lab.spec = SessionSpec { epoch: 2, ..lab.spec };
    lab.engine = lab.another_process();
    let successor = lab.open().await;
    successor.sink.connected().await;
    successor.send("3EB0I3", "undisturbed").await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    successor.send("3EB0I4", "still undisturbed").await.unwrap();
    assert!(
        successor.sink.signals().iter().all(|signal| !matches!(signal, SessionSignal::Disconnected { .. }))
    );
    open.session.stop().await;
    successor.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_nobody_connects_and_with_it_the_session_comes_back() {
    let lab = Lab::start().await;
    let open = lab.linked().await;
    lab.pool.execute("ALTER TABLE leases RENAME TO away").await.unwrap();
    lab.cut().await;
    open.sink.disconnected().await;
    open.sink.clear();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(open.sink.signals(), []);
    lab.pool.execute("ALTER TABLE away RENAME TO leases").await.unwrap();
    open.sink.connected().await;
    open.session.stop().await;
}
