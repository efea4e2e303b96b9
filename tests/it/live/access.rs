//! Who may listen, and until when.

use std::time::Duration;

use interflow_domain::workspace::Scope;
use serde_json::json;

use super::{customer, moment};
use crate::rest::server::Server;
use crate::support::api::Api;
use crate::support::sse::{Frame, Sse};

/// How a stream ended.
async fn ended(stream: &mut Sse) -> String {
    let Frame { event, data } = stream.next().await.expect("the stream ended without a word");
    assert_eq!(event, "error", "{data}");
    assert!(data["message"].is_string() && data["resume_after"].is_u64(), "{data}");
    assert_eq!(stream.next().await, None, "and nothing follows");
    data["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_workspace_hears_its_own_alone() {
    let server = Server::start().await;
    let stranger = server.another("second", &[Scope::All], None).await;
    let mut mine = Sse::open(&server.api, "since=0&signals=true", None).await;
    let mut theirs = Sse::open(&stranger, "since=0&signals=true", None).await;
    let (my, their) = (customer(&server.api).await, customer(&stranger).await);
    assert_eq!(theirs.next().await.unwrap().data["data"]["id"], json!(their));
    let told = mine.next().await.unwrap();
    assert_eq!(told.data["data"]["id"], json!(my));
    customer(&stranger).await;
    moment().await;
    let again = customer(&server.api).await;
    assert_eq!(mine.next().await.unwrap().data["data"]["id"], json!(again));
    let foreign = format!("/v1/events/stream?customer_id={my}&since=0");
    let mut foreign = Sse::open(&stranger, foreign.split_once('?').unwrap().1, None).await;
    stranger.delete(&format!("/v1/customers/{their}")).await.expect(200);
    moment().await;
    assert!(futures::FutureExt::now_or_never(foreign.next()).is_none(), "an id opens no other workspace");
}

#[tokio::test]
async fn a_stream_asks_for_a_key_with_the_scope() {
    let server = Server::start().await;
    let path = "/v1/events/stream";
    Api { key: None, ..server.api.clone() }.get(path).await.refused(401, "UNAUTHORIZED");
    let others = [Scope::MessagesRead, Scope::ChatsRead, Scope::ChannelsRead];
    server.another("default", &others, None).await.get(path).await.refused(403, "FORBIDDEN");
    let with = server.another("default", &[Scope::EventsRead], None).await;
    drop(Sse::open(&with, "", None).await);
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked_and_others_go_on() {
    let server = Server::start().await;
    let made = server.api.post("/v1/keys", json!({"name": "Listener", "scopes": ["events:read"]}));
    let made = made.await.expect(201)["data"].clone();
    let key = made["secret"].as_str().or(made["key"].as_str()).unwrap().to_owned();
    let listener = Api { key: Some(key), ..server.api.clone() };
    let mut stream = Sse::open(&listener, "", None).await;
    let mut other = Sse::open(&server.api, "types=customer.*", None).await;
    server.api.delete(&format!("/v1/keys/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(ended(&mut stream).await, "UNAUTHORIZED");
    let made = customer(&server.api).await;
    assert_eq!(other.next().await.unwrap().data["data"]["id"], json!(made));
}

#[tokio::test]
async fn a_stream_ends_when_its_key_expires() {
    let server = Server::start().await;
    let brief = server.another("default", &[Scope::EventsRead], Some(Duration::from_secs(2))).await;
    let mut stream = Sse::open(&brief, "", None).await;
    assert_eq!(ended(&mut stream).await, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_stream_ends_when_its_workspace_is_suspended() {
    let server = Server::start().await;
    crate::rest::made(&server.api, "second").await;
    let tenant = server.another("second", &[Scope::EventsRead], None).await;
    let mut stream = Sse::open(&tenant, "", None).await;
    server.api.post("/v1/workspaces/second/suspend", json!({"reason": "unpaid"})).await.expect(200);
    assert_eq!(ended(&mut stream).await, "WORKSPACE_SUSPENDED");
}

#[tokio::test]
async fn what_was_erased_is_told_to_nobody_who_begins_before_it() {
    let server = Server::start().await;
    let made = json!({"name": "Ana Hush", "phone": "5511988887777"});
    let id =
        server.api.post("/v1/customers", made).await.expect(201)["data"]["id"].as_str().unwrap().to_owned();
    // What is told now is remembered for those who come next.
    let mut before = Sse::open(&server.api, "since=0", None).await;
    assert_eq!(before.next().await.unwrap().data["data"]["name"], "Ana Hush");
    let path = format!("/v1/customers/{id}/erase");
    let erased = server.api.post(&path, json!({"reason": "on_request"})).await;
    assert!(erased.status.is_success(), "{}", erased.text);
    let told = before.next().await.unwrap().data;
    assert!(!told.to_string().contains("Hush"), "{told}");
    let mut after = Sse::open(&server.api, "since=0", None).await;
    let created = after.next().await.unwrap().data;
    assert_eq!((&created["type"], &created["data"]["erased"]), (&json!("customer.created"), &json!(true)));
    assert!(
        !created.to_string().contains("Hush") && !created.to_string().contains("5511988887777"),
        "{created}"
    );
}
