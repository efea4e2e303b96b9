//! Who may listen, and until when.

use std::time::Duration;

use interflow::auth::scope_name;
use interflow_domain::workspace::Scope;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::super::{customer, moment};
use super::{EVENTS, brisk};
use crate::graphql::walk::LIVE;
use crate::rest::EVERY_SCOPE;
use crate::rest::server::Server;
use crate::support::api::Api;
use crate::support::socket::Socket;

/// A key by its secret, and its id.
async fn key(api: &Api, scopes: &[&str]) -> (Api, String) {
    let made =
        api.post("/v1/keys", json!({"name": "Listener", "scopes": scopes})).await.expect(201)["data"].clone();
    let secret = made["secret"].as_str().or(made["key"].as_str()).unwrap().to_owned();
    (Api { key: Some(secret), ..api.clone() }, made["id"].as_str().unwrap().to_owned())
}

async fn init(api: &Api, payload: Value) -> Socket {
    let mut socket = Socket::silent(api).await;
    socket.say(json!({"type": "connection_init", "payload": payload})).await;
    socket
}

#[tokio::test]
async fn a_key_is_shown_in_a_header_or_in_the_first_word() {
    let server = Server::start().await;
    let key = server.api.key.clone().unwrap();
    let bearer = format!("Bearer {key}");
    let acknowledged = json!({"type": "connection_ack"});
    for payload in [
        json!({"authorization": bearer}),
        json!({"apikey": key}),
        json!({"headers": {"Authorization": bearer}}),
    ] {
        assert_eq!(init(&server.api, payload).await.hear().await.unwrap(), acknowledged);
    }
    for payload in [json!(null), json!({}), json!({"apikey": "wrong"}), json!({"token": key})] {
        let (code, reason) = init(&server.api, payload).await.closed().await;
        assert_eq!((code, reason.split(':').next().unwrap()), (4401, "UNAUTHORIZED"));
    }
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    for shown in [("apikey", key.as_str()), ("authorization", bearer.as_str())] {
        let mut socket = Socket::ask(&server.api, &[protocol, shown]).await.unwrap();
        socket.say(json!({"type": "connection_init"})).await;
        assert_eq!(socket.hear().await.unwrap(), acknowledged);
    }
    let refused = Socket::ask(&server.api, &[protocol, ("apikey", "wrong")]).await;
    assert_eq!(refused.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn a_second_workspace_hears_its_own_alone() {
    let server = Server::start().await;
    let stranger = server.another("second", &[Scope::All], None).await;
    let (mut mine, mut theirs) = (Socket::open(&server.api).await, Socket::open(&stranger).await);
    for socket in [&mut mine, &mut theirs] {
        socket.ask_for("1", EVENTS, json!({"since": 0, "types": ["customer.*"]})).await;
    }
    let (my, their) = (customer(&server.api).await, customer(&stranger).await);
    assert_eq!(theirs.next("1").await["events"]["data"]["id"], json!(their));
    assert_eq!(mine.next("1").await["events"]["data"]["id"], json!(my));
    let query = "subscription ($id: ID!) { events(since: 0, customerId: $id) { type customer { id } } }";
    theirs.ask_for("2", query, json!({"id": my})).await;
    let query = "query ($id: ID!) { customer(id: $id) { id } }";
    theirs.ask_for("3", query, json!({"id": my})).await;
    assert_eq!(theirs.next("3").await, json!({"customer": null}));
    assert_eq!(theirs.hear().await.unwrap()["type"], "complete");
    moment().await;
    assert!(theirs.is_quiet(), "an id opens no other workspace");
}

#[tokio::test]
async fn each_subscription_asks_for_the_scope_of_what_it_tells() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    server.api.send("shop", "5511999999999", "hello").await.expect(201);
    for (path, scopes) in LIVE {
        let Some(name) = path.strip_prefix("Subscription.") else { continue };
        let field = match name {
            "signals" => "signals { type }".to_owned(),
            "channels" => "channels(since: 0) { channelId }".to_owned(),
            _ => format!("{name}(since: 0) {{ position }}"),
        };
        let asked = format!("subscription {{ {field} }}");
        let mut socket = Socket::open(&server.another("default", scopes, None).await).await;
        socket.ask_for("1", &asked, json!({})).await;
        if name == "signals" {
            moment().await;
            assert!(socket.is_quiet());
        } else {
            assert!(socket.next("1").await[name].is_object());
        }
        for missing in scopes {
            let others: Vec<Scope> = EVERY_SCOPE.into_iter().filter(|scope| scope != missing).collect();
            let mut socket = Socket::open(&server.another("default", &others, None).await).await;
            socket.ask_for("1", &asked, json!({})).await;
            let refused = socket.refused("1", "FORBIDDEN").await;
            assert!(refused["message"].as_str().unwrap().contains(scope_name(*missing)), "{name}: {refused}");
        }
    }
}

/// What a subscription tells a key with these scopes, of which it is the first thing.
async fn told(server: &Server, scopes: &[Scope], field: &str, then: impl AsyncFnOnce()) -> Value {
    let key = server.another("default", scopes, None).await;
    let mut socket = Socket::open(&key).await;
    socket.ask_for("1", &format!("subscription {{ {field} }}"), json!({})).await;
    then().await;
    socket.hear().await.unwrap()["payload"].clone()
}

#[tokio::test]
async fn what_an_event_or_a_signal_is_about_asks_for_its_own_scope() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    server.api.send("shop", "5511999999999", "hello").await.expect(201);
    let typing = async || {
        moment().await;
        server.phones.activity("5511999999999", crate::rest::server::ACCOUNT, "typing").await;
    };
    let mut walked = 0;
    for (path, scopes) in LIVE {
        let (parent, field) = path.split_once('.').unwrap();
        let (root, args) = match parent {
            "Event" => ("events", "(since: 0, types: [\"message.queued\"])"),
            "Signal" => ("signals", ""),
            _ => continue,
        };
        let asked = format!("{root}{args} {{ type {field} {{ id }} }}");
        let then = async || {
            if root == "signals" {
                typing().await
            }
        };
        let with: Vec<Scope> = [Scope::EventsRead].into_iter().chain(scopes.iter().copied()).collect();
        let may = told(&server, &with, &asked, then).await;
        assert!(may["data"][root][field]["id"].is_string() && may.get("errors").is_none(), "{path}: {may}");
        let without: Vec<Scope> = EVERY_SCOPE.into_iter().filter(|scope| !scopes.contains(scope)).collect();
        let may_not = told(&server, &without, &asked, then).await;
        assert_eq!(
            (&may_not["data"][root][field], &may_not["errors"][0]["extensions"]["code"]),
            (&json!(null), &json!("FORBIDDEN")),
            "{path}: {may_not}"
        );
        walked += 1;
    }
    assert_eq!(walked, 7);
}

