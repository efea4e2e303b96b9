//! What holds of every route and every answer: the router is walked, and so is the table of routes.

use std::collections::BTreeSet;

use interflow::Config;
use interflow_domain::workspace::Scope;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::server::Server;
use super::walk::{Belongings, GOVERNING, GRAPHQL, MAKING, OWN, ROUTES, STREAM};
use crate::support::api::{Answer, Api, fields};

/// Routes that ask for no key.
const OPEN: [&str; 15] = [
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/graphql/schema",
    "/graphiql",
    "/graphiql/start.js",
    "/graphiql/graphiql.min.js",
    "/graphiql/graphql-ws.min.js",
    "/graphiql/react.production.min.js",
    "/graphiql/react-dom.production.min.js",
    "/graphiql/graphiql.min.css",
];
/// GETs of a single resource without an `ETag`: the Flowcore reference prints its answers, which have no version; a tile
/// that is full never changes, and says so; what followed from a request is a list, and so is a history and what changed.
const UNTAGGED: [&str; 5] = [
    "/api/whatsapp/status/{name}",
    "/v1/audit/log/tile/{tile}",
    "/v1/audit/correlations/{correlation}",
    "/v1/audit/{aggregate}/{id}/history",
    "/v1/audit/{aggregate}/{id}/diff",
];
/// Changes of a single resource without `If-Match`, for the same reason.
const UNCONDITIONAL: [&str; 1] = ["/api/whatsapp/delete/{name}"];

/// POSTs that what the walk has, or brings, does not allow.
const REFUSED: [&str; 1] = ["/v1/jobs/{job}/cancel"];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The paths of the router itself, by what it shows of itself when it is debugged: axum has no other way.
fn paths_of(server: &Server) -> BTreeSet<String> {
    let shown = format!("{:?}", server.running.router());
    let (_, nodes) = shown.split_once("node: Node { paths: {").unwrap();
    let (paths, _) = nodes.split_once("} }").unwrap();
    let paths = paths.split('"').filter(|part| part.starts_with('/')).map(str::to_owned);
    paths.filter(|path| !path.contains("__private__axum")).collect()
}

fn filled_in(pattern: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_of_the_router_asks_for_a_key_and_is_walked() {
    let server = Server::start().await;
    let stranger = Api { key: None, ..server.api.clone() };
    let mut guarded = BTreeSet::new();
    for pattern in paths_of(&server) {
        for method in METHODS {
            // A parameter that takes the rest of the path is described as any other.
            let name = format!("{method} {}", pattern.replace("{*", "{"));
            let answer =
                stranger.call(method.parse().unwrap(), &filled_in(&pattern), &[], None::<&str>).await;
            match answer.status.as_u16() {
                401 => drop(guarded.insert(name)),
                405 => {}
                status => assert!(OPEN.contains(&pattern.as_str()), "{name} asks for no key: {status}"),
            }
        }
    }
    let tables = ROUTES.iter().chain(&MAKING).chain(&GOVERNING);
    let mut walked: BTreeSet<String> = tables.map(|(method, path, _)| format!("{method} {path}")).collect();
    walked.insert(format!("GET {OWN}"));
    walked.insert(format!("{} {}", STREAM.0, STREAM.1));
    walked.extend(GRAPHQL.map(str::to_owned));
    assert_eq!(guarded, walked, "a route belongs into the tables of walk.rs");
}

/// A server with what the routes name.
async fn walked() -> (Server, Belongings) {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    for workspace in ["second", "third"] {
        server.another(workspace, &[Scope::All], None).await;
    }
    (server, mine)
}

/// The routes of the walk, those that end something last.
fn routes(methods: &[&str]) -> Vec<(&'static str, &'static str)> {
    let mut routes: Vec<_> = ROUTES
        .iter()
        .chain(&MAKING)
        .chain(&GOVERNING)
        .map(|(method, path, _)| (*method, *path))
        .filter(|(method, _)| methods.contains(method))
        .collect();
    routes.sort_by_key(|(_, path)| ["logout", "suspend", "cancel"].iter().any(|end| path.contains(end)));
    routes
}

async fn ask(server: &Server, mine: &Belongings, route: (&str, &str), headers: &[(&str, &str)]) -> Answer {
    let (method, pattern) = route;
    let method: Method = method.parse().unwrap();
    let path = mine.path(pattern);
    match mine.body(pattern).filter(|_| method != Method::GET && method != Method::DELETE) {
        Some(body) => server.api.json(method, &path, body, headers).await,
        None => server.api.call(method, &path, headers, None::<&str>).await,
    }
}

#[tokio::test]
async fn every_write_heeds_an_idempotency_key_before_anything_else() {
    let (server, mine) = walked().await;
    let overlong = "x".repeat(256);
    for route in routes(&["POST", "PUT", "PATCH", "DELETE"]) {
        let refused = ask(&server, &mine, route, &[("Idempotency-Key", &overlong)]).await;
        assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["Idempotency-Key"], "{route:?}");
    }
}

