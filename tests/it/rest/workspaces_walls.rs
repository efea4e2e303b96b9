//! Who may govern workspaces, and what a repeated request of theirs comes to.

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::json;

use super::server::Server;
use super::workspaces::{made, tenant};
use crate::support::api::fields;

#[tokio::test]
async fn only_keys_of_the_first_workspace_reach_the_others_and_only_by_their_scopes() {
    let server = Server::start().await;
    let ana = made(&server.api, "ana").await;
    let one = format!("/v1/workspaces/{}", ana["id"].as_str().unwrap());
    let stranger = tenant(&server.api, &ana);
    let reads = ["/v1/workspaces", &*one, &format!("{one}/usage"), "/v1/workspaces/default"];
    let writes = [
        (Method::POST, "/v1/workspaces".to_owned(), json!({"slug": "bea", "plan": "starter"})),
        (Method::PATCH, one.clone(), json!({"plan": "unlimited"})),
        (Method::POST, format!("{one}/suspend"), json!({})),
        (Method::POST, format!("{one}/resume"), json!({})),
    ];
    let chats = server.another("default", &[Scope::ChatsRead], None).await;
    for path in reads {
        // Everything in one's own workspace is nothing in another, one's own by this path included.
        stranger.get(path).await.refused(403, "FORBIDDEN");
        chats.get(path).await.refused(403, "FORBIDDEN");
    }
    let reader = server.another("default", &[Scope::WorkspacesRead], None).await;
    for (method, path, body) in writes {
        for api in [&stranger, &chats, &reader] {
            api.json(method.clone(), &path, body.clone(), &[]).await.refused(403, "FORBIDDEN");
        }
    }
    for path in reads {
        reader.get(path).await.expect(200);
    }
    let own = stranger.get("/v1/workspace").await.expect(200)["data"].clone();
    assert_eq!((&own["id"], &own["limits"]["requests_per_minute"]), (&ana["id"], &json!(60)));
    assert_eq!(
        chats.get("/v1/workspace").await.expect(200)["data"]["slug"],
        "default",
        "no scope is asked for"
    );
}

#[tokio::test]
async fn a_key_of_another_workspace_is_never_given_a_scope_to_govern() {
    let server = Server::start().await;
    let stranger = tenant(&server.api, &made(&server.api, "ana").await);
    for scope in ["workspaces:read", "workspaces:write"] {
        let refused = stranger.post("/v1/keys", json!({"name": "x", "scopes": ["chats:read", scope]})).await;
        assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["scopes"]);
        server.api.post("/v1/keys", json!({"name": "x", "scopes": [scope]})).await.expect(201);
    }
}

#[tokio::test]
async fn a_repeated_request_governs_once_also_when_its_answer_was_lost() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"slug": "ana", "plan": "starter"});
    let first = api.post_once("/v1/workspaces", draft.clone(), "a").await.expect(201);
    let replayed = api.post_once("/v1/workspaces", draft.clone(), "a").await;
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert_eq!(replayed.expect(201), first);
    let one = format!("/v1/workspaces/{}", first["data"]["id"].as_str().unwrap());
    let keyed = [("Idempotency-Key", "b"), ("If-Match", "\"2\"")];
    let rename = || api.json(Method::PATCH, &one, json!({"name": "Ana"}), &keyed);
    let renamed = rename().await.expect(200);
    assert_eq!(rename().await.expect(200), renamed);
    // As after a crash before the answer was kept, and as after one before the command was noted here at all.
    for forget in [
        "UPDATE commands SET status = NULL, headers = NULL, body = NULL",
        "DELETE FROM commands WHERE workspace_id <> (SELECT workspace_id FROM workspaces WHERE slug = 'ana')",
    ] {
        server.execute(forget).await;
        assert_eq!(rename().await.expect(200), renamed);
        let again = api.post_once("/v1/workspaces", draft.clone(), "a").await.expect(201);
        assert_eq!(again["data"]["first_key"]["key"], first["data"]["first_key"]["key"]);
    }
    let other = json!({"slug": "ana", "plan": "enterprise"});
    api.post_once("/v1/workspaces", other, "a").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    api.post_once("/v1/workspaces", draft, "c").await.refused(409, "CONFLICT");
    tenant(api, &first["data"]).get("/v1/workspace").await.expect(200);
}
