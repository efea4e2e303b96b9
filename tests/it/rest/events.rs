//! `/v1/events`: the feed, and the catalogue of what can happen.

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

async fn customer(api: &Api, phone: &str) -> Value {
    api.post("/v1/customers", json!({"phone": phone})).await.expect(201)["data"].clone()
}

fn kinds(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_feed_tells_everything_in_order_in_parts_of_any_size() {
    let server = Server::start().await;
    let api = &server.api;
    let ana = customer(api, "5511988887777").await;
    let path = format!("/v1/customers/{}", ana["id"].as_str().unwrap());
    api.patch(&path, json!({"name": "Ana"})).await.expect(200);
    api.delete(&path).await.expect(200);
    let channel = server.open_channel("shop").await;

    let all = api.get("/v1/events?limit=100").await.expect(200);
    let told = kinds(&all);
    assert_eq!(told[..3], ["customer.created", "customer.updated", "customer.deleted"]);
    assert!(told.ends_with(&["channel.connected"]), "{told:?}");
    let first = &all["data"][0];
    assert_eq!(first["data"]["phone"], "5511988887777");
    assert_eq!((&first["data"]["name"], &all["data"][1]["data"]["name"]), (&json!(null), &json!("Ana")));
    assert!(first["id"].as_str().unwrap().starts_with("evt_"));
    let positions: Vec<u64> =
        all["data"].as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert_eq!(all["meta"]["has_more"], false);

    for size in [1, 2, 3] {
        let (mut parts, mut after) = (vec![], 0);
        loop {
            let part = api.get(&format!("/v1/events?limit={size}&after={after}")).await.expect(200);
            parts.extend(part["data"].as_array().unwrap().iter().cloned());
            after = part["meta"]["next_after"].as_u64().unwrap();
            if part["meta"]["has_more"] == false {
                break;
            }
        }
        assert_eq!(json!(parts), all["data"], "{size} at a time");
    }
    let end = api.get("/v1/events?after=end").await.expect(200);
    assert_eq!((&end["data"], &end["meta"]["next_after"]), (&json!([]), &all["meta"]["next_after"]));

    let customers =
        api.get("/v1/events?types=customer.*,chat.opened&types=customer.deleted").await.expect(200);
    assert_eq!(kinds(&customers), ["customer.created", "customer.updated", "customer.deleted"]);
    for name in [channel.as_str(), "shop"] {
        let of_channel = api.get(&format!("/v1/events?channel_id={name}")).await.expect(200);
        assert_eq!(kinds(&of_channel), told[3..]);
    }
}

#[tokio::test]
async fn a_call_that_waits_is_answered_when_something_happens() {
    let server = Server::start().await;
    let api = server.api.clone();
    let waiting = tokio::spawn(async move {
        api.get("/v1/events?after=end&wait=15&types=customer.created").await.expect(200)
    });
    // What is not asked for answers nobody.
    server.api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let told = loop {
        customer(&server.api, &format!("55119{:08}", rand::random_range(0..100_000_000))).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if waiting.is_finished() {
            break waiting.await.unwrap();
        }
    };
    assert_eq!(kinds(&told)[0], "customer.created");
}

#[tokio::test]
async fn bad_input_names_every_parameter() {
    let server = Server::start().await;
    let query = "after=x&limit=101&types=massage.*&wait=16&channel_id=&page=1";
    let refused = server.api.get(&format!("/v1/events?{query}")).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["after", "limit", "types", "channel_id", "wait", "page"]);
    let refused = server.api.get("/v1/events?channel_id=nobody").await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["channel_id"]);
}

#[tokio::test]
async fn a_second_workspace_is_told_nothing_of_the_first() {
    let server = Server::start().await;
    customer(&server.api, "5511988887777").await;
    server.api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let stranger = server.another("second", &[Scope::EventsRead], None).await;
    let told = stranger.get("/v1/events").await.expect(200);
    assert_eq!((&told["data"], &told["meta"]["has_more"]), (&json!([]), &json!(false)));
    stranger.get("/v1/events?channel_id=shop").await.refused(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn every_type_has_its_description_and_its_schema() {
    let server = Server::start().await;
    let types = server.api.get("/v1/events/types").await.expect(200);
    let types = types["data"].as_array().unwrap();
    assert!(types.len() >= 30);
    for kind in types {
        let name = kind["type"].as_str().unwrap();
        let one = server.api.get(&format!("/v1/events/types/{name}")).await.expect(200);
        assert_eq!(one["data"], *kind);
        let schema = server.api.get(kind["schema"].as_str().unwrap()).await;
        assert!(schema.header("etag").starts_with("\"1-"));
        let schema = schema.expect(200);
        assert_eq!(schema["data"]["properties"]["type"]["const"], name);
    }
    let known = "/v1/events/types/message.received/schema";
    let (same, other) = (format!("{known}?version=1"), format!("{known}?version=2"));
    assert_eq!(server.api.get(&same).await.expect(200), server.api.get(known).await.expect(200));
    let refused = server.api.get(&other).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["version"]);
    for path in ["/v1/events/types/message.painted", "/v1/events/types/message.painted/schema"] {
        server.api.get(path).await.refused(404, "NOT_FOUND");
    }
}
