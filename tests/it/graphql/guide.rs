//! docs/graphql.md: what it prints is run as printed.

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::socket::Socket;

const GUIDE: &str = include_str!("../../../docs/graphql.md");

/// What stands in fences of this language.
fn printed(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let fences = GUIDE.split(&fence).skip(1);
    fences.map(|rest| rest.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn every_query_that_is_printed_works() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    let queries = printed("graphql");
    assert!(queries.len() >= 3);
    for query in queries {
        if query.starts_with("subscription") {
            let mut socket = Socket::open(&server.api).await;
            socket.ask_for("1", query, json!({"since": 0})).await;
            assert!(socket.next("1").await.is_object(), "{query}");
            continue;
        }
        let told = server.api.asked(query).await;
        assert!(told.as_object().unwrap().values().all(|field| !field.is_null()), "{query}: {told}");
    }
}

#[tokio::test]
async fn the_error_that_is_printed_is_the_one_that_is_told() {
    let server = Server::start().await;
    let error: Value = serde_json::from_str(printed("json")[0]).unwrap();
    let key = server.another("default", &[Scope::ChatsRead], None).await;
    let answer = key.ask("{ workspace { slug } customers { totalCount } }", json!({})).await;
    assert_eq!(answer.body, error);
}

#[test]
fn every_field_of_the_schema_is_in_the_guide() {
    let schema = interflow::graphql::sdl();
    for root in ["type Query {\n", "type Mutation {\n", "type Subscription {\n"] {
        let (_, fields) = schema.split_once(root).unwrap();
        let fields = fields.split("\n}").next().unwrap().lines();
        // A name and what follows it, and no line of a description.
        let names = fields.filter_map(|line| {
            let (name, _) = line.strip_prefix('\t')?.split_once(['(', ':'])?;
            (!name.is_empty() && name.chars().all(char::is_alphanumeric)).then_some(name)
        });
        for name in names {
            assert!(GUIDE.contains(&format!("`{name}")), "{name} is not in docs/graphql.md");
        }
    }
}
