//! What happened to a channel's connection, told to people.

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::{ACCOUNT, Server};
use crate::support::api::{Api, fields};

const PATH: &str = "/v1/channels/shop/timeline";

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["kind"].as_str().unwrap()).collect()
}

/// Every line, by the cursor.
async fn paged(api: &Api, size: usize) -> Vec<Value> {
    let (mut lines, mut query) = (vec![], format!("?per_page={size}"));
    loop {
        let page = api.get(&format!("{PATH}{query}")).await.expect(200);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= size && !data.is_empty(), "{page}");
        lines.extend(data.iter().cloned());
        match page["meta"]["next_cursor"].as_str() {
            Some(cursor) => query = format!("?per_page={size}&cursor={cursor}"),
            None => return lines,
        }
    }
}

#[tokio::test]
async fn a_channel_s_timeline_tells_its_life_newest_first_and_page_by_page() {
    let server = Server::start().await;
    let api = &server.api;
    let id = server.open_channel("old_name").await;
    api.post("/v1/channels/old_name/restart", json!({})).await.expect(200);
    api.until_status("old_name", "open").await;
    api.patch("/v1/channels/old_name", json!({"name": "shop"})).await.expect(200);
    server.phones.post("/unlink", json!({"phone": ACCOUNT})).await;
    api.until_status("shop", "close").await;

    let told = api.get(PATH).await.expect(200);
    let lines = told["data"].as_array().unwrap();
    // The phone's last word to a device may be preceded by the end of its connection.
    let seen: Vec<_> = kinds(lines).into_iter().filter(|kind| *kind != "disconnected").collect();
    let expected = [
        "logged_out",
        "renamed",
        "connected",
        "restarted",
        "connected",
        "paired",
        "qr_issued",
        "connecting",
        "created",
    ];
    assert_eq!(seen, expected);
    for line in lines {
        let message = line["message"].as_str().unwrap();
        assert!(message.ends_with('.') && line["at"].as_str().unwrap().ends_with('Z'), "{line}");
        assert_eq!(line.as_object().unwrap().len(), 4, "{line}");
        assert!(!message.contains(ACCOUNT), "{line}");
    }
    assert_eq!(lines[0]["reason"], "phone");
    for size in [1, 3, 100] {
        assert_eq!(paged(api, size).await, *lines, "{size} a page");
    }
    assert_eq!(api.get(&format!("/v1/channels/{id}/timeline")).await.expect(200)["data"], told["data"]);
}

#[tokio::test]
async fn a_timeline_is_paged_by_its_cursor_and_of_one_s_own_channel() {
    let server = Server::start().await;
    let api = &server.api;
    api.get(PATH).await.refused(404, "NOT_FOUND");
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let told = api.get(PATH).await.expect(200);
    assert_eq!(kinds(told["data"].as_array().unwrap()), ["created"]);
    assert_eq!((&told["meta"]["page"], &told["meta"]["next_cursor"]), (&json!(1), &json!(null)));
    for (query, wrong) in
        [("?page=2", "page"), ("?cursor=x", "cursor"), ("?per_page=0", "per_page"), ("?kind=created", "kind")]
    {
        let error = api.get(&format!("{PATH}{query}")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), [wrong], "{query}");
    }
    let stranger = server.another("second", &[Scope::All], None).await;
    stranger.get(PATH).await.refused(404, "NOT_FOUND");
}