/// What changes nothing is nothing to repeat: an open channel is what every route of one changes.
async fn opened(server: &Server) {
    let status = server.api.get("/api/whatsapp/status/shop").await.expect(200);
    if status["instance"]["status"] == "close" {
        server.pair("shop").await;
    }
    server.api.until_status("shop", "open").await;
}

#[tokio::test]
async fn every_post_is_carried_out_once_for_a_key() {
    let (server, mine) = walked().await;
    let mut refused = vec![];
    for route in routes(&["POST"]) {
        opened(&server).await;
        let once = [("Idempotency-Key", "one")];
        let first = ask(&server, &mine, route, &once).await;
        // The state, or the body, of this walk does not allow it: of a refusal nothing is kept.
        if first.status.is_client_error() {
            refused.push(route.1);
            continue;
        }
        assert!(first.status.is_success(), "{route:?}: {}", first.text);
        let second = ask(&server, &mine, route, &once).await;
        assert_eq!(second.header("idempotency-replayed"), "true", "{route:?}: {}", second.text);
        assert_eq!((second.status, second.text), (first.status, first.text), "{route:?}");
    }
    assert_eq!(refused, REFUSED, "a body that is taken belongs into walk.rs");
}

#[tokio::test]
async fn every_single_resource_has_a_tag_and_is_not_sent_twice() {
    let (server, mine) = walked().await;
    for route in routes(&["GET"]).into_iter().filter(|(_, path)| path.ends_with('}')) {
        if UNTAGGED.contains(&route.1) {
            continue;
        }
        let first = ask(&server, &mine, route, &[]).await;
        let tag = first.header("etag").to_owned();
        first.expect(200);
        assert!(tag.starts_with('"') && tag.len() > 2, "{route:?} has no ETag");
        let again = ask(&server, &mine, route, &[("If-None-Match", &tag)]).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{route:?}");
        assert_eq!(again.header("etag"), tag, "{route:?}");
        ask(&server, &mine, route, &[("If-None-Match", "\"0\"")]).await.expect(200);
    }
}

#[tokio::test]
async fn every_change_of_a_single_resource_can_be_made_conditional() {
    let (server, mine) = walked().await;
    for route in routes(&["PUT", "PATCH", "DELETE"]).into_iter().filter(|(_, path)| path.ends_with('}')) {
        if UNCONDITIONAL.contains(&route.1) {
            continue;
        }
        for tag in ["\"999999\"", "W/\"1\"", "\"no tag of ours\""] {
            let refused = ask(&server, &mine, route, &[("If-Match", tag)]).await;
            assert_eq!(refused.status, 412, "{route:?}: {}", refused.text);
            refused.refused(412, "PRECONDITION_FAILED");
        }
    }
}

const PAGE: &str = "https://app.example.com";

async fn preflight(server: &Server, origin: &str) -> Answer {
    let stranger = Api { key: None, ..server.api.clone() };
    let asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "authorization,idempotency-key,if-match"),
    ];
    stranger.call(Method::OPTIONS, "/v1/customers/cus_1", &asked, None::<&str>).await
}

