//! `/v1/keys`: creating, listing, rotating and revoking.

use std::time::Duration;

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

fn with(api: &Api, key: &Value) -> Api {
    Api { key: Some(key.as_str().unwrap().to_owned()), ..api.clone() }
}

async fn made(api: &Api, scopes: &[&str]) -> Value {
    api.post("/v1/keys", json!({"name": "Shop", "scopes": scopes})).await.expect(201)["data"].clone()
}

fn path(key: &Value) -> String {
    format!("/v1/keys/{}", key["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_lives_through_all_calls_and_its_secret_is_shown_once() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({
        "name": "Reports", "scopes": ["keys:write", "customers:read", "customers:read"],
        "expires_at": "2030-01-31T12:00:00+02:00"
    });
    let answer = api.post("/v1/keys", draft).await;
    let location = answer.header("location").to_owned();
    assert_eq!(answer.header("etag"), "\"1-0\"");
    let mut key = answer.expect(201)["data"].clone();
    let secret = key.as_object_mut().unwrap().remove("key").unwrap();
    let text = secret.as_str().unwrap();
    assert!(text.starts_with("ifl_live_") && text.len() == 45, "{text}");
    assert_eq!(key["prefix"], format!("{}…{}", &text[..13], &text[41..]));
    assert_eq!(location, path(&key));
    assert_eq!(key["scopes"], json!(["customers:read", "keys:write"]));
    assert_eq!(key["expires_at"], "2030-01-31T10:00:00.000Z");
    assert_eq!((&key["origin"], &key["version"]), (&json!("issued"), &json!(1)));
    for absent in ["last_used_at", "rotated_at", "previous_expires_at"] {
        assert_eq!(key[absent], json!(null), "{absent}");
    }

    with(api, &secret).get("/v1/customers").await.expect(200);
    with(api, &secret).get("/v1/keys").await.refused(403, "FORBIDDEN");
    assert_eq!(api.get(&location).await.expect(200)["data"], key);
    let list = api.get("/v1/keys?per_page=1").await.expect(200);
    assert_eq!((&list["data"], &list["meta"]["total"]), (&json!([key]), &json!(2)));
    let next = list["meta"]["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("/v1/keys?per_page=1&cursor={next}")).await.expect(200);
    assert_eq!(rest["data"][0]["name"], "Administrator");
    assert!(!list.to_string().contains(text) && !rest.to_string().contains("sha256"));

    let id = key["id"].clone();
    assert_eq!(api.delete(&location).await.expect(200)["data"], json!({"id": id, "deleted": true}));
    with(api, &secret).get("/v1/customers").await.refused(401, "UNAUTHORIZED");
    api.get(&location).await.refused(404, "NOT_FOUND");
    api.delete(&location).await.refused(404, "NOT_FOUND");
    api.post(&format!("{location}/rotate"), json!({})).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_rotated_key_works_with_both_secrets_until_the_overlap_ends() {
    let server = Server::start().await;
    let api = &server.api;
    let first = made(api, &["chats:read"]).await;
    let rotate = format!("{}/rotate", path(&first));
    let second = api.call(Method::POST, &rotate, &[], None::<&str>).await;
    assert_eq!(second.header("etag"), "\"2-0\"");
    let second = second.expect(200)["data"].clone();
    assert_eq!((&second["id"], &second["scopes"]), (&first["id"], &first["scopes"]));
    assert!(second["key"] != first["key"] && second["prefix"] != first["prefix"]);
    assert!(second["rotated_at"].is_string());
    let ends = |key: &Value, from: &str| -> i64 {
        let time =
            |field: &str| key[field].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        (time("previous_expires_at") - time(from)).num_seconds()
    };
    assert!((86_399..=86_400).contains(&ends(&second, "rotated_at")), "{second}");
    for key in [&first, &second] {
        with(api, &key["key"]).get("/v1/chats").await.expect(200);
    }
    // A third ends the first at once, and one without an overlap the one before it.
    let third = api.post(&rotate, json!({"overlap_seconds": 604_800})).await.expect(200)["data"].clone();
    with(api, &first["key"]).get("/v1/chats").await.refused(401, "UNAUTHORIZED");
    with(api, &second["key"]).get("/v1/chats").await.expect(200);
    let fourth = api.post(&rotate, json!({"overlap_seconds": 0})).await.expect(200)["data"].clone();
    with(api, &third["key"]).get("/v1/chats").await.refused(401, "UNAUTHORIZED");
    with(api, &fourth["key"]).get("/v1/chats").await.expect(200);
    assert_eq!(fourth["version"], 4);
    let brief = api.post(&rotate, json!({"overlap_seconds": 1})).await.expect(200)["data"].clone();
    api.until(&path(&first), |body| body["data"]["version"] == 5).await;
    let old = with(api, &fourth["key"]);
    old.until("/v1/chats", |body| body["error"]["code"] == "UNAUTHORIZED").await;
    with(api, &brief["key"]).get("/v1/chats").await.expect(200);
}

#[tokio::test]
async fn bad_input_names_every_field_and_every_unknown_scope() {
    let server = Server::start().await;
    let api = &server.api;
    let bad = json!({"scopes": ["chats:read", "chats", 7], "expires_at": "tomorrow", "secret": "x"});
    let refused = api.post("/v1/keys", bad).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["name", "scopes[1]", "scopes[2]", "expires_at", "secret"]);
    assert!(refused.to_string().contains("no such scope; there are: *, customers:read"), "{refused}");
    for (draft, field) in [
        (json!({"name": "x"}), "scopes"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": "*"}), "scopes"),
        (json!({"name": "x", "scopes": ["*"], "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
    ] {
        let refused = api.post("/v1/keys", draft).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), [field]);
    }
    let key = made(api, &["*"]).await;
    for seconds in [json!(-1), json!(604_801), json!(1.5), json!("60")] {
        let refused = api.post(&format!("{}/rotate", path(&key)), json!({"overlap_seconds": seconds})).await;
        assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["overlap_seconds"]);
    }
    api.get("/v1/keys/key_1").await.refused(404, "NOT_FOUND");
    api.get("/v1/keys?page=0").await.refused(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn nobody_gets_more_from_a_key_than_the_key_that_asks_may_do() {
    let server = Server::start().await;
    let admin = made(&server.api, &["*"]).await;
    let clerk = server.another("default", &[Scope::KeysRead, Scope::KeysWrite, Scope::ChatsRead], None).await;
    let refused =
        clerk.post("/v1/keys", json!({"name": "x", "scopes": ["chats:read", "chats:write", "*"]})).await;
    let told = refused.refused(403, "FORBIDDEN")["error"]["message"].to_string();
    assert!(told.contains("*, chats:write"), "{told}");
    clerk.post(&format!("{}/rotate", path(&admin)), json!({})).await.refused(403, "FORBIDDEN");
    let equal = made(&clerk, &["chats:read", "keys:read"]).await;
    clerk.post(&format!("{}/rotate", path(&equal)), json!({})).await.expect(200);
    // Whoever manages keys may take a stronger one out of service: it may have leaked.
    clerk.delete(&path(&admin)).await.expect(200);
}

#[tokio::test]
async fn the_last_key_that_may_manage_keys_stays() {
    let server = Server::start().await;
    let api = &server.api;
    made(api, &["keys:read", "chats:read"]).await;
    let all = api.get("/v1/keys").await.expect(200);
    let own = path(all["data"].as_array().unwrap().last().unwrap());
    let told = api.delete(&own).await.refused(409, "CONFLICT");
    assert!(told["error"]["message"].as_str().unwrap().contains("last key"), "{told}");
    api.get(&own).await.expect(200);
    let other = made(api, &["keys:write"]).await;
    api.delete(&own).await.expect(200);
    api.get(&own).await.refused(401, "UNAUTHORIZED");
    with(api, &other["key"]).delete(&path(&other)).await.refused(409, "CONFLICT");
}

#[tokio::test]
async fn a_version_guards_reads_and_writes() {
    let server = Server::start().await;
    let api = &server.api;
    let key = made(api, &["chats:read"]).await;
    let (one, rotate) = (path(&key), format!("{}/rotate", path(&key)));
    let read = api.call(Method::GET, &one, &[("If-None-Match", "\"1-0\"")], None::<&str>).await;
    assert_eq!((read.status.as_u16(), read.text.as_str()), (304, ""));
    // Other keys come and go; this one's version is its own.
    made(api, &["chats:read"]).await;
    api.json(Method::POST, &rotate, json!({}), &[("If-Match", "\"2-0\"")])
        .await
        .refused(412, "PRECONDITION_FAILED");
    api.json(Method::POST, &rotate, json!({}), &[("If-Match", "\"1-0\"")]).await.expect(200);
    let remove = async |tag| api.call(Method::DELETE, &one, &[("If-Match", tag)], None::<&str>).await;
    remove("\"1-0\"").await.refused(412, "PRECONDITION_FAILED");
    remove("\"2-0\"").await.expect(200);
}

#[tokio::test]
async fn a_repeated_request_shows_the_same_secret_also_when_its_answer_was_lost() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"name": "Once", "scopes": ["chats:read"]});
    let first = api.post_once("/v1/keys", draft.clone(), "a").await.expect(201);
    let replayed = api.post_once("/v1/keys", draft.clone(), "a").await;
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert_eq!(replayed.expect(201), first);
    let rotate = format!("{}/rotate", path(&first["data"]));
    let rotated = api.post_once(&rotate, json!({}), "b").await.expect(200);
    // As after a crash between the append and the answer.
    let forget = "UPDATE commands SET status = NULL, headers = NULL, body = NULL";
    server.execute(forget).await;
    assert_eq!(
        api.post_once(&rotate, json!({}), "b").await.expect(200)["data"]["key"],
        rotated["data"]["key"]
    );
    let again = api.post_once("/v1/keys", draft, "a").await.expect(201);
    assert_eq!(again["data"]["key"], first["data"]["key"]);
    for body in [&first, &rotated] {
        with(api, &body["data"]["key"]).get("/v1/chats").await.expect(200);
    }
    assert_eq!(api.get("/v1/keys").await.expect(200)["meta"]["total"], 2);
}

#[tokio::test]
async fn a_second_workspace_neither_sees_nor_touches_a_key() {
    let server = Server::start().await;
    let key = made(&server.api, &["*"]).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    stranger.get(&path(&key)).await.refused(404, "NOT_FOUND");
    stranger.delete(&path(&key)).await.refused(404, "NOT_FOUND");
    stranger.post(&format!("{}/rotate", path(&key)), json!({})).await.refused(404, "NOT_FOUND");
    let list = stranger.get("/v1/keys").await.expect(200);
    assert_eq!(list["meta"]["total"], 1);
    assert!(!list.to_string().contains(key["id"].as_str().unwrap()));
    server.api.get(&path(&key)).await.expect(200);
}

#[tokio::test]
async fn keys_and_when_they_were_last_used_are_there_after_a_restart() {
    let server = Server::start().await;
    let key = made(&server.api, &["chats:read"]).await;
    let rotate = format!("{}/rotate", path(&key));
    let rotated = server.api.post(&rotate, json!({})).await.expect(200)["data"].clone();
    let brief = server.another("default", &[Scope::ChatsRead], Some(Duration::ZERO)).await;
    with(&server.api, &key["key"]).get("/v1/chats").await.expect(200);
    let unused = made(&server.api, &["chats:read"]).await;
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["data"]["last_used_at"], json!(null));

    let server = server.restarted().await;
    let api = &server.api;
    let seen = api.get(&path(&key)).await;
    assert_ne!(seen.header("etag"), "\"2-0\"", "a use is seen in the tag, and in no version");
    let seen = seen.expect(200)["data"].clone();
    assert!(seen["last_used_at"].as_str() > seen["created_at"].as_str(), "{seen}");
    assert_eq!((&seen["prefix"], &seen["version"]), (&rotated["prefix"], &json!(2)));
    assert_eq!(api.get(&path(&unused)).await.expect(200)["data"]["last_used_at"], json!(null));
    for secret in [&key["key"], &rotated["key"], &unused["key"]] {
        with(api, secret).get("/v1/chats").await.expect(200);
    }
    Api { url: api.url.clone(), ..brief }.get("/v1/chats").await.refused(401, "UNAUTHORIZED");
}
