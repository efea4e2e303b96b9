//! The description of the API: that it is whole, that it is true, and that it can be read.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use interflow::auth::scope_name;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::server::Server;
use super::walk::{Belongings, GOVERNING, MAKING, OWN, ROUTES, STREAM};
use crate::support::api::{Answer, Api};

fn document() -> &'static Value {
    interflow::openapi::document()
}

/// Every operation: method, path, and what is said of it.
fn operations() -> Vec<(String, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let of = |(path, item): (&'static String, &'static Value)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    };
    paths.iter().flat_map(of).collect()
}

/// What a reference refers to, or the value itself.
fn resolved(value: &'static Value) -> &'static Value {
    value["$ref"].as_str().map_or(value, |path| document().pointer(&path[1..]).expect(path))
}

/// `docs/openapi.json` is the contract as the last commit had it: a change of it is seen in review.
#[test]
fn the_description_is_the_one_that_was_agreed_on() {
    let path = format!("{}/../docs/openapi.json", env!("CARGO_MANIFEST_DIR"));
    let described = format!("{:#}\n", document());
    if std::env::var_os("INTERFLOW_TEST_UPDATE").is_some() {
        std::fs::write(&path, &described).unwrap();
    }
    let agreed = std::fs::read_to_string(&path).unwrap();
    let differs = agreed.lines().zip(described.lines()).enumerate().find(|(_, (agreed, now))| agreed != now);
    assert!(
        agreed == described,
        "docs/openapi.json differs ({differs:?}): if that is meant, run this test with INTERFLOW_TEST_UPDATE=1"
    );
}

#[test]
fn every_route_is_described_with_the_scope_it_asks_for() {
    let routes = ROUTES.into_iter().chain(MAKING).chain(GOVERNING).chain([STREAM]);
    let mut served: BTreeSet<_> = routes
        .map(|(method, path, scope)| (method.to_owned(), path.to_owned(), vec![scope_name(scope).to_owned()]))
        .collect();
    served.insert(("GET".to_owned(), OWN.to_owned(), vec![]));
    let keyed = operations().into_iter().filter(|(_, path, _)| !path.starts_with("/health/"));
    let described: BTreeSet<_> = keyed
        .map(|(method, path, operation)| {
            let (bearer, apikey) = (&operation["security"][0]["bearer"], &operation["security"][1]["apikey"]);
            assert_eq!(bearer, apikey, "{method} {path}: either header");
            let scopes = bearer.as_array().unwrap().iter().map(|scope| scope.as_str().unwrap().to_owned());
            (method, path.to_owned(), scopes.collect())
        })
        .collect();
    assert_eq!(described, served);
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_described_answers() {
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let answer = resolved(answer);
            assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
            assert!(answer["headers"]["X-Request-Id"].is_object(), "{name} {status}");
        }
    }
}

#[test]
fn no_reference_leads_nowhere() {
    fn walk(value: &Value, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(path) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document().pointer(&path[1..]).is_some(), "{path}");
                    *seen += 1;
                }
                fields.values().for_each(|value| walk(value, seen));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    walk(document(), &mut seen);
    assert!(seen > 500, "{seen}");
}

/// Checks answers against what is said of them.
struct Judge {
    compiler: Compiler,
    schemas: Schemas,
}

impl Judge {
    fn new() -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("https://interflow.test/openapi.json", document().clone()).unwrap();
        Self { compiler, schemas: Schemas::new() }
    }

    fn judge(&mut self, method: &str, path: &str, answer: &Answer) {
        let status = answer.status.as_str();
        let escaped = path.replace('~', "~0").replace('/', "~1");
        let place = format!("/paths/{escaped}/{}/responses/{status}", method.to_lowercase());
        let said = document()
            .pointer(&place)
            .unwrap_or_else(|| panic!("{method} {path} may not be {status}: {}", answer.text));
        let place = said["$ref"].as_str().map_or(place, |path| path[1..].to_owned());
        let said = document().pointer(&place).unwrap();
        if said.get("content").is_none() {
            assert_eq!(answer.text, "", "{method} {path} {status}");
            return;
        }
        if said["content"].get("application/json").is_none() {
            let kind = answer.header("content-type").split(';').next().unwrap();
            assert!(said["content"].get(kind).is_some(), "{method} {path} {status}: {kind}");
            return;
        }
        let url = format!("https://interflow.test/openapi.json#{place}/content/application~1json/schema");
        let schema = self.compiler.compile(&url, &mut self.schemas).unwrap();
        if let Err(error) = self.schemas.validate(&answer.body, schema) {
            panic!("{method} {path} {status}: {error}\n{}", answer.text);
        }
        let promised = |name: &str| said["headers"].get(name).is_some();
        for name in ["etag", "location"] {
            let spelled = if name == "etag" { "ETag" } else { "Location" };
            assert_eq!(
                answer.headers.contains_key(name),
                promised(spelled),
                "{method} {path} {status}: {spelled}"
            );
        }
    }
}