#[tokio::test]
async fn a_socket_is_closed_when_its_key_is_revoked_and_others_go_on() {
    let server = Server::start().await;
    let (listener, id) = key(&server.api, &["events:read"]).await;
    let (mut socket, mut idle) = (Socket::open(&listener).await, Socket::open(&listener).await);
    let mut other = Socket::open(&server.api).await;
    for listening in [&mut socket, &mut other] {
        listening.ask_for("1", EVENTS, json!({"since": 0, "types": ["customer.*"]})).await;
    }
    let first = customer(&server.api).await;
    for listening in [&mut socket, &mut other] {
        assert_eq!(listening.next("1").await["events"]["data"]["id"], json!(first));
    }
    server.api.delete(&format!("/v1/keys/{id}")).await.expect(200);
    let refused = socket.refused("1", "UNAUTHORIZED").await;
    assert!(refused["extensions"]["resumeAfter"].is_u64(), "{refused}");
    let (code, reason) = socket.closed().await;
    assert_eq!((code, reason.split(':').next().unwrap()), (4401, "UNAUTHORIZED"));
    // Nothing is done for it over one that was quiet, either.
    idle.ask_for("1", "{ workspace { slug } }", json!({})).await;
    idle.refused("1", "UNAUTHORIZED").await;
    assert_eq!(idle.closed().await.0, 4401);
    let made = customer(&server.api).await;
    assert_eq!(other.next("1").await["events"]["data"]["id"], json!(made));
}

