//! `/v1/workspaces` and `/v1/workspace`: creating, changing, suspending, counting.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

pub async fn made(api: &Api, slug: &str) -> Value {
    let draft = json!({"slug": slug, "plan": "starter"});
    api.post("/v1/workspaces", draft).await.expect(201)["data"].clone()
}

/// Whoever holds the first key of a workspace.
pub fn tenant(api: &Api, workspace: &Value) -> Api {
    Api { key: Some(workspace["first_key"]["key"].as_str().unwrap().to_owned()), ..api.clone() }
}

#[tokio::test]
async fn a_workspace_lives_through_all_calls() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"slug": "ana", "name": "Ana's Shop", "plan": "professional"});
    let answer = api.post("/v1/workspaces", draft).await;
    let (location, tag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let made = answer.expect(201)["data"].clone();
    assert_eq!(location, format!("/v1/workspaces/{}", made["id"].as_str().unwrap()));
    assert!(made["id"].as_str().unwrap().starts_with("wsp_"));
    assert_eq!((&made["slug"], &made["name"]), (&json!("ana"), &json!("Ana's Shop")));
    assert_eq!((&made["plan"], &made["status"]), (&json!("professional"), &json!("active")));
    assert_eq!(made["first_key"]["scopes"], json!(["*"]));
    let ana = tenant(api, &made);
    ana.post("/v1/customers", json!({"phone": "5511988887777"})).await.expect(201);

    let shown = api.get(&location).await;
    assert_eq!(shown.header("etag"), tag);
    let shown = shown.expect(200)["data"].clone();
    assert_eq!((&shown["first_key"], &shown["id"]), (&json!(null), &made["id"]));
    assert_eq!(api.get("/v1/workspaces/ana").await.expect(200)["data"], shown);

    let changed = api.patch(&location, json!({"name": null, "plan": "enterprise"})).await.expect(200);
    assert_eq!((&changed["data"]["name"], &changed["data"]["plan"]), (&json!(null), &json!("enterprise")));
    let same = api.patch(&location, json!({"plan": "enterprise"})).await.expect(200);
    assert_eq!(same, changed, "what changes nothing is no event");
    api.delete(&location).await.refused(405, "METHOD_NOT_ALLOWED");

    let bea = self::made(api, "bea").await;
    let page = api.get("/v1/workspaces?per_page=2").await.expect(200);
    let slugs = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((slugs(&page), &page["meta"]["total"]), (vec!["bea".to_owned(), "ana".to_owned()], &json!(3)));
    let next = page["meta"]["next_cursor"].as_str().unwrap();
    self::made(api, "later").await;
    let rest = api.get(&format!("/v1/workspaces?per_page=2&cursor={next}")).await.expect(200);
    assert_eq!((slugs(&rest), &rest["meta"]["next_cursor"]), (vec!["default".to_owned()], &json!(null)));
    assert_eq!(slugs(&api.get("/v1/workspaces?per_page=3&page=2").await.expect(200)), ["default"]);
    assert_ne!(bea["id"], made["id"]);
}

#[tokio::test]
async fn a_suspended_workspace_is_refused_everywhere_and_served_again_once_resumed() {
    let server = Server::start().await;
    let api = &server.api;
    let ana = made(api, "ana").await;
    let caller = tenant(api, &ana);
    let one = format!("/v1/workspaces/{}", ana["id"].as_str().unwrap());
    let suspended =
        api.post(&format!("{one}/suspend"), json!({"reason": "The bill of May"})).await.expect(200)["data"]
            .clone();
    assert_eq!(
        (&suspended["status"], &suspended["suspended_reason"]),
        (&json!("suspended"), &json!("The bill of May"))
    );
    for path in ["/v1/customers", "/v1/workspace", "/v1/keys", "/api/whatsapp/instances"] {
        caller.get(path).await.refused(403, "WORKSPACE_SUSPENDED");
    }
    caller.post("/v1/customers", json!({})).await.refused(403, "WORKSPACE_SUSPENDED");
    let again =
        api.post(&format!("{one}/suspend"), json!({"reason": "Other"})).await.expect(200)["data"].clone();
    assert_eq!(again, suspended, "once is enough");

    let server = server.restarted().await;
    let (api, caller) = (&server.api, Api { url: server.api.url.clone(), ..caller });
    caller.get("/v1/customers").await.refused(403, "WORKSPACE_SUSPENDED");
    assert_eq!(api.get(&one).await.expect(200)["data"], suspended);
    let resumed =
        api.call(Method::POST, &format!("{one}/resume"), &[], None::<&str>).await.expect(200)["data"].clone();
    assert_eq!((&resumed["status"], &resumed["suspended_reason"]), (&json!("active"), &json!(null)));
    caller.get("/v1/customers").await.expect(200);
    assert_eq!(api.post(&format!("{one}/resume"), json!({})).await.expect(200)["data"], resumed);
    api.post("/v1/workspaces/default/suspend", json!({})).await.refused(409, "CONFLICT");
}

