//! The history of things, change by change, and what they were at two moments.

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

async fn head(api: &Api) -> u64 {
    api.get("/v1/events?after=end").await.expect(200)["meta"]["next_after"].as_u64().unwrap()
}

async fn history(api: &Api, path: &str) -> Vec<Value> {
    let (mut steps, mut cursor) = (vec![], String::new());
    loop {
        let page =
            api.get(&format!("/v1/audit/{path}/history?sort=position&per_page=2{cursor}")).await.expect(200);
        steps.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["meta"]["next_cursor"].as_str() else { return steps };
        cursor = format!("&cursor={next}");
    }
}

/// A field, and what it was before and after.
type Change = (String, Value, Value);

/// What each event was, and what it changed, in short.
fn told(steps: &[Value]) -> Vec<(String, Vec<Change>)> {
    let change = |change: &Value| {
        (change["field"].as_str().unwrap().to_owned(), change["before"].clone(), change["after"].clone())
    };
    let step = |step: &Value| {
        let changes = step["changes"].as_array().unwrap().iter().map(change).collect();
        (step["event"]["type"].as_str().unwrap().to_owned(), changes)
    };
    steps.iter().map(step).collect()
}

fn changed(steps: &[(String, Vec<Change>)], at: usize) -> Vec<(&str, &Value, &Value)> {
    steps[at].1.iter().map(|(field, before, after)| (field.as_str(), before, after)).collect()
}

#[tokio::test]
async fn a_customers_history_tells_every_field_before_and_after() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"name": "Ana", "phone": "5511900000001", "attributes": {"city": "Rio", "vip": true}});
    let made = api.post("/v1/customers", draft).await.header("location").to_owned();
    let id = made.rsplit('/').next().unwrap();
    let first = head(api).await;
    api.patch(&made, json!({"name": "Anabel", "attributes": {"city": "Olinda"}, "tags": ["vip"]}))
        .await
        .expect(200);
    let second = head(api).await;
    api.delete(&made).await.expect(200);

    let steps = history(api, &format!("customers/{id}")).await;
    let steps_told = told(&steps);
    let types: Vec<_> = steps_told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(types, ["customer.created", "customer.updated", "customer.deleted"]);
    let created = changed(&steps_told, 0);
    assert!(created.contains(&("name", &Value::Null, &json!("Ana"))), "{created:?}");
    assert!(created.contains(&("attributes.city", &Value::Null, &json!("Rio"))), "{created:?}");
    let (ana, anabel) = (json!("Ana"), json!("Anabel"));
    let expected = [
        ("attributes.city", &json!("Rio"), &json!("Olinda")),
        ("name", &ana, &anabel),
        ("tags", &json!([]), &json!(["vip"])),
    ];
    assert_eq!(changed(&steps_told, 1), expected);
    assert!(changed(&steps_told, 2).contains(&("name", &anabel, &Value::Null)));
    // With who it was, from the request on.
    assert!(steps[1]["event"]["actor"].as_str().unwrap().starts_with("key:key_"));
    assert!(steps[1]["event"]["request_id"].is_string());

    let diff = |from: String, to: String| {
        let path = format!("/v1/audit/customers/{id}/diff?from={from}{to}");
        async move { api.get(&path).await.expect(200)["data"].clone() }
    };
    let between = diff(first.to_string(), format!("&to={second}")).await;
    let named: Vec<_> =
        between["changes"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["attributes.city", "name", "tags", "updated_at", "version"]);
    assert_eq!((&between["from"]["position"], &between["to"]["exists"]), (&json!(first), &json!(true)));
    let since = diff(second.to_string(), String::new()).await;
    assert_eq!((&since["from"]["exists"], &since["to"]["exists"]), (&json!(true), &json!(false)));
    let time = between["from"]["recorded_at"].as_str().unwrap().to_owned();
    assert_eq!(diff(time, format!("&to={second}")).await["to"]["position"], second);
    assert_eq!(diff("0".to_owned(), "&to=0".to_owned()).await["changes"], json!([]));
}

