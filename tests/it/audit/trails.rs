//! `GET /v1/audit/correlations/{id}`: from one request to everything that followed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::recorder::Recorder;
use crate::rest::server::Server;
use crate::support::api::send_body;

const ANA: &str = "5511999999999";

/// The node of an event of this type, wherever it hangs.
fn node<'n>(nodes: &'n [Value], kind: &str) -> Option<&'n Value> {
    nodes.iter().find_map(|one| match one["event"]["type"] == kind {
        true => Some(one),
        false => node(one["followed_by"].as_array().unwrap(), kind),
    })
}

fn drawn(nodes: &[Value]) -> String {
    let draw = |one: &Value| {
        let below = one["followed_by"].as_array().unwrap();
        let kind = one["event"]["type"].as_str().unwrap();
        if below.is_empty() { kind.to_owned() } else { format!("{kind}({})", drawn(below)) }
    };
    nodes.iter().map(draw).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_send_leads_to_its_receipts_and_to_what_webhooks_were_told() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    server.open_channel("shop").await;
    server.phones.faults(json!({"receipts": "all"})).await;
    let hook = json!({"url": recorder.url, "events": ["message.*", "chat.opened"], "schedule": [0, 1, 1]});
    let webhook = server.api.post("/v1/webhooks", hook).await.expect(201)["data"]["id"].clone();
    recorder.answer(500);
    let headers = [("X-Request-Id", "order/7:a")];
    let sent =
        server.api.json(Method::POST, "/v1/messages/send", send_body("shop", ANA, "Hi"), &headers).await;
    let sent = sent.expect(201)["data"].clone();
    let id = sent["id"].as_str().unwrap().to_owned();
    // The first of the chat's line, which the others wait for.
    recorder.until(|told| told.is("chat.opened", &sent["chat_id"])).await;
    recorder.answer(204);
    server.api.until(&format!("/v1/messages/{id}"), |body| body["data"]["status"] == "read").await;

    let path = "/v1/audit/correlations/order%2F7:a";
    let told = |body: &Value| {
        let nodes = body["data"]["events"].as_array().unwrap();
        ["message.queued", "message.sent", "message.delivered", "message.read", "chat.opened"]
            .iter()
            .all(|kind| node(nodes, kind).is_some_and(|node| node["deliveries"][0]["status"] == "delivered"))
    };
    let trail = server.api.until(path, told).await;
    assert_eq!(
        (&trail["data"]["correlation_id"], &trail["meta"]["next_cursor"]),
        (&json!("order/7:a"), &json!(null))
    );
    let nodes = trail["data"]["events"].as_array().unwrap();
    assert_eq!(
        drawn(nodes),
        "message.queued(customer.created chat.opened message.sent message.delivered message.read)"
    );
    let queued = &nodes[0];
    assert_eq!((&queued["event"]["aggregate"]["id"], &queued["waiting"]), (&json!(id), &json!(null)));
    let delivery = &queued["followed_by"][1]["deliveries"][0];
    assert_eq!((&delivery["webhook_id"], &delivery["attempts"].as_array().unwrap().len()), (&webhook, &2));
    assert_eq!(
        (&delivery["attempts"][0]["status"], &delivery["attempts"][1]["status"]),
        (&json!(500), &json!(204))
    );
    assert_eq!(queued["followed_by"][0]["deliveries"], json!([]), "nobody wanted to know of the customer");

    // Part by part: what follows from an event of an earlier part is at the top.
    let first = server.api.get(&format!("{path}?per_page=3")).await.expect(200);
    assert_eq!(
        drawn(first["data"]["events"].as_array().unwrap()),
        "message.queued(customer.created chat.opened)"
    );
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    let second = server.api.get(&format!("{path}?per_page=3&cursor={cursor}")).await.expect(200);
    assert_eq!(
        drawn(second["data"]["events"].as_array().unwrap()),
        "message.sent message.delivered message.read"
    );
    server
        .api
        .get(&format!("/v1/audit/correlations/other?cursor={cursor}"))
        .await
        .refused(422, "VALIDATION_ERROR");
    server.api.get("/v1/audit/correlations/other").await.refused(404, "NOT_FOUND");
    server.api.get("/v1/audit/correlations/a%20b").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_send_that_waits_says_so() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    server.phones.faults(json!({"ack_delay_ms": 600_000, "receipts": "none"})).await;
    let headers = [("X-Request-Id", "waits")];
    server
        .api
        .json(Method::POST, "/v1/messages/send", send_body("shop", ANA, "Hi"), &headers)
        .await
        .expect(201);
    let trail = server.api.get("/v1/audit/correlations/waits").await.expect(200);
    let waiting = &trail["data"]["events"][0]["waiting"];
    assert_eq!(waiting["attempts"], 0);
    assert!(waiting["deadline"].is_string() && waiting["next_attempt_at"].is_null());
}
