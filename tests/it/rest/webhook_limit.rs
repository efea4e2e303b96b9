//! A workspace has as many webhooks as the server allows, and never more.

use futures::future::join_all;
use interflow::Config;
use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::Server;
use super::webhooks::{made, path};
use crate::support::api::Api;

fn draft(name: &str) -> Value {
    json!({"url": format!("http://127.0.0.1:9009/{name}")})
}

async fn count(api: &Api) -> Value {
    api.get("/v1/webhooks").await.expect(200)["meta"]["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_webhooks_are_made_than_allowed_also_when_all_are_made_at_once() {
    const MOST: usize = 4;
    let server = Server::with(|config| Config {
        webhooks_per_workspace: MOST as u64,
        webhook_url: Some("http://127.0.0.1:9009/environment".parse().unwrap()),
        ..config
    })
    .await;
    let api = &server.api;
    let first = made(api, draft("first")).await;
    let drafts: Vec<_> = (0..12).map(|n| draft(&n.to_string())).collect();
    let answers = join_all(drafts.iter().map(|draft| api.post("/v1/webhooks", draft.clone()))).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, MOST - 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        let refused = answer.refused(409, "CONFLICT");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("as many webhooks as this server allows (4)"), "{message}");
    }
    // The one that the operator set is shown, and takes nobody's place.
    assert_eq!(count(api).await, MOST + 1);
    // What is there can still be changed, and what was created is answered again.
    api.patch(&path(&first), json!({"description": "changed"})).await.expect(200);

    // Another workspace has places of its own.
    let other = server.another("other", &[Scope::All], None).await;
    made(&other, draft("first")).await;
    assert_eq!(count(&other).await, 1);

    api.delete(&path(&first)).await.expect(200);
    let again = api.post_once("/v1/webhooks", draft("again"), "once").await.expect(201);
    let repeated = api.post_once("/v1/webhooks", draft("again"), "once").await;
    assert_eq!(repeated.header("idempotency-replayed"), "true");
    assert_eq!(repeated.expect(201), again);
    api.post("/v1/webhooks", draft("more")).await.refused(409, "CONFLICT");
    // Deleting the newest of them frees a place as well.
    api.delete(&path(&again["data"])).await.expect(200);
    made(api, draft("more")).await;
    api.post("/v1/webhooks", draft("too many")).await.refused(409, "CONFLICT");
}
