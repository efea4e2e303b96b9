//! Requests that cost little to send and much to answer: refused with a code of the catalogue, at once, and the server
//! is none the worse.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::api::{Answer, Api};

/// Long enough for a busy machine, and nothing for what would take minutes.
const AT_ONCE: Duration = Duration::from_secs(10);

/// What a request is answered with, in bounded time, and that is small.
async fn refused(api: &Api, what: &str, query: &str) -> Answer {
    let begin = Instant::now();
    let answer = api.ask(query, json!({})).await;
    assert!(begin.elapsed() < AT_ONCE, "{what} took {:?}", begin.elapsed());
    assert!(answer.text.len() < 100_000, "{what} was answered with {} bytes", answer.text.len());
    assert!(answer.body.get("data").is_none(), "{what}: {}", answer.text);
    answer
}

fn nested(open: &str, close: &str, times: usize) -> String {
    format!("{{ workspace {}{} }}", open.repeat(times), close.repeat(times))
}

/// Fragments that each spread the next so many times.
fn doubling(fragments: usize, times: usize) -> String {
    let spreads = |next: usize| format!("...f{next} ").repeat(times);
    let all: String =
        (1..fragments).map(|n| format!("fragment f{n} on Query {{ {}}} ", spreads(n + 1))).collect();
    format!("{{ ...f1 }} {all} fragment f{fragments} on Query {{ workspace {{ slug }} }}")
}

#[tokio::test]
async fn what_is_hostile_is_refused_at_once() {
    let server = Server::start().await;
    let aliases: String = (0..10_000).map(|n| format!("a{n}:id ")).collect();
    let fields: String = (0..6_000).map(|n| format!("f{n} ")).collect();
    let unknown: String = (0..4_000).map(|n| format!("f{n} ")).collect();
    let variables: String = (0..5_000).map(|n| format!("$v{n}: Int ")).collect();
    let hostile = [
        ("a depth of 100", nested("{ a ", "}", 100)),
        ("a depth of 30,000", nested("{a", "}", 30_000)),
        ("a list that nests", format!("{{ customer(id: {}{}) {{ id }} }}", "[".repeat(20_000), "]".repeat(20_000))),
        ("an object that nests", format!("{{ chats(filter: {}1{}) {{ totalCount }} }}", "{a:".repeat(10_000), "}".repeat(10_000))),
        ("a type that nests", format!("query ($a: {}Int{}) {{ workspace {{ slug }} }}", "[".repeat(20_000), "]".repeat(20_000))),
        ("brackets that are never closed", "{a".repeat(20_000)),
        ("10,000 aliases", format!("{{ workspace {{ {} }} }}", &aliases[..60_000])),
        ("10,000 aliases and more", format!("{{ workspace {{ {aliases} }} }}")),
        ("too many fields", format!("{{ workspace {{ {fields} }} }}")),
        ("fields that are not there", format!("{{ workspace {{ {unknown} }} }}")),
        ("10,000 directives", format!("{{ workspace {{ slug {} }} }}", "@skip(if: false)".repeat(4_000))),
        ("10,000 short directives", format!("{{ workspace {{ slug {} }} }}", "@a".repeat(10_000))),
        ("a fragment that spreads itself", "{ ...a } fragment a on Query { ...a }".to_owned()),
        ("fragments that go in a circle", "{ ...a } fragment a on Query { ...b ...b } fragment b on Query { ...a ...a }".to_owned()),
        ("a thousand million fields", doubling(30, 2)),
        ("fragments in a chain", doubling(1_000, 1)),
        ("many fragments that are spread often", doubling(10, 30)),
        ("a field with 7,500 arguments, twice", format!("{{ workspace({a}) {{ slug }} workspace({a}) {{ slug }} }}", a = "x:1 ".repeat(7_500))),
        ("5,000 operations", (0..5_000).map(|n| format!("query q{n}{{x}}")).collect()),
        ("5,000 variables", format!("query ({variables}) {{ workspace {{ slug }} }}")),
        ("a string without an end", format!("{{ customer(id: \"{}", "x".repeat(60_000))),
        ("a comment without an end", format!("{{ #{}", "{".repeat(60_000))),
        ("a long name, often", format!("{{ ...a ...a ...a }} fragment a on Query {{ {n} {n}: {n} }}", n = "x".repeat(15_000))),
        ("nothing but commas", ",".repeat(60_000)),
        ("a page of pages of pages", "{ chats(first: 100) { nodes { messages(first: 100) { nodes { chat { messages(first: 100) { nodes { id } } } } } } } }".to_owned()),
    ];
    for (what, query) in &hostile {
        let answer = refused(&server.api, what, query).await;
        let wanted = if query.len() > 65_536 { "PAYLOAD_TOO_LARGE" } else { "VALIDATION_ERROR" };
        assert!(answer.codes().iter().all(|code| *code == wanted), "{what}: {}", answer.text);
        assert!(answer.status.is_success(), "{what}: {}", answer.text);
    }
    let large = refused(&server.api, "a body of 5 MB", &" ".repeat(5_000_000)).await;
    assert_eq!((large.status.as_u16(), large.codes()), (413, vec!["PAYLOAD_TOO_LARGE"]));
    let one = json!({"query": "{ workspace { slug } }"});
    let batch = Value::Array(vec![one; 1_000]).to_string();
    let json = [("Content-Type", "application/json")];
    let batch = server.api.call(Method::POST, "/graphql", &json, Some(batch)).await;
    assert_eq!((batch.status.as_u16(), batch.codes()), (422, vec!["VALIDATION_ERROR"]));
    let deep = format!(
        "{{\"query\":\"{{a}}\",\"variables\":{{\"a\":{}{}}}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let deep = server.api.call(Method::POST, "/graphql", &json, Some(deep)).await;
    assert_eq!((deep.status.as_u16(), deep.codes()), (400, vec!["INVALID_JSON"]));
    assert_eq!(server.api.asked("{ workspace { slug } }").await["workspace"]["slug"], "default");
}

#[tokio::test]
async fn what_tools_and_people_ask_is_within_the_bounds() {
    let server = Server::start().await;
    // As graphql-js asks for a schema by default; 15 levels of types.
    let types = (0..9).fold("kind name".to_owned(), |inner, _| format!("kind name ofType {{ {inner} }}"));
    let introspection = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name kind }} types {{ ...FullType }}
         directives {{ name args {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name fields(includeDeprecated: true) {{ name args {{ ...InputValue }}
         type {{ ...TypeRef }} }} inputFields {{ ...InputValue }} interfaces {{ ...TypeRef }} possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name type {{ ...TypeRef }} defaultValue }}
         fragment TypeRef on __Type {{ {types} }}"
    );
    assert!(server.api.asked(&introspection).await["__schema"]["types"].as_array().unwrap().len() > 20);
    let nodes: String = (0..100).map(|n| format!("n{n}: node(id: \"cus_{n}\") {{ id }} ")).collect();
    assert_eq!(server.api.asked(&format!("{{ {nodes} }}")).await.as_object().unwrap().len(), 100);
}
