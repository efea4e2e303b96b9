//! What is secret of a webhook is shown once and nowhere stored in clear.

use serde_json::json;
use sqlx::PgPool;

use super::recorder::Recorder;
use super::server::Server;
use super::webhooks::{customer, made, path};

/// Every row of every table, as text.
async fn everything(pool: &PgPool) -> String {
    let sql = "SELECT table_name::text FROM information_schema.tables \
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await.unwrap();
    let mut rows = vec![];
    for table in tables {
        let sql = format!("SELECT t::text FROM \"{table}\" t");
        rows.extend(sqlx::query_scalar::<_, String>(&sql).fetch_all(pool).await.unwrap());
    }
    rows.join("\n")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn nothing_secret_of_a_webhook_is_stored_in_clear_or_shown_twice() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    let url = format!("{}/of-the-shop", recorder.url);
    let draft = json!({"url": url, "headers": {"authorization": "Bearer hidden-token"}});
    let first = api.post_once("/v1/webhooks", draft, "once").await.expect(201)["data"].clone();
    let rotated = api.post_once(&format!("{}/rotate-secret", path(&first)), json!({}), "twice").await;
    let rotated = rotated.expect(200)["data"].clone();
    let signed = made(api, json!({"url": recorder.url, "signing": "ed25519"})).await;
    let ana = customer(api, "5511988887777").await;
    let told =
        recorder.until(|told| told.path.ends_with("of-the-shop") && told.is("customer.created", &ana)).await;
    assert_eq!(told.header("webhook-signature").split(' ').count(), 2, "by the new secret and the old");

    let pool = server.pool().await;
    let stored = everything(&pool).await;
    assert!(stored.contains("webhook.created") && stored.contains("customer.created"));
    let secrets =
        [&first["secret"], &rotated["secret"]].map(|secret| secret.as_str().unwrap()[6..].to_owned());
    assert_ne!(secrets[0], secrets[1]);
    for hidden in secrets.iter().map(String::as_str).chain(["hidden-token", "of-the-shop", "whsk_", "whsec_"])
    {
        assert!(!stored.contains(hidden) && !stored.contains(&hex(hidden)), "{hidden}");
    }
    for shown in [api.get("/v1/webhooks").await, api.get(&path(&first)).await, api.get(&path(&signed)).await]
    {
        let shown = shown.expect(200).to_string();
        assert!(!shown.contains("whsec_") && !shown.contains("whsk_") && !shown.contains("hidden-token"));
    }
}
