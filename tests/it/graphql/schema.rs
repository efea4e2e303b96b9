//! The schema: what was agreed on, told whole, and had by everybody.

use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::api::Api;

/// `docs/schema.graphql` is the contract as the last commit had it: a change of it is seen in review.
#[test]
fn the_schema_is_the_one_that_was_agreed_on() {
    let path = format!("{}/../docs/schema.graphql", env!("CARGO_MANIFEST_DIR"));
    let told = interflow::graphql::sdl();
    if std::env::var_os("INTERFLOW_TEST_UPDATE").is_some() {
        std::fs::write(&path, told).unwrap();
    }
    let agreed = std::fs::read_to_string(&path).unwrap();
    let differs = agreed.lines().zip(told.lines()).enumerate().find(|(_, (agreed, now))| agreed != now);
    assert!(
        agreed == told,
        "docs/schema.graphql differs ({differs:?}): if that is meant, run this test with INTERFLOW_TEST_UPDATE=1"
    );
}

/// What tools ask a server for.
pub const INTROSPECTION: &str = "{ __schema { \
    queryType { name } mutationType { name } \
    directives { name description args { name description } } \
    types { kind name description \
      fields(includeDeprecated: true) { name description args { name description } type { ...Type } } \
      inputFields { name description type { ...Type } } \
      enumValues(includeDeprecated: true) { name description } \
      possibleTypes { name } } } } \
    fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";

/// The types that are ours, as introspection tells them.
pub async fn types(api: &Api) -> Vec<Value> {
    let all = api.asked(INTROSPECTION).await;
    let all = all["__schema"]["types"].as_array().unwrap().clone();
    all.into_iter().filter(|kind| !kind["name"].as_str().unwrap().starts_with("__")).collect()
}

#[tokio::test]
async fn everything_in_the_schema_says_what_it_is() {
    let server = Server::start().await;
    let (mut undescribed, mut seen) = (vec![], 0);
    let mut look = |what: String, thing: &Value| {
        seen += 1;
        if thing["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            undescribed.push(what);
        }
    };
    for kind in types(&server.api).await {
        let name = kind["name"].as_str().unwrap();
        look(name.to_owned(), &kind);
        for parts in ["fields", "inputFields", "enumValues"] {
            for part in kind[parts].as_array().into_iter().flatten() {
                let path = format!("{name}.{}", part["name"].as_str().unwrap());
                look(path.clone(), part);
                for argument in part["args"].as_array().into_iter().flatten() {
                    look(format!("{path}({})", argument["name"].as_str().unwrap()), argument);
                }
            }
        }
    }
    assert!(undescribed.is_empty(), "{undescribed:#?}");
    assert!(seen > 150, "{seen}");
}

#[tokio::test]
async fn the_schema_is_served_to_everybody_and_introspection_to_those_with_a_key() {
    let server = Server::start().await;
    let nobody = Api { key: None, ..server.api.clone() };
    let served = nobody.get("/graphql/schema").await;
    assert_eq!(served.header("content-type"), "text/plain; charset=utf-8");
    assert!(served.status.is_success() && served.text == interflow::graphql::sdl());
    assert_eq!(nobody.ask(INTROSPECTION, json!({})).await.codes(), ["UNAUTHORIZED"]);
}
