//! What the log never holds: secrets, numbers, names, messages.

use std::cell::RefCell;
use std::io::Write;

use serde_json::json;
use tracing_subscriber::filter::EnvFilter;

use super::server::{ACCOUNT, NOBODY, Server};

thread_local! {
    /// What is logged on this thread, once somebody looks.
    static PAPER: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct Paper;

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        PAPER.with_borrow_mut(|paper| paper.iter_mut().for_each(|paper| paper.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// On one thread, so that the server's tasks write to this test's paper. A log for this thread alone would not do:
/// what another thread meets first without a log stays off for all.
#[tokio::test(flavor = "current_thread")]
async fn no_secret_no_number_no_name_and_no_message_is_logged() {
    // The simulated network is not ours to keep silent: it is another's server, and tells every stanza.
    let filter = EnvFilter::new("interflow=trace,interflow_simulator=off,sqlx=debug,info");
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Paper).finish();
    tracing::subscriber::set_global_default(log).unwrap();
    PAPER.set(Some(vec![]));

    let server = Server::start().await;
    let api = &server.api;
    let qr = server.pair("5511900001111").await;
    let draft = json!({"name": "Wilhelmina", "email": "mina@example.com", "phone": "5511988887777"});
    let customer = api.post_once("/v1/customers", draft.clone(), "key-in-a-header").await;
    api.post_once("/v1/customers", json!({"name": "Wilhelmina", "phone": "5511988887777x"}), "other").await;
    api.post("/v1/customers", draft).await.refused(409, "CONFLICT");
    api.get(customer.header("location")).await.expect(200);
    let letter = |to: &str| json!({"channel_id": "5511900001111", "to": to, "type": "text", "content": {"text": "Tea at four"}});
    api.post("/v1/messages/send", letter("5511988887777")).await.expect(201);
    api.post("/v1/messages/send", letter(NOBODY)).await.refused(422, "NUMBER_NOT_ON_WHATSAPP");
    api.get("/v1/customers?phone=5511988887777&q=Wilhelmina&sort=name").await.expect(200);
    api.get("/v1/customers?fax=5511988887777").await.refused(422, "VALIDATION_ERROR");
    api.get("/v1/5511988887777").await.refused(404, "NOT_FOUND");
    let mut stranger = api.clone();
    stranger.key = Some("a-wrong-secret".to_owned());
    stranger.get("/v1/customers").await.refused(401, "UNAUTHORIZED");

    let erase = format!("{}/erase", customer.header("location"));
    api.post(&erase, json!({"reason": "ticket:4711"})).await.expect(200);

    let written = String::from_utf8(PAPER.take().unwrap()).unwrap();
    assert!(written.contains("/v1/messages/send"), "{written}");
    let key = api.key.clone().unwrap();
    for secret in [
        &key,
        "a-wrong-secret",
        "5511988887777",
        "5511900001111",
        "Wilhelmina",
        "mina@",
        "Tea at four",
        "key-in-a-header",
        NOBODY,
        ACCOUNT,
        &qr,
    ] {
        let line = written.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