#[tokio::test]
async fn a_quiet_socket_is_closed_too_when_its_key_is_revoked() {
    let server = brisk().await;
    let (listener, id) = key(&server.api, &["events:read"]).await;
    let mut idle = Socket::open(&listener).await;
    server.api.delete(&format!("/v1/keys/{id}")).await.expect(200);
    assert_eq!(idle.closed().await.0, 4401);
}

#[tokio::test]
async fn a_socket_is_closed_when_its_key_expires_or_its_workspace_is_suspended() {
    let server = Server::start().await;
    let brief = server.another("default", &[Scope::EventsRead], Some(Duration::from_secs(3))).await;
    crate::rest::made(&server.api, "second").await;
    let tenant = server.another("second", &[Scope::EventsRead], None).await;
    let (mut brief, mut suspended) = (Socket::open(&brief).await, Socket::open(&tenant).await);
    for socket in [&mut brief, &mut suspended] {
        socket.ask_for("1", EVENTS, json!({"types": ["customer.*"]})).await;
    }
    brief.refused("1", "UNAUTHORIZED").await;
    assert_eq!(brief.closed().await.0, 4401);
    server.api.post("/v1/workspaces/second/suspend", json!({"reason": "unpaid"})).await.expect(200);
    suspended.refused("1", "WORKSPACE_SUSPENDED").await;
    assert_eq!(suspended.closed().await.0, 4403);
    assert_eq!(init(&tenant, json!({"apikey": tenant.key})).await.closed().await.0, 4403);
}

#[tokio::test]
async fn a_key_has_so_many_subscriptions_and_gets_a_place_back() {
    let server = Server::with(|config| interflow::Config { streams_per_key: 2, ..config }).await;
    customer(&server.api).await;
    let mut socket = Socket::open(&server.api).await;
    let query = "subscription { events(since: 0) { position } }";
    for id in ["1", "2"] {
        socket.ask_for(id, query, json!({})).await;
        while socket.hear().await.unwrap()["id"] != id {}
    }
    let mut other = Socket::open(&server.api).await;
    other.ask_for("3", query, json!({})).await;
    other.refused("3", "UNAVAILABLE").await;
    socket.say(json!({"type": "complete", "id": "1"})).await;
    moment().await;
    other.ask_for("3", query, json!({})).await;
    assert!(other.next("3").await["events"]["position"].is_u64());
}

#[tokio::test]
async fn what_was_erased_is_told_to_nobody_who_begins_before_it() {
    let server = Server::start().await;
    let made = json!({"name": "Ana Hush", "phone": "5511988887777"});
    let id =
        server.api.post("/v1/customers", made).await.expect(201)["data"]["id"].as_str().unwrap().to_owned();
    let query = "subscription { events(since: 0) { type data customer { name } } }";
    let mut socket = Socket::open(&server.api).await;
    socket.ask_for("before", query, json!({})).await;
    assert_eq!(socket.next("before").await["events"]["data"]["name"], "Ana Hush");
    let erased = server.api.post(&format!("/v1/customers/{id}/erase"), json!({"reason": "on_request"})).await;
    assert!(erased.status.is_success(), "{}", erased.text);
    let told = socket.next("before").await;
    assert!(!told.to_string().contains("Hush"), "{told}");
    let mut after = Socket::open(&server.api).await;
    after.ask_for("after", query, json!({})).await;
    let created = after.next("after").await["events"].clone();
    assert_eq!((&created["type"], &created["data"]["erased"]), (&json!("customer.created"), &json!(true)));
    assert!(
        !created.to_string().contains("Hush") && !created.to_string().contains("5511988887777"),
        "{created}"
    );
}