#[tokio::test]
async fn usage_counts_what_there_is_and_what_went_through_today() {
    let server = Server::start().await;
    let api = &server.api;
    let before = api.get("/v1/workspace").await;
    let tag = before.header("etag").to_owned();
    let unchanged = api.call(Method::GET, "/v1/workspace", &[("If-None-Match", &*tag)], None::<&str>).await;
    assert_eq!(unchanged.status, 304);
    let before = before.expect(200)["data"].clone();
    assert_eq!((&before["slug"], &before["plan"]), (&json!("default"), &json!("unlimited")));
    assert_eq!(before["limits"], json!({"requests_per_minute": null}));
    assert_eq!((&before["usage"]["keys"], &before["usage"]["customers"]), (&json!(1), &json!(0)));

    let channel = server.open_channel("shop").await;
    for text in ["one", "two"] {
        api.send(&channel, "5511999999999", text).await.expect(201);
    }
    let gone =
        api.post("/v1/customers", json!({"email": "ana@example.com"})).await.header("location").to_owned();
    api.delete(&gone).await.expect(200);
    let usage = api.get("/v1/workspaces/default/usage").await.expect(200)["data"].clone();
    assert_eq!(usage["messages"], json!({"inbound": 0, "outbound": 2}));
    let counted = ["customers", "chats", "channels", "keys"].map(|name| usage[name].as_u64().unwrap());
    assert_eq!(counted, [1, 1, 1, 1]);
    let days = usage["days"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    let of = |days: &[Value]| -> u64 { days.iter().map(|day| day["outbound"].as_u64().unwrap()).sum() };
    // Midnight may have passed.
    assert_eq!((of(days), of(&days[28..])), (2, 2));
    assert!(usage["events"].as_u64() > before["usage"]["events"].as_u64());
    let own =
        api.call(Method::GET, "/v1/workspace", &[("If-None-Match", &*tag)], None::<&str>).await.expect(200);
    assert_eq!(own["data"]["usage"]["messages"], usage["messages"]);
    // Counted once, however often it is asked for.
    assert_eq!(api.get("/v1/workspace").await.expect(200)["data"]["usage"]["messages"], usage["messages"]);
    api.get("/v1/workspaces/nobody/usage").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn bad_input_names_every_field() {
    let server = Server::start().await;
    let api = &server.api;
    let bad = json!({"slug": "No Slug", "name": 7, "plan": "gold", "status": "active"});
    let refused = api.post("/v1/workspaces", bad).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["slug", "name", "plan", "status"]);
    let refused = api.post("/v1/workspaces", json!({})).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["slug", "plan"]);
    made(api, "ana").await;
    api.post("/v1/workspaces", json!({"slug": "ana", "plan": "starter"})).await.refused(409, "CONFLICT");
    let refused = api.patch("/v1/workspaces/ana", json!({"plan": null, "slug": "bea"})).await;
    assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["plan", "slug"]);
    for (verb, body) in [("suspend", json!({"reason": "x".repeat(201)})), ("resume", json!({"reason": "x"}))]
    {
        let refused = api.post(&format!("/v1/workspaces/ana/{verb}"), body).await;
        assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["reason"]);
    }
    for path in ["/v1/workspaces/nobody", "/v1/workspaces/wsp_1", "/v1/workspaces/No%20Slug"] {
        api.get(path).await.refused(404, "NOT_FOUND");
        api.patch(path, json!({"plan": "starter"})).await.refused(404, "NOT_FOUND");
        api.post(&format!("{path}/suspend"), json!({})).await.refused(404, "NOT_FOUND");
        api.post(&format!("{path}/resume"), json!({})).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_version_guards_reads_and_writes() {
    let server = Server::start().await;
    let api = &server.api;
    made(api, "ana").await;
    let one = "/v1/workspaces/ana";
    let tag = api.get(one).await.header("etag").to_owned();
    let read = api.call(Method::GET, one, &[("If-None-Match", &*tag)], None::<&str>).await;
    assert_eq!((read.status.as_u16(), read.text.as_str()), (304, ""));
    let change = async |name: &str, tag: &str| {
        api.json(Method::PATCH, one, json!({"name": name}), &[("If-Match", tag)]).await
    };
    change("Bea", "\"77\"").await.refused(412, "PRECONDITION_FAILED");
    change("Bea", &tag).await.expect(200);
    change("Cea", &tag).await.refused(412, "PRECONDITION_FAILED");
    let suspend = format!("{one}/suspend");
    api.json(Method::POST, &suspend, json!({}), &[("If-Match", &*tag)])
        .await
        .refused(412, "PRECONDITION_FAILED");
    let tag = api.get(one).await.header("etag").to_owned();
    api.json(Method::POST, &suspend, json!({}), &[("If-Match", &*tag)]).await.expect(200);
}
