//! Documents by their hashes, as Apollo's clients show them.

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::rest::server::Server;
use crate::support::api::{Answer, Api};

const QUERY: &str = "query W { workspace { slug } }";

fn extension(query: &str) -> Value {
    let hash: String = Sha256::digest(query).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}

async fn shown(api: &Api, query: Option<&str>, hash_of: &str) -> Answer {
    let mut body = json!({"extensions": extension(hash_of), "operationName": "W"});
    if let Some(query) = query {
        body["query"] = query.into();
    }
    api.post("/graphql", body).await
}

#[tokio::test]
async fn a_document_is_sent_once_and_then_its_hash_is_enough() {
    let server = Server::start().await;
    let unknown = shown(&server.api, None, QUERY).await;
    assert_eq!(unknown.codes(), ["PERSISTED_QUERY_NOT_FOUND"]);
    assert_eq!(unknown.body["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(unknown.status, 200, "clients look at the errors");
    let wrong = shown(&server.api, Some("{ workspace { slug } }"), QUERY).await;
    assert_eq!(wrong.codes(), ["VALIDATION_ERROR"]);
    let slug = json!({"data": {"workspace": {"slug": "default"}}});
    assert_eq!(shown(&server.api, Some(QUERY), QUERY).await.body, slug);
    assert_eq!(shown(&server.api, None, QUERY).await.body, slug);
    // As a link, which caches may keep.
    let link = format!("/graphql?operationName=W&extensions={}", extension(QUERY));
    let answer = server.api.call(Method::GET, &link, &[], None::<&str>).await;
    assert_eq!(answer.body, slug, "{}", answer.text);
    // What is out of bounds is not kept.
    let hostile = "{ ...a } fragment a on Query { ...a }";
    assert_eq!(shown(&server.api, Some(hostile), hostile).await.codes(), ["VALIDATION_ERROR"]);
    assert_eq!(shown(&server.api, None, hostile).await.codes(), ["PERSISTED_QUERY_NOT_FOUND"]);
    // Nor is what others sent told to anybody.
    let stranger = server.another("second", &[Scope::All], None).await;
    assert_eq!(shown(&stranger, None, QUERY).await.codes(), ["PERSISTED_QUERY_NOT_FOUND"]);
    let bad = json!({"extensions": {"persistedQuery": 7}});
    assert_eq!(server.api.post("/graphql", bad).await.codes(), ["VALIDATION_ERROR"]);
}
