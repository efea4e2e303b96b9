//! What events are recorded with, from the request on to what follows from it.

use interflow::Config;
use interflow_application::Trace;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stored, log, only};
use crate::rest::recorder::Recorder;
use crate::rest::server::{ACCOUNT, Server};
use crate::support::api::send_body;

const ANA: &str = "5511999999999";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Sends a text in a request of this name and trace; gives the message's id.
async fn send(server: &Server, request: &str) -> String {
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [("X-Request-Id", request), ("traceparent", &traceparent)];
    let body = send_body("shop", ANA, "Hello");
    let sent = server.api.json(Method::POST, "/v1/messages/send", body, &headers).await.expect(201);
    sent["data"]["id"].as_str().unwrap().to_owned()
}

fn trace_of(event: &Stored) -> String {
    event.metadata["traceparent"].parse::<Trace>().unwrap().trace_id()
}

#[tokio::test]
async fn what_follows_from_a_send_says_so_also_after_a_restart() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    // It is sent by the next run of the server, and so are its receipts recorded.
    server.phones.faults(json!({"ack_delay_ms": 600_000, "receipts": "none"})).await;
    let id = send(&server, "order-7").await;
    server.phones.faults(json!({"receipts": "all"})).await;
    let server = server.restarted().await;
    server.phones.faults(json!({"receipts": "all"})).await;
    let read = |body: &Value| body["data"]["status"] == "read";
    server.api.until(&format!("/v1/messages/{id}"), read).await;

    let log = log(&server).await;
    let queued = only(&log, "message.queued");
    assert!(queued.metadata["actor"].starts_with("key:key_"));
    assert_eq!(
        (&*queued.metadata["request_id"], &*queued.metadata["correlation_id"]),
        ("order-7", "order-7")
    );
    assert!(!queued.metadata.contains_key("causation_id"), "nothing but the request");
    assert_eq!(trace_of(queued), TRACE);
    for (kind, actor) in [
        ("customer.created", "key:"),
        ("chat.opened", "key:"),
        ("message.sent", "system:sender"),
        ("message.delivered", "whatsapp:ins_"),
        ("message.read", "whatsapp:ins_"),
    ] {
        let event = only(&log, kind);
        assert!(event.metadata["actor"].starts_with(actor), "{kind}: {event:?}");
        assert_eq!(event.metadata["correlation_id"], "order-7", "{kind}");
        assert_eq!(event.metadata["causation_id"], queued.id, "{kind}");
        assert_eq!(trace_of(event), TRACE, "{kind}");
    }
    let spans: std::collections::BTreeSet<_> =
        log.iter().map(|event| &event.metadata["traceparent"]).collect();
    assert!(spans.len() > 4, "each is a span of its own: {spans:?}");
    let paired = only(&log, "instance.paired");
    let asked = log.iter().find(|event| event.kind == "instance.connecting").unwrap();
    assert_eq!(paired.metadata["causation_id"], asked.id, "somebody asked for the pairing");
    assert_eq!(paired.metadata["correlation_id"], asked.metadata["request_id"]);
}

#[tokio::test]
async fn what_comes_in_opens_its_customer_and_chat() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    server.phones.write(ANA, "Ana", ACCOUNT, "Hi").await;
    server.api.until("/v1/messages", |body| body["meta"]["total"] == 1).await;
    let log = log(&server).await;
    let received = only(&log, "message.received");
    assert!(received.metadata["actor"].starts_with("whatsapp:ins_"));
    assert!(!received.metadata.contains_key("causation_id"));
    for kind in ["customer.created", "chat.opened"] {
        let event = only(&log, kind);
        assert_eq!(event.metadata["causation_id"], received.id);
        assert_eq!(event.metadata["correlation_id"], received.metadata["request_id"]);
    }
}