#[tokio::test]
async fn chats_messages_channels_keys_webhooks_and_the_workspace_have_a_history() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = server.open_channel("shop").await;
    let sent = api.send("shop", "5511988880001", "one").await.expect(201)["data"].clone();
    let (chat, message) = (sent["chat_id"].as_str().unwrap(), sent["id"].as_str().unwrap());
    api.post(&format!("/v1/chats/{chat}/assign"), json!({"assignee": "Bea"})).await.expect(200);
    api.post(&format!("/v1/chats/{chat}/close"), json!({})).await.expect(200);
    let steps = told(&history(api, &format!("chats/{chat}")).await);
    assert_eq!(changed(&steps, 1), [("assignee", &Value::Null, &json!("Bea"))]);
    assert_eq!(changed(&steps, 2), [("status", &json!("open"), &json!("closed"))]);
    let steps = told(&history(api, &format!("messages/{message}")).await);
    let last = changed(&steps, steps.len() - 1);
    assert!(last.contains(&("status", &json!("queued"), &json!("sent"))), "{last:?}");

    api.patch("/v1/channels/shop", json!({"name": "store"})).await.expect(200);
    for named in [&*channel, "store"] {
        let steps = told(&history(api, &format!("channels/{named}")).await);
        assert_eq!(steps[0].0, "instance.registered");
        let opened = steps.iter().position(|(kind, _)| kind == "instance.connected").unwrap();
        assert!(changed(&steps, opened).contains(&("status", &json!("connecting"), &json!("open"))));
        let renamed = changed(&steps, steps.len() - 1);
        assert_eq!(renamed, [("name", &json!("shop"), &json!("store"))]);
    }

    let key =
        api.post("/v1/keys", json!({"name": "Eve", "scopes": ["chats:read"]})).await.expect(201)["data"]
            .clone();
    let (id, secret) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    api.post(&format!("/v1/keys/{id}/rotate"), json!({})).await.expect(200);
    api.delete(&format!("/v1/keys/{id}")).await.expect(200);
    let steps = history(api, &format!("keys/{id}")).await;
    let types: Vec<_> = steps.iter().map(|step| step["event"]["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["workspace.key_issued", "workspace.key_rotated", "workspace.key_revoked"]);
    assert!(changed(&told(&steps), 0).contains(&("name", &Value::Null, &json!("Eve"))));
    assert!(!json!(steps).to_string().contains(secret));
    assert_eq!(steps[0]["event"]["payload"]["secret_sha256"], json!({"redacted": true}));

    let draft = json!({"url": "http://127.9.9.9:9009/", "headers": {"authorization": "Bearer hidden"}});
    let webhook = api.post("/v1/webhooks", draft).await.expect(201)["data"].clone();
    let (id, secret) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
    api.patch(&format!("/v1/webhooks/{id}"), json!({"rate_limit": 5})).await.expect(200);
    api.post(&format!("/v1/webhooks/{id}/pause"), json!({})).await.expect(200);
    api.delete(&format!("/v1/webhooks/{id}")).await.expect(200);
    let steps = history(api, &format!("webhooks/{id}")).await;
    let steps_told = told(&steps);
    assert_eq!(changed(&steps_told, 1), [("rate_limit", &Value::Null, &json!(5))]);
    let paused = changed(&steps_told, 2);
    assert_eq!(
        paused,
        [("reason", &Value::Null, &json!("caller")), ("status", &json!("active"), &json!("paused"))]
    );
    let shown = json!(steps).to_string();
    assert!(!shown.contains(secret) && !shown.contains("hidden"), "{shown}");

    let workspace = api.get("/v1/workspace").await.expect(200)["data"]["id"].as_str().unwrap().to_owned();
    let steps = told(&history(api, &format!("workspaces/{workspace}")).await);
    assert_eq!(steps[0].0, "workspace.created");
    assert!(changed(&steps, 0).contains(&("slug", &Value::Null, &json!("default"))));
}

#[tokio::test]
async fn a_history_needs_its_scope_and_is_nobody_elses_and_what_was_erased_is_marked() {
    let server = Server::start().await;
    let api = &server.api;
    let made = api.post("/v1/customers", json!({"name": "Zebulina", "phone": "5511976253418"})).await;
    let path = made.header("location").to_owned();
    let id = path.rsplit('/').next().unwrap();
    let at = head(api).await;
    let paths =
        [format!("/v1/audit/customers/{id}/history"), format!("/v1/audit/customers/{id}/diff?from={at}")];
    let stranger = server.another("other", &[Scope::All], None).await;
    let without = server.another("default", &[Scope::CustomersRead], None).await;
    let with = server.another("default", &[Scope::AuditRead], None).await;
    for path in &paths {
        stranger.get(path).await.refused(
            if path.contains("diff") { 422 } else { 404 },
            if path.contains("diff") { "VALIDATION_ERROR" } else { "NOT_FOUND" },
        );
        without.get(path).await.refused(403, "FORBIDDEN");
        with.get(path).await.expect(200);
    }
    stranger.get(&format!("/v1/audit/customers/{id}/diff?from=0")).await.refused(404, "NOT_FOUND");

    api.post(&format!("{path}/erase"), json!({})).await.expect(200);
    let steps = history(api, &format!("customers/{id}")).await;
    assert!(!json!(steps).to_string().contains("Zebulina"));
    assert_eq!(steps[0]["event"]["erased"], true);
    assert_eq!(steps[0]["event"]["payload"]["profile"]["name"], json!({"erased": true}));
    assert_eq!(steps[1]["event"]["type"], "customer.erased");
    let diff = api.get(&format!("/v1/audit/customers/{id}/diff?from={at}")).await.expect(200);
    assert!(diff["data"]["erased"] == true && !diff.to_string().contains("Zebulina"), "{diff}");
}

#[tokio::test]
async fn what_has_no_history_is_not_found_and_what_is_wrong_is_named() {
    let server = Server::start().await;
    let api = &server.api;
    let made = api.post("/v1/customers", json!({"name": "Ana", "phone": "5511900000001"})).await;
    let id = made.header("location").rsplit('/').next().unwrap().to_owned();
    let none = "cus_01jh9qzq3te5v9d4xk6w2y8rbn";
    for path in [
        "customers/x",
        &format!("customers/{none}"),
        "channels/nowhere",
        "keys/key_01jh9qzq3te5v9d4xk6w2y8rbn",
    ] {
        api.get(&format!("/v1/audit/{path}/history")).await.refused(404, "NOT_FOUND");
        api.get(&format!("/v1/audit/{path}/diff?from=0")).await.refused(404, "NOT_FOUND");
    }
    let carts = api.get("/v1/audit/carts/1/history").await.refused(404, "NOT_FOUND");
    assert!(carts["error"]["message"].as_str().unwrap().contains("customers, chats"), "{carts}");
    let path = format!("/v1/audit/customers/{id}");
    for (query, field) in [
        ("", "from"),
        ("from=", "from"),
        ("from=x", "from"),
        ("from=999999", "from"),
        ("from=1&to=999999", "to"),
        ("from=1&to=2999-01-01T00:00:00Z", "to"),
        ("from=2&to=1", "to"),
        ("from=1&until=2", "until"),
    ] {
        let error = api.get(&format!("{path}/diff?{query}")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), [field], "{query}");
    }
    let error = api.get(&format!("{path}/history?sort=time&page=2")).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["sort", "page"]);
}