#[tokio::test]
async fn what_every_route_answers_is_what_is_said_of_it() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    super::workspaces::made(&server.api, "third").await;
    let (mut judge, nobody) = (Judge::new(), Api { key: None, ..server.api.clone() });
    let lasting =
        ROUTES.into_iter().filter(|(method, _, _)| *method != "DELETE").chain(MAKING).chain(GOVERNING);
    let ending = ROUTES.into_iter().filter(|(method, _, _)| *method == "DELETE");
    for route in lasting.chain(ending) {
        let (method, path, _) = route;
        judge.judge(method, path, &mine.ask(&nobody, route).await);
        let answer = mine.ask(&server.api, route).await;
        assert!(!answer.status.is_server_error(), "{method} {path}: {}", answer.text);
        judge.judge(method, path, &answer);
        if !answer.header("etag").is_empty() && method == "GET" {
            let seen = [("If-None-Match", answer.header("etag"))];
            let again = server.api.call(Method::GET, &mine.path(path), &seen, None::<&str>).await;
            judge.judge(method, path, &again);
        }
    }
    judge.judge("GET", OWN, &server.api.get(OWN).await);
    judge.judge("GET", "/health/live", &nobody.get("/health/live").await);
    judge.judge("GET", "/health/ready", &nobody.get("/health/ready").await);
}

/// What an answer names with a message, at the top of the body.
fn told(answer: &Answer, message: &str) -> BTreeSet<String> {
    let details = answer.body["error"]["details"].as_array().into_iter().flatten();
    let about = details.filter(|detail| detail["message"] == message);
    about
        .map(|detail| detail["field"].as_str().unwrap().split(['.', '[']).next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_described_body_has_the_fields_that_are_read_and_misses_those_that_are_missed() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    for (method, path, operation) in operations() {
        let Some(body) = operation["requestBody"]["content"]["application/json"].get("schema") else {
            continue;
        };
        let optional =
            body["oneOf"].as_array().and_then(|options| options.iter().find(|one| one.get("$ref").is_some()));
        let schema = resolved(optional.unwrap_or(body));
        let properties = schema["properties"].as_object().unwrap();
        let required: BTreeSet<String> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        let ask = async |body: Map<String, Value>| {
            let method: Method = method.parse().unwrap();
            server.api.json(method, &mine.path(path), body.into(), &[]).await
        };

        let mut empty = Map::from_iter([("surplus".to_owned(), json!(1))]);
        let mut missed = required;
        // What the content must be depends on the type.
        if properties.contains_key("content") {
            empty.insert("type".to_owned(), json!("text"));
            missed.remove("type");
        }
        let answer = ask(empty).await;
        let mut missing = told(&answer, "Required field");
        if path == "/v1/chats" {
            assert!(missing.remove("customer_id"), "or a number");
        }
        assert_eq!(missing, missed, "{method} {path}: {}", answer.text);
        assert_eq!(told(&answer, "Unknown field"), BTreeSet::from(["surplus".to_owned()]), "{method} {path}");

        let all = properties.keys().map(|name| (name.clone(), json!([[]]))).collect();
        let answer = ask(all).await;
        assert_eq!(answer.status, 422, "{method} {path}: {}", answer.text);
        assert_eq!(told(&answer, "Unknown field"), BTreeSet::new(), "{method} {path}");
    }
}

#[tokio::test]
async fn the_described_query_parameters_are_those_that_are_read() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    for (_, path, operation) in operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolved);
        let names: Vec<&str> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        if names.is_empty() {
            continue;
        }
        let query: Vec<String> =
            names.iter().chain(["surplus"].iter()).map(|name| format!("{name}=%00")).collect();
        let answer = server.api.get(&format!("{}?{}", mine.path(path), query.join("&"))).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        let unknown = told(&answer, "Unknown query parameter");
        assert_eq!(unknown, BTreeSet::from(["surplus".to_owned()]), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_description_and_its_page_need_no_key_and_no_other_server() {
    let server = Server::start().await;
    let nobody = Api { key: None, ..server.api.clone() };
    let described = nobody.get("/openapi.json").await;
    assert_eq!(described.header("content-type"), "application/json");
    assert_eq!(described.text, nobody.get("/openapi.json").await.text, "the same bytes each time");
    assert_eq!(&described.expect(200), document());
    let page = nobody.get("/docs").await;
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    for asset in ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"] {
        assert!(page.text.contains(asset));
        let asset = nobody.get(&format!("/{asset}")).await;
        assert!(asset.status.is_success() && asset.header("content-type").starts_with("text/"));
        assert!(!asset.text.is_empty());
    }
    assert!(!page.text.contains("http://") && !page.text.contains("https://"));
}
