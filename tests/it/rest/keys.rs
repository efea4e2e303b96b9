//! Keys at the first start and after.

use interflow::config::Config;
use interflow_domain::workspace::Scope;

use super::server::Server;

#[tokio::test]
async fn a_fresh_server_makes_one_admin_key_in_the_documented_form() {
    let server = Server::start().await;
    let key = server.running.admin_key().unwrap();
    assert!(key.starts_with("ifl_live_") && key.len() == 45, "{key}");
    assert!(server.running.greeting().contains(key));
    server.api.get("/v1/customers").await.expect(200);
}

#[tokio::test]
async fn a_weak_key_from_the_environment_works_for_a_local_start() {
    let server = Server::with(|config| Config { admin_key: Some("flowcore123".into()), ..config }).await;
    assert_eq!(server.running.admin_key(), None);
    assert!(!server.running.greeting().contains("flowcore123"));
    let mut api = server.api.clone();
    api.key = Some("flowcore123".to_owned());
    api.get("/api/whatsapp/instances").await.expect(200);
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say() {
    let server = Server::start().await;
    let reader = server.another("default", &[Scope::CustomersRead], None).await;
    reader.get("/v1/customers").await.expect(200);
    let refused = reader.post("/v1/customers", serde_json::json!({})).await.refused(403, "FORBIDDEN");
    assert!(refused["error"]["message"].as_str().unwrap().contains("customers:write"));
    reader.get("/v1/chats").await.refused(403, "FORBIDDEN");
}
