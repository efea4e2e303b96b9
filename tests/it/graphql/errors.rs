//! Whatever is answered under `/graphql` is a result or an error as GraphQL has it, with a code of the catalogue.

use std::time::Duration;

use interflow::config::Config;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::api::{Answer, Api};

const ASKED: &str = r#"{"query":"{ workspace { slug } }"}"#;

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.codes(), [code], "{}", answer.text);
    assert!(answer.body.get("data").is_none(), "{}", answer.text);
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn what_no_schema_is_asked_for_is_refused_in_the_same_form() {
    let server = Server::start().await;
    let api = &server.api;
    let json = [("Content-Type", "application/json")];
    let post = async |body: &str| api.call(Method::POST, "/graphql", &json, Some(body.to_owned())).await;
    let nobody = Api { key: None, ..api.clone() };
    let answer = nobody.ask("{ workspace { slug } }", json!({})).await;
    refused(&answer, 401, "UNAUTHORIZED");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    refused(
        &Api { key: Some("wrong".to_owned()), ..api.clone() }.get("/graphql?query=%7Ba%7D").await,
        401,
        "UNAUTHORIZED",
    );
    for (body, status, code) in [
        ("", 400, "INVALID_JSON"),
        ("{", 400, "INVALID_JSON"),
        ("[]", 422, "VALIDATION_ERROR"),
        (&format!("[{ASKED},{ASKED}]"), 422, "VALIDATION_ERROR"),
        ("{}", 422, "VALIDATION_ERROR"),
        (r#"{"query":1}"#, 422, "VALIDATION_ERROR"),
        (r#"{"query":"{ workspace { slug } }","variables":[]}"#, 422, "VALIDATION_ERROR"),
    ] {
        refused(&post(body).await, status, code);
    }
    refused(
        &post(&format!("{{\"query\":\"{}\"}}", " ".repeat(3 * 1024 * 1024))).await,
        413,
        "PAYLOAD_TOO_LARGE",
    );
    let text = api.call(Method::POST, "/graphql", &[("Content-Type", "text/plain")], Some(ASKED)).await;
    refused(&text, 415, "UNSUPPORTED_MEDIA_TYPE");
    let put = api.call(Method::PUT, "/graphql", &json, Some(ASKED)).await;
    refused(&put, 405, "METHOD_NOT_ALLOWED");
    assert!(put.header("allow").contains("POST"));
    refused(&api.get("/graphql/nothing").await, 404, "NOT_FOUND");
    refused(&api.get("/graphql").await, 422, "VALIDATION_ERROR");
    refused(&api.get(&format!("/graphql?query={}", "x".repeat(9_000))).await, 414, "URI_TOO_LONG");
    let mutation = api.get("/graphql?query=mutation%7Ba%7D").await;
    refused(&mutation, 405, "METHOD_NOT_ALLOWED");
    assert_eq!(mutation.header("allow"), "POST");
    // And REST's form stays.
    api.get("/v1/nothing").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_query_may_be_a_link() {
    let server = Server::start().await;
    let link = "/graphql?query=query%20W($id:ID!)%7Bworkspace%7Bslug%7Dnode(id:$id)%7Bid%7D%7D&operationName=W&variables=%7B%22id%22:%22x%22%7D";
    let told = server.api.get(link).await.expect(200);
    assert_eq!(told, json!({"data": {"workspace": {"slug": "default"}, "node": null}}));
}

#[tokio::test]
async fn what_the_schema_refuses_has_a_code_and_its_place() {
    let server = Server::start().await;
    let api = &server.api;
    let deep = format!(
        "{{ chats {}{} }}",
        "{ nodes { customer { chats ".repeat(12),
        "}}}".repeat(12).replacen("}}}", "{ totalCount }}}}", 1)
    );
    for query in [
        "{",
        "{ nothing }",
        "{ workspace }",
        "{ workspace { slug(x: 1) } }",
        "{ customers(first: \"x\") { totalCount } }",
        "{ chats(filter: {status: GONE}) { totalCount } }",
        "query($id: ID!) { node(id: $id) { id } }",
        "query A { workspace { slug } } query B { workspace { slug } }",
        "{ ...A } fragment A on Query { ...A }",
        &deep,
        "{ chats(first: 100) { nodes { messages(first: 100) { nodes { chat { messages(first: 100) { nodes { id } } } } } } } }",
    ] {
        let answer = api.ask(query, json!({})).await;
        assert!(answer.status.is_success(), "{query}: {}", answer.text);
        assert!(
            !answer.codes().is_empty() && answer.codes().iter().all(|code| *code == "VALIDATION_ERROR"),
            "{query}: {}",
            answer.text
        );
        assert!(answer.body.get("data").is_none(), "{query}: {}", answer.text);
        // Who asks for the newer media type is told by the status as well.
        let accept = [("Accept", "application/graphql-response+json"), ("Content-Type", "application/json")];
        let answer =
            api.call(Method::POST, "/graphql", &accept, Some(json!({"query": query}).to_string())).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (400, "application/graphql-response+json")
        );
    }
    let typed = api
        .ask(
            "query($after: DateTime) { customers(filter: {createdAfter: $after}) { totalCount } }",
            json!({"after": "yesterday"}),
        )
        .await;
    assert_eq!(typed.codes(), ["VALIDATION_ERROR"]);
}

#[tokio::test]
async fn a_field_that_fails_is_null_and_the_others_are_answered() {
    let server = Server::start().await;
    let api = server.another("second", &[interflow_domain::workspace::Scope::ChatsRead], None).await;
    let answer = api
        .ask(
            "{ workspace { slug } customers { totalCount } chats { totalCount nodes { customer { id } } } }",
            json!({}),
        )
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    let error = &answer.body["errors"][0];
    assert_eq!((&error["path"], &error["locations"][0]["line"]), (&json!(["customers"]), &json!(1)));
    assert!(error["message"].as_str().unwrap().contains("customers:read"));
    let wanted =
        json!({"workspace": {"slug": "second"}, "customers": null, "chats": {"totalCount": 0, "nodes": []}});
    assert_eq!(answer.body["data"], wanted);
}

#[tokio::test]
async fn a_lost_database_is_told_as_a_code_and_no_cause() {
    let server = Server::with(|config| Config { request_timeout: Duration::from_secs(3), ..config }).await;
    server.lose_database().await;
    let answer = server.api.ask("{ workspace { slug } }", json!({})).await;
    assert_eq!(answer.codes(), ["UNAVAILABLE"], "{}", answer.text);
    assert_eq!(answer.status, 503);
    assert!(!answer.text.contains("sqlx") && answer.body.get("success").is_none_or(Value::is_null));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_so_in_the_same_form() {
    let server =
        Server::with(|config| Config { request_timeout: Duration::from_millis(500), ..config }).await;
    let mut held = server.pool().await.begin().await.unwrap();
    sqlx::query("LOCK TABLE workspaces IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let answer = server.api.ask("{ workspace { slug } }", json!({})).await;
    refused(&answer, 503, "UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("Idempotency-Key"));
}
