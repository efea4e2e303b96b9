//! `GET /v1/audit/events`.

use std::collections::BTreeSet;

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::api::{Api, fields, send_body};

/// A server that was told something in requests of these names.
async fn told() -> Server {
    let server = Server::start().await;
    server.open_channel("shop").await;
    for (number, request) in ["order-1", "order-2", "order-3"].into_iter().enumerate() {
        let headers = [("X-Request-Id", request)];
        let body = send_body("shop", &format!("551199999999{number}"), "Hello");
        server.api.json(Method::POST, "/v1/messages/send", body, &headers).await.expect(201);
    }
    server
}

/// Follows the pages of a list to its end, and back again; gives the positions.
async fn follow(api: &Api, query: &str) -> Vec<u64> {
    let (mut pages, mut cursor, mut last) = (vec![], String::new(), None);
    loop {
        let page = api.get(&format!("/v1/audit/events?{query}{cursor}")).await.expect(200);
        last = page["meta"]["previous_cursor"].as_str().map(str::to_owned).or(last);
        pages.push(positions(&page));
        match page["meta"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut back = vec![pages.last().unwrap().clone()];
    while let Some(cursor) = last {
        let page = api.get(&format!("/v1/audit/events?{query}&cursor={cursor}")).await.expect(200);
        back.insert(0, positions(&page));
        last = page["meta"]["previous_cursor"].as_str().map(str::to_owned);
    }
    assert_eq!(back.concat(), pages.concat(), "{query}: the same on the way back");
    pages.concat()
}

fn positions(page: &Value) -> Vec<u64> {
    page["data"].as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap()).collect()
}

async fn events(api: &Api, query: &str) -> Vec<Value> {
    let page = api.get(&format!("/v1/audit/events?per_page=100&sort=position&{query}")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

fn types(events: &[Value]) -> BTreeSet<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_shown_with_all_that_is_known_of_it() {
    let server = told().await;
    let queued = events(&server.api, "types=message.queued").await;
    assert_eq!(queued.len(), 3);
    let event = &queued[0];
    assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    assert!(event["actor"].as_str().unwrap().starts_with("key:key_"));
    assert_eq!((&event["request_id"], &event["correlation_id"]), (&json!("order-1"), &json!("order-1")));
    assert_eq!((&event["causation_id"], &event["client_address"]), (&json!(null), &json!("127.0.0.1")));
    assert_eq!((&event["client_address_erased"], &event["erased"]), (&json!(false), &json!(false)));
    assert_eq!((&event["aggregate"]["type"], &event["aggregate"]["version"]), (&json!("message"), &json!(1)));
    assert_eq!(event["payload"]["content"]["text"], "Hello");
    assert_eq!(event["payload"]["to"], "5511999999990");
    assert!(event["traceparent"].as_str().unwrap().starts_with("00-"));
    let customer = &events(&server.api, "types=customer.created").await[0];
    assert_eq!(customer["causation_id"], event["id"]);
    let sent = &events(&server.api, "types=message.sent").await[0];
    assert_eq!((&sent["actor"], &sent["client_address"]), (&json!("system:sender"), &json!(null)));
}

#[tokio::test]
async fn every_filter_lets_through_what_it_says() {
    let server = told().await;
    let api = &server.api;
    let all = events(api, "").await;
    let message = events(api, "types=message.queued&correlation_id=order-2").await;
    assert_eq!(message.len(), 1);
    let id = message[0]["aggregate"]["id"].as_str().unwrap();
    let of_one = events(api, &format!("aggregate_id={id}")).await;
    assert_eq!(types(&of_one), ["message.queued", "message.sent"].into());
    assert!(of_one.iter().all(|event| event["aggregate"]["id"] == id));
    assert_eq!(events(api, &format!("aggregate_id={id}&types=*.sent")).await.len(), 1);
    assert_eq!(types(&events(api, "aggregate=customer").await), ["customer.created"].into());
    assert!(types(&events(api, "aggregate=channel&types=*connect*").await).contains("instance.connected"));
    assert_eq!(types(&events(api, "actor=system:sender").await), ["message.sent"].into());
    let key = message[0]["actor"].as_str().unwrap();
    let by_key = events(api, &format!("actor={key}")).await;
    assert_eq!(by_key, events(api, &format!("actor={}", &key[4..])).await);
    assert!(by_key.iter().all(|event| event["actor"] == key) && by_key.len() >= 9);
    assert_eq!(types(&events(api, "correlation_id=order-3").await).len(), 4);
    let at = message[0]["recorded_at"].as_str().unwrap();
    let later = events(api, &format!("recorded_after={at}")).await;
    let earlier = events(api, &format!("recorded_before={at}")).await;
    assert!(later.iter().all(|event| event["recorded_at"].as_str().unwrap() > at));
    assert!(earlier.iter().all(|event| event["recorded_at"].as_str().unwrap() < at));
    let same = all.iter().filter(|event| event["recorded_at"] == at).count();
    assert_eq!(later.len() + earlier.len() + same, all.len());
    let span: Vec<u64> = positions(&json!({"data": events(api, "position_after=2&position_before=6").await}));
    assert_eq!(span, [3, 4, 5]);
    assert!(events(api, "correlation_id=nobody").await.is_empty());
}

#[tokio::test]
async fn pages_go_both_ways_while_others_write() {
    let server = told().await;
    let api = &server.api;
    let all: Vec<u64> = (1..=events(api, "").await.last().unwrap()["position"].as_u64().unwrap()).collect();
    assert_eq!(follow(api, "per_page=3&sort=position").await, all);
    assert_eq!(follow(api, "per_page=4").await, all.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(follow(api, "per_page=1&types=message.*").await.len(), 6);
    // What is written meanwhile moves nothing.
    let first = api.get("/v1/audit/events?per_page=2").await.expect(200);
    api.post("/v1/customers", json!({"email": "bea@example.com"})).await.expect(201);
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("/v1/audit/events?per_page=2&cursor={cursor}")).await.expect(200);
    let end = all.len();
    assert_eq!(positions(&second), [all[end - 3], all[end - 4]]);
    // Back at the beginning, what is new comes before it.
    let previous = second["meta"]["previous_cursor"].as_str().unwrap();
    let again = api.get(&format!("/v1/audit/events?per_page=5&cursor={previous}")).await.expect(200);
    assert_eq!(positions(&again)[0], all[end - 1] + 1);
    let foreign =
        api.get(&format!("/v1/audit/events?per_page=2&types=*&actor=operator&cursor={cursor}")).await;
    assert_eq!(fields(&foreign.refused(422, "VALIDATION_ERROR")), ["cursor"]);
    let wrong =
        api.get("/v1/audit/events?actor=me&types=x&page=1&sort=-time").await.refused(422, "VALIDATION_ERROR");
    assert_eq!(
        fields(&wrong).into_iter().collect::<BTreeSet<_>>(),
        ["actor", "page", "sort", "types"].into()
    );
}

#[tokio::test]
async fn what_was_erased_is_marked_and_secrets_are_not_shown() {
    let server = told().await;
    let api = &server.api;
    let key = json!({"name": "Auditor", "scopes": ["audit:read"]});
    let secret = api.post("/v1/keys", key).await.expect(201)["data"]["key"].as_str().unwrap().to_owned();
    let draft = json!({"url": "http://127.9.9.9:9009/hook", "headers": {"x-token": "hidden"}});
    let made =
        api.post("/v1/webhooks", draft).await.expect(201)["data"]["secret"].as_str().unwrap().to_owned();
    let customer =
        events(api, "types=customer.created&correlation_id=order-1").await[0]["aggregate"]["id"].clone();
    api.post(&format!("/v1/customers/{}/erase", customer.as_str().unwrap()), json!({})).await.expect(200);

    let auditor = Api { key: Some(secret), ..api.clone() };
    let seen = auditor.get("/v1/audit/events?per_page=100").await;
    for hidden in ["whsec_", "hidden", &made, "5511999999990"] {
        assert!(!seen.text.contains(hidden), "{hidden}");
    }
    let seen = seen.expect(200);
    assert!(seen["data"].as_array().unwrap().len() > 10);
    let of = async |query: &str| events(&auditor, query).await[0].clone();
    let erased = of("types=customer.created&correlation_id=order-1").await;
    assert_eq!(
        (&erased["erased"], &erased["payload"]["profile"]["phone"]),
        (&json!(true), &json!({"erased": true}))
    );
    let queued = of("types=message.queued&correlation_id=order-1").await;
    assert_eq!((&queued["erased"], &queued["payload"]["content"]), (&json!(true), &json!({"erased": true})));
    assert_eq!(of("types=message.queued&correlation_id=order-2").await["erased"], false);
    let webhook = of("types=webhook.created").await;
    assert_eq!(webhook["payload"]["settings"]["url"], "http://127.9.9.9:9009/hook");
    assert_eq!(webhook["payload"]["secret"], json!({"redacted": true}));
    let issued = events(&auditor, "types=workspace.key_issued").await;
    assert!(issued.iter().all(|event| event["payload"]["secret_sha256"] == json!({"redacted": true})));
    // The certificate, and what ended with it.
    let certificate = of("types=customer.erased").await;
    let closed = of("types=chat.closed").await;
    assert_eq!(closed["causation_id"], certificate["id"]);
    auditor.get("/v1/customers").await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_workspace_sees_its_own_log_alone() {
    let server = told().await;
    let stranger = server.another("second", &[Scope::AuditRead], None).await;
    let seen = events(&stranger, "").await;
    assert!(
        !seen.is_empty()
            && seen.iter().all(|event| event["type"].as_str().unwrap().starts_with("workspace."))
    );
    let message = events(&server.api, "types=message.queued").await[0]["aggregate"]["id"].clone();
    let theirs = format!("aggregate_id={}", message.as_str().unwrap());
    assert!(events(&stranger, &theirs).await.is_empty());
    assert!(events(&stranger, "correlation_id=order-1").await.is_empty());
    stranger.get("/v1/audit/correlations/order-1").await.refused(404, "NOT_FOUND");
}
