//! Lists, page by page and by cursor.

use std::collections::BTreeSet;

use serde_json::json;

use super::server::Server;
use crate::support::api::fields;

#[tokio::test]
async fn pages_and_cursors_walk_the_whole_list_once() {
    let server = Server::start().await;
    let api = &server.api;
    for number in 0..7 {
        api.post("/v1/customers", json!({"phone": format!("551190000000{number}")})).await.expect(201);
    }
    let first = api.get("/v1/customers?per_page=3").await.expect(200);
    assert_eq!(first["meta"]["page"], 1);
    assert_eq!((&first["meta"]["per_page"], &first["meta"]["total"]), (&json!(3), &json!(7)));
    assert!(first["meta"].get("total_is_estimate").is_none());
    assert_eq!(first["data"][0]["phone"], "5511900000006", "newest first");
    let second = api.get("/v1/customers?page=2&per_page=3").await.expect(200);
    let by_cursor =
        format!("/v1/customers?per_page=3&cursor={}", first["meta"]["next_cursor"].as_str().unwrap());
    let also_second = api.get(&by_cursor).await.expect(200);
    assert_eq!(second["data"], also_second["data"]);
    assert_eq!((&second["meta"]["page"], &also_second["meta"]["page"]), (&json!(2), &json!(null)));

    let (mut seen, mut path) = (BTreeSet::new(), "/v1/customers?per_page=3".to_owned());
    loop {
        let page = api.get(&path).await.expect(200);
        for customer in page["data"].as_array().unwrap() {
            assert!(seen.insert(customer["id"].as_str().unwrap().to_owned()), "none comes twice");
        }
        match page["meta"]["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/customers?per_page=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    let beyond = api.get("/v1/customers?page=9").await.expect(200);
    assert_eq!((&beyond["data"], &beyond["meta"]["total"]), (&json!([]), &json!(7)));
}

#[tokio::test]
async fn pages_have_bounds_on_every_list() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let chat = api.post("/v1/chats", json!({"channel_id": "shop", "to": "5511988887777"})).await;
    let messages = format!("{}/messages", chat.header("location"));
    for list in ["/v1/customers", "/v1/chats", "/v1/channels", &messages] {
        for (query, wrong) in [
            ("page=0", vec!["page"]),
            ("page=x", vec!["page"]),
            ("page=501", vec!["page"]),
            ("per_page=0", vec!["per_page"]),
            ("per_page=101", vec!["per_page"]),
            ("cursor=zzz", vec!["cursor"]),
            ("page=1&cursor=c1", vec!["cursor"]),
            ("page=-1&per_page=1e3&limit=3", vec!["per_page", "page", "limit"]),
        ] {
            let error = api.get(&format!("{list}?{query}")).await.refused(422, "VALIDATION_ERROR");
            assert_eq!(fields(&error), wrong, "{list}?{query}");
        }
        api.get(&format!("{list}?page=500&per_page=100")).await.expect(200);
    }
    let error = api.get("/v1/customers?page=501").await.body;
    assert!(error["error"]["message"].as_str().unwrap().contains("cursor"), "{error}");
}