#[tokio::test]
async fn a_bulk_and_its_end_belong_to_the_job() {
    let server = Server::with(|config| Config { bulk_rate_per_minute: 60_000, ..config }).await;
    server.open_channel("shop").await;
    let letter = |to: &str| json!({"to": to, "type": "text", "content": {"text": "Hi"}});
    let bulk = json!({"channel_id": "shop", "messages": [letter(ANA), letter("5511988888888")]});
    let headers = [("X-Request-Id", "campaign")];
    let made = server.api.json(Method::POST, "/v1/messages/bulk", bulk, &headers).await.expect(202);
    let path = format!("/v1/jobs/{}", made["data"]["id"].as_str().unwrap());
    server.api.until(&path, |body| body["data"]["status"] == "completed").await;
    let log = log(&server).await;
    let job = only(&log, "job.created");
    for event in log.iter().filter(|event| ["message.queued", "job.completed"].contains(&&*event.kind)) {
        assert_eq!(event.metadata["causation_id"], job.id, "{event:?}");
        assert_eq!(event.metadata["correlation_id"], "campaign");
    }
    assert_eq!(only(&log, "job.completed").metadata["actor"], "system:jobs");
    let sent: Vec<_> = log.iter().filter(|event| event.kind == "message.sent").collect();
    assert!(sent.len() == 2 && sent.iter().all(|event| event.metadata["correlation_id"] == "campaign"));
}

#[tokio::test]
async fn a_trace_that_is_none_is_replaced_and_every_other_goes_on_to_webhooks() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    server
        .api
        .post("/v1/webhooks", json!({"url": recorder.url, "events": ["customer.created"]}))
        .await
        .expect(201);
    let create = async |phone: &str, traceparent: &str| {
        let headers = [("traceparent", traceparent)];
        let made = server.api.json(Method::POST, "/v1/customers", json!({"phone": phone}), &headers).await;
        let id = made.expect(201)["data"]["id"].clone();
        let told = recorder.until(|told| told.is("customer.created", &id)).await;
        told.header("traceparent").parse::<Trace>().unwrap()
    };
    let joined = create("5511988887771", &format!("00-{TRACE}-00f067aa0ba902b7-00")).await;
    assert_eq!(joined.trace_id(), TRACE);
    assert!(joined.to_string().ends_with("-00"), "whether it is sampled is the caller's choice");
    let own = create("5511988887772", &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase())).await;
    assert_ne!(own.trace_id(), TRACE);
    let log = log(&server).await;
    let stored: Vec<_> = log.iter().filter(|event| event.kind == "customer.created").collect();
    assert_eq!(stored[0].metadata["traceparent"], joined.to_string());
    assert_eq!(stored[1].metadata["traceparent"], own.to_string());
}

#[tokio::test]
async fn the_callers_address_is_stored_sealed_under_the_key_of_the_month() {
    let server =
        Server::with(|config| Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..config })
            .await;
    for (request, phone) in [("one", "5511988887771"), ("two", "5511988887772")] {
        let headers = [("X-Request-Id", request), ("X-Forwarded-For", "198.51.100.9, 203.0.113.77")];
        server.api.json(Method::POST, "/v1/customers", json!({"phone": phone}), &headers).await.expect(201);
    }
    let log = log(&server).await;
    let sealed: Vec<_> = log
        .iter()
        .filter(|event| event.kind == "customer.created")
        .map(|event| event.metadata["client_address"].split_once('.').unwrap())
        .collect();
    assert_eq!(sealed[0].0, sealed[1].0, "one key a month");
    assert_ne!(sealed[0].1, sealed[1].1);
    let subject: String = sqlx::query_scalar("SELECT subject FROM data_keys WHERE key_id = $1::uuid")
        .bind(sealed[0].0)
        .fetch_one(&server.pool().await)
        .await
        .unwrap();
    assert!(subject.starts_with("key_"), "{subject}");
    let clear = "SELECT count(*) FROM events WHERE metadata::text LIKE '%203.0.113.77%'";
    let clear: i64 = sqlx::query_scalar(clear).fetch_one(&server.pool().await).await.unwrap();
    assert_eq!(clear, 0);
    assert!(
        log.iter()
            .filter(|event| !event.metadata["actor"].starts_with("key:"))
            .all(|event| { !event.metadata.contains_key("client_address") })
    );
}
