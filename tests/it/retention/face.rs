//! `message_retention_days` of a workspace, over HTTP; and a server that finds old messages when it starts.

use interflow_domain::workspace::Scope;
use serde_json::json;

use super::MovedClock;
use crate::rest::server::Server;
use crate::support::api::fields;

#[tokio::test]
async fn how_long_messages_are_kept_is_set_shown_and_taken_back() {
    let server = Server::start().await;
    let api = &server.api;
    let one = "/v1/workspaces/default";
    assert_eq!(api.get(one).await.expect(200)["data"]["message_retention_days"], json!(null));
    for wrong in [json!(0), json!(36_501), json!("30"), json!(1.5), json!(-1)] {
        let refused = api.patch(one, json!({"message_retention_days": wrong})).await;
        assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["message_retention_days"]);
    }
    let changed = api.patch(one, json!({"message_retention_days": 90})).await.expect(200)["data"].clone();
    assert_eq!(changed["message_retention_days"], 90);
    let renamed = api.patch(one, json!({"name": "Shop"})).await.expect(200)["data"].clone();
    assert_eq!(renamed["message_retention_days"], 90, "what is not named stays");
    assert_eq!(api.get("/v1/workspace").await.expect(200)["data"]["message_retention_days"], 90);
    // A tenant does not set its own, and has its own.
    let tenant = server.another("ana", &[Scope::All], None).await;
    assert_eq!(tenant.get("/v1/workspace").await.expect(200)["data"]["message_retention_days"], json!(null));
    let asked = tenant.patch("/v1/workspaces/ana", json!({"message_retention_days": 1})).await;
    asked.refused(403, "FORBIDDEN");
    let kept = api.patch(one, json!({"message_retention_days": null})).await.expect(200)["data"].clone();
    assert_eq!(kept["message_retention_days"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_forgets_what_became_too_old_while_it_was_away() {
    let server = Server::start().await;
    let channel = server.open_channel("shop").await;
    let sent = server.api.send(&channel, "5511999999999", "wombatine").await.expect(201);
    let message = format!("/v1/messages/{}", sent["data"]["id"].as_str().unwrap());
    server.api.patch("/v1/workspaces/default", json!({"message_retention_days": 1})).await.expect(200);
    let before = server.api.get(&message).await.expect(200);
    assert_eq!(before["data"]["content"], json!({"text": "wombatine"}));
    let later = (server.running.core().clock.now() + chrono::TimeDelta::days(70)).to_rfc3339();
    let server = server.restarted_by(Some(MovedClock::at(&later))).await;
    server.api.until(&message, |body| body["data"]["content"].is_null()).await;
}
