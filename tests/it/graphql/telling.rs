//! Webhooks, what they are told, and the log itself.

use serde_json::{Value, json};

use super::changes::changed;
use crate::rest::recorder::Recorder;
use crate::rest::server::Server;
use crate::support::api::Api;

async fn customer(api: &Api, phone: &str) {
    api.post("/v1/customers", json!({"phone": phone})).await.expect(201);
}

#[tokio::test]
async fn a_webhook_is_made_told_tested_and_told_again() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    customer(api, "5511900000001").await;
    let query = "mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { secret webhook { id url format signing \
        events headerNames rateLimit schedule startFrom { position time } status origin version progress { lag breaker } } } }";
    let input = json!({"input": {"url": recorder.url, "events": ["customer.*"], "startFrom": {"position": 1},
        "headers": [{"name": "Authorization", "value": "Bearer hidden"}], "rateLimit": 100, "schedule": [0, 5]}});
    let made = api.asked_with(query, input).await["createWebhook"].clone();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let webhook = &made["webhook"];
    assert_eq!(
        (&webhook["format"], &webhook["signing"], &webhook["status"]),
        (&json!("STANDARD"), &json!("HMAC"), &json!("ACTIVE"))
    );
    assert_eq!((&webhook["headerNames"], &webhook["schedule"]), (&json!(["authorization"]), &json!([0, 5])));
    assert_eq!(
        (&webhook["startFrom"], &webhook["origin"]),
        (&json!({"position": 1, "time": null}), &json!("API"))
    );
    let id = webhook["id"].as_str().unwrap();
    let told = |body: &Value| body["data"][0]["settled_at"].is_string();
    api.until(&format!("/v1/webhooks/{id}/deliveries"), told).await;
    let query = format!(
        r#"{{ webhook(id: "{id}") {{ deliveries(filter: {{status: DELIVERED, type: "customer.created"}}) {{ totalCount
        nodes {{ id type status attempts position request {{ url body headers {{ name }} }} history {{ number status error body }} webhook {{ id }} }} }} }} }}"#
    );
    let deliveries = api.asked(&query).await["webhook"]["deliveries"].clone();
    let delivery = &deliveries["nodes"][0];
    assert_eq!(
        (&deliveries["totalCount"], &delivery["status"], &delivery["webhook"]["id"]),
        (&json!(1), &json!("DELIVERED"), &json!(id))
    );
    assert_eq!(
        (&delivery["history"][0]["status"], &delivery["history"][0]["body"]),
        (&json!(204), &json!(""))
    );
    assert_eq!(delivery["request"]["body"].as_str().unwrap().as_bytes(), recorder.seen()[0].body);
    let redeliver = format!(r#"redeliver(input: {{id: {}}}) {{ delivery {{ id status }} }}"#, delivery["id"]);
    assert_eq!(changed(api, &redeliver).await["delivery"]["id"], delivery["id"]);
    let test = format!(
        r#"testWebhook(input: {{id: "{id}", type: "customer.created"}}) {{ succeeded type attempt {{ status }} }}"#
    );
    assert_eq!(
        changed(api, &test).await,
        json!({"succeeded": true, "type": "customer.created", "attempt": {"status": 204}})
    );
    let count = format!(
        r#"replayWebhook(input: {{id: "{id}", from: {{position: 1}}, dryRun: true}}) {{ count job {{ id }} }}"#
    );
    let counted = changed(api, &count).await;
    assert!(counted["count"].as_u64().unwrap() >= 1 && counted["job"].is_null(), "{counted}");
    let replay =
        format!(r#"replayWebhook(input: {{id: "{id}", from: {{position: 1}}}}) {{ job {{ kind }} }}"#);
    assert_eq!(changed(api, &replay).await["job"]["kind"], "WEBHOOK_REPLAY");
    let update = format!(
        r#"updateWebhook(input: {{id: "{id}", events: null, headers: [], rateLimit: null}}) {{ webhook {{ events headerNames rateLimit schedule }} }}"#
    );
    assert_eq!(
        changed(api, &update).await["webhook"],
        json!({"events": [], "headerNames": [], "rateLimit": null, "schedule": [0, 5]})
    );
    let pause = format!(r#"pauseWebhook(input: {{id: "{id}"}}) {{ webhook {{ status reason }} }}"#);
    assert_eq!(changed(api, &pause).await["webhook"], json!({"status": "PAUSED", "reason": "caller"}));
    let resume = format!(r#"resumeWebhook(input: {{id: "{id}"}}) {{ webhook {{ status }} }}"#);
    assert_eq!(changed(api, &resume).await["webhook"]["status"], "ACTIVE");
    let rotate = format!(
        r#"rotateWebhookSecret(input: {{id: "{id}"}}) {{ secret webhook {{ previousSecretExpiresAt }} }}"#
    );
    let rotated = changed(api, &rotate).await;
    assert!(rotated["secret"] != made["secret"] && rotated["webhook"]["previousSecretExpiresAt"].is_string());
    let delete = format!(r#"deleteWebhook(input: {{id: "{id}"}}) {{ deletedId }}"#);
    assert_eq!(changed(api, &delete).await["deletedId"], id);
    assert_eq!(api.asked("{ webhooks { totalCount } }").await["webhooks"]["totalCount"], 0);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_webhook_is_named() {
    let server = Server::start().await;
    let query = "mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }";
    let input = json!({"input": {"url": "http://10.0.0.1/", "events": ["massage.*"], "rateLimit": 0, "schemaVersion": 99,
        "headers": [{"name": "bad name", "value": "x"}], "byEvents": true}});
    let answer = server.api.ask(query, input).await;
    assert_eq!(answer.codes(), ["VALIDATION_ERROR"]);
    let details = answer.body["errors"][0]["extensions"]["details"].as_array().unwrap();
    let mut named: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap()).collect();
    named.sort_unstable();
    for field in ["events", "rateLimit", "schemaVersion", "url"] {
        assert!(named.contains(&field), "{field}: {named:?}");
    }
    // One of two, and the schema says so.
    let input = json!({"input": {"url": "http://127.0.0.1:9/", "startFrom": {"position": 1, "time": "2026-01-01T00:00:00Z"}}});
    assert_eq!(server.api.ask(query, input).await.codes(), ["VALIDATION_ERROR"]);
}

#[tokio::test]
async fn the_log_is_read_by_position_as_over_rest() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    for number in 0..4 {
        customer(api, &format!("551190000000{number}")).await;
    }
    let query = "query($after: String, $types: [String!]) { events(first: 3, after: $after, types: $types) { \
        nodes { id position type timestamp data } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
    let first = api.asked_with(query, json!({"types": ["customer.*"]})).await["events"].clone();
    let rest = api.get("/v1/events?limit=3&types=customer.*").await.expect(200);
    for (here, there) in first["nodes"].as_array().unwrap().iter().zip(rest["data"].as_array().unwrap()) {
        assert_eq!(
            (&here["id"], &here["position"], &here["type"], &here["data"], &here["timestamp"]),
            (&there["id"], &there["position"], &there["type"], &there["data"], &there["timestamp"])
        );
    }
    assert_eq!(first["pageInfo"]["endCursor"], rest["meta"]["next_after"].to_string());
    assert_eq!(
        (&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    let next = api
        .asked_with(query, json!({"types": ["customer.*"], "after": first["pageInfo"]["endCursor"]}))
        .await["events"]
        .clone();
    assert_eq!(
        (next["nodes"].as_array().unwrap().len(), &next["pageInfo"]["hasNextPage"]),
        (1, &json!(false))
    );
    customer(api, "5511900000009").await;
    let more = api.asked_with(query, json!({"after": next["pageInfo"]["endCursor"]})).await["events"].clone();
    assert_eq!(more["nodes"][0]["data"]["phone"], "5511900000009");
    let end = api.asked_with(query, json!({"after": "end"})).await["events"].clone();
    assert_eq!(end["nodes"], json!([]));
    let wrong = r#"{ events(after: "x", types: ["massage.*"], channelId: "") { nodes { id } } }"#;
    let answer = api.ask(wrong, json!({})).await;
    assert_eq!(answer.codes(), ["VALIDATION_ERROR"]);
    let details = answer.body["errors"][0]["extensions"]["details"].as_array().unwrap();
    assert_eq!(
        details.iter().map(|detail| &detail["field"]).collect::<Vec<_>>(),
        ["after", "types", "channelId"]
    );
    let types = api.asked(r#"{ all: eventTypes { type description schemaVersion } one: eventTypes(type: "message.received") { schema } none: eventTypes(type: "x") { type } }"#).await;
    assert!(types["all"].as_array().unwrap().len() > 10 && types["none"] == json!([]));
    assert!(types["one"][0]["schema"]["$schema"].is_string());
}
