//! GraphiQL, and what an operator may turn off.

use interflow::config::Config;
use serde_json::json;

use super::schema::INTROSPECTION;
use crate::rest::server::Server;
use crate::support::api::Api;

#[tokio::test]
async fn the_page_is_whole_and_runs_nothing_of_anybody_else() {
    let server = Server::start().await;
    let nobody = Api { key: None, ..server.api.clone() };
    let page = nobody.get("/graphiql").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(!page.text.contains("//"), "it names another server");
    let mut parts = 0;
    for (mark, kind) in [("src=\"", "text/javascript"), ("href=\"graphiql", "text/css")] {
        for part in page.text.split(mark).skip(1) {
            let name = part.split('"').next().unwrap();
            let path = if kind == "text/css" { format!("/graphiql{name}") } else { format!("/{name}") };
            let served = nobody.get(&path).await;
            assert_eq!(served.status, 200, "{path}");
            assert!(served.header("content-type").starts_with(kind) && served.text.len() > 1_000, "{path}");
            parts += 1;
        }
    }
    assert_eq!(parts, 6);
}

#[tokio::test]
async fn an_operator_may_turn_off_the_page_and_introspection() {
    let server =
        Server::with(|config| Config { graphiql: false, graphql_introspection: false, ..config }).await;
    server.api.get("/graphiql").await.refused(404, "NOT_FOUND");
    server.api.get("/graphiql/start.js").await.refused(404, "NOT_FOUND");
    let answer = server.api.ask(INTROSPECTION, json!({})).await;
    assert!(answer.body["data"]["__schema"].is_null(), "{}", answer.text);
    let guess = server.api.ask("{ workspace { slag } }", json!({})).await;
    assert!(guess.codes() == ["VALIDATION_ERROR"] && !guess.text.contains("slug"), "{}", guess.text);
    assert_eq!(server.api.asked("{ workspace { slug } }").await["workspace"]["slug"], "default");
}
