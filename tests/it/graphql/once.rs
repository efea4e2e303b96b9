//! A change that is repeated with its idempotency key happens once.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::changes::changed;
use crate::rest::server::Server;
use crate::support::api::{Answer, Api};

const CREATE: &str = r#"mutation($email: String, $key: String) {
    done: createCustomer(input: {email: $email}, idempotencyKey: $key) { customer { id } } }"#;

async fn create(api: &Api, email: &str, key: &str) -> Answer {
    api.ask(CREATE, json!({"email": email, "key": key})).await
}

fn id(answer: &Answer) -> &Value {
    &answer.body["data"]["done"]["customer"]["id"]
}

#[tokio::test]
async fn the_same_key_gives_what_it_gave_and_another_request_is_refused() {
    let server = Server::start().await;
    let api = &server.api;
    let first = create(api, "a@example.com", "one").await;
    assert!(first.header("idempotency-replayed").is_empty() && id(&first).is_string(), "{}", first.text);
    let again = create(api, "a@example.com", "one").await;
    assert_eq!((id(&again), again.header("idempotency-replayed")), (id(&first), "true"));
    // Written otherwise, it is the same.
    let inline = r#"mutation { done: createCustomer(idempotencyKey: "one", input: {email: "a@example.com"}) { customer { email id } } }"#;
    assert_eq!(id(&api.ask(inline, json!({})).await), id(&first));
    assert_eq!(create(api, "b@example.com", "one").await.codes(), ["IDEMPOTENCY_KEY_REUSED"]);
    assert!(id(&create(api, "b@example.com", "two").await).is_string());
    // Nothing is kept of a refusal.
    assert_eq!(create(api, "nonsense", "three").await.codes(), ["VALIDATION_ERROR"]);
    assert!(id(&create(api, "c@example.com", "three").await).is_string());
    for key in ["", "é", &"x".repeat(256)] {
        let answer = create(api, "d@example.com", key).await;
        assert_eq!(answer.codes(), ["VALIDATION_ERROR"], "{key}");
        assert_eq!(answer.body["errors"][0]["extensions"]["details"][0]["field"], "idempotencyKey");
    }
    // REST's key of the same name is another one, and so is another workspace's.
    api.post_once("/v1/customers", json!({"email": "rest@example.com"}), "one").await.expect(201);
    let other = server.another("second", &[interflow_domain::workspace::Scope::All], None).await;
    assert_ne!(id(&create(&other, "a@example.com", "one").await), id(&first));
}

#[tokio::test]
async fn the_header_is_the_key_of_every_change_in_the_request() {
    let server = Server::start().await;
    let api = &server.api;
    let query = r#"mutation { a: createCustomer(input: {email: "a@example.com"}) { customer { id } }
        b: createCustomer(input: {email: "b@example.com"}) { customer { id } } }"#;
    let ask = async || {
        let headers = [("Idempotency-Key", "\"both\""), ("Content-Type", "application/json")];
        api.call(Method::POST, "/graphql", &headers, Some(json!({"query": query}).to_string())).await
    };
    let first = ask().await;
    assert!(first.body.get("errors").is_none(), "{}", first.text);
    let again = ask().await;
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&first.body, "true"));
    assert_eq!(api.asked("{ customers { totalCount } }").await["customers"]["totalCount"], 2);
}

#[tokio::test]
async fn many_at_once_make_one_and_a_restart_forgets_nothing() {
    let server = Server::start().await;
    let twins = join_all((0..8).map(|_| create(&server.api, "a@example.com", "one"))).await;
    let made: Vec<&Value> = twins.iter().filter(|twin| twin.body.get("errors").is_none()).map(id).collect();
    assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]));
    for twin in twins.iter().filter(|twin| twin.body.get("errors").is_some()) {
        assert_eq!(twin.codes(), ["IDEMPOTENCY_IN_FLIGHT"]);
    }
    let id_of_first = made[0].clone();
    let server = server.restarted().await;
    assert_eq!(*id(&create(&server.api, "a@example.com", "one").await), id_of_first);
    assert_eq!(server.api.asked("{ customers { totalCount } }").await["customers"]["totalCount"], 1);
}

#[tokio::test]
async fn what_is_made_with_a_secret_is_given_the_same_secret_again() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let keyed = [
        r#"createKey(input: {name: "App", scopes: ["chats:read"]}, idempotencyKey: "k") { secret key { id } }"#,
        r#"createWebhook(input: {url: "http://127.9.9.9:9009/"}, idempotencyKey: "k") { secret webhook { id } }"#,
        r#"createWorkspace(input: {slug: "ana", plan: STARTER}, idempotencyKey: "k") { workspace { id } firstKey { secret } }"#,
        r#"sendMessage(input: {channelId: "shop", to: "5511999999999", content: {text: "Once"}}, idempotencyKey: "k") { message { id } }"#,
        r#"sendMessages(input: {channelId: "shop", messages: [{to: "5511999999999", content: {text: "Bulk"}}]}, idempotencyKey: "k") { job { id } items { messageId } }"#,
    ];
    for change in keyed {
        let first = changed(api, change).await;
        assert_eq!(changed(api, change).await, first, "{change}");
    }
    let key = api.asked("{ keys { nodes { id name } } }").await["keys"]["nodes"].clone();
    let key = key.as_array().unwrap().iter().find(|key| key["name"] == "App").unwrap()["id"].clone();
    let rotate = format!(r#"rotateKey(input: {{id: {key}}}, idempotencyKey: "r") {{ secret }}"#);
    let first = changed(api, &rotate).await;
    assert_eq!(changed(api, &rotate).await, first);
    assert_ne!(changed(api, &rotate.replace("\"r\"", "\"s\"")).await, first);
}