#[tokio::test]
async fn pages_of_other_origins_may_not_call_unless_they_are_named() {
    let server = Server::start().await;
    let refused = preflight(&server, PAGE).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    assert_eq!(refused.header("allow"), "GET,HEAD,PUT,PATCH,DELETE");
    refused.refused(405, "METHOD_NOT_ALLOWED");

    let origins = vec![PAGE.parse().unwrap()];
    let server = Server::with(|config| Config { cors_origins: origins, ..config }).await;
    let allowed = preflight(&server, PAGE).await;
    assert_eq!((allowed.status.as_u16(), allowed.header("access-control-allow-origin")), (200, PAGE));
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    for name in ["authorization", "apikey", "idempotency-key", "if-match"] {
        assert!(allowed.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    assert_eq!(
        preflight(&server, "https://evil.example.com").await.header("access-control-allow-origin"),
        ""
    );

    // Also an error can be read by the page, and what it may read is named.
    let origin = [("Origin", PAGE)];
    let answer = server.api.call(Method::GET, "/v1/customers/cus_1", &origin, None::<&str>).await;
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert!(answer.header("vary").to_lowercase().contains("origin"), "{}", answer.header("vary"));
    for name in ["x-request-id", "etag", "ratelimit", "retry-after", "idempotency-replayed"] {
        assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
    }
    answer.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn long_lists_are_compressed_and_what_has_a_tag_or_may_hold_a_secret_is_not() {
    let server = Server::start().await;
    let note = "long enough to be worth it ".repeat(100);
    let draft = json!({"phone": "5511988887777", "attributes": {"note": note}});
    let gzip = [("Accept-Encoding", "gzip, br")];
    let made = server.api.json(Method::POST, "/v1/customers", draft, &gzip).await;
    assert_eq!(made.header("content-encoding"), "", "the answer to a write");
    let location = made.header("location").to_owned();
    let ask = async |path: &str| server.api.call(Method::GET, path, &gzip, None::<&str>).await;
    let list = ask("/v1/customers").await;
    assert_eq!(list.header("content-encoding"), "gzip");
    assert!(list.header("vary").contains("accept-encoding"));
    assert_eq!(list.header("content-type"), "application/json");
    assert_eq!(ask(&location).await.header("content-encoding"), "", "a resource with a tag");
    assert_eq!(ask("/v1/chats").await.header("content-encoding"), "", "a short list");
    let plain = server.api.get("/v1/customers").await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.expect(200)["data"][0]["attributes"]["note"], note);
}

fn guards_browsers(headers: &HeaderMap) {
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn every_answer_tells_browsers_and_caches_what_it_is() {
    let server = Server::start().await;
    let stranger = Api { key: None, ..server.api.clone() };
    for (api, path) in [
        (&server.api, "/v1/customers"),
        (&server.api, "/v1/nothing"),
        (&stranger, "/v1/customers"),
        (&stranger, "/health/live"),
    ] {
        let answer = api.get(path).await;
        guards_browsers(&answer.headers);
        assert_eq!(answer.header("cache-control"), "private, no-cache", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "");
    }
    let connected = server.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await;
    guards_browsers(&connected.headers);
    assert_eq!(connected.header("cache-control"), "no-store", "a QR is a secret");

    let year = std::time::Duration::from_secs(31_536_000);
    let server = Server::with(|config| Config { hsts_max_age: year, ..config }).await;
    let answer = server.api.get("/v1/customers").await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_in_the_envelope() {
    let server = Server::start().await;
    server.api.get(&format!("/v1/customers?cursor={}", "c".repeat(9_000))).await.refused(414, "URI_TOO_LONG");
    let large = "x".repeat(40_000);
    let answer = server.api.call(Method::GET, "/v1/customers", &[("X-Large", &large)], None::<&str>).await;
    answer.refused(431, "HEADERS_TOO_LARGE");
    let names: Vec<String> = (0..150).map(|n| format!("X-Field-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let answer = server.api.call(Method::GET, "/v1/customers", &many, None::<&str>).await;
    answer.refused(431, "HEADERS_TOO_LARGE");
    let some = server.api.call(Method::GET, "/v1/customers", &many[..50], None::<&str>).await;
    some.expect(200);
}

#[tokio::test]
async fn a_body_in_another_charset_or_compressed_is_refused() {
    let server = Server::start().await;
    let post = async |headers: &[(&str, &str)]| {
        server.api.call(Method::POST, "/v1/customers", headers, Some("{\"phone\":\"5511988887777\"}")).await
    };
    let latin = [("Content-Type", "application/json; charset=iso-8859-1")];
    post(&latin).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let zipped = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    post(&zipped).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    post(&[("Content-Type", "application/json; charset=UTF-8")]).await.expect(201);
}

#[tokio::test]
async fn a_path_is_taken_as_it_is_written_and_json_is_all_there_is() {
    let server = Server::start().await;
    for path in ["/v1/customers/", "//v1/customers", "/v1//customers", "/V1/customers"] {
        server.api.get(path).await.refused(404, "NOT_FOUND");
    }
    for accept in ["text/html", "application/xml", "*/*", "application/json;q=0"] {
        let answer = server.api.call(Method::GET, "/v1/customers", &[("Accept", accept)], None::<&str>).await;
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
        let body: Value = answer.expect(200);
        assert_eq!(body["success"], true);
    }
}
