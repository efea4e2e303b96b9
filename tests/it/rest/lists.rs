//! Lists that are filtered and sorted.

use std::collections::BTreeSet;

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

async fn named(api: &Api, path: &str) -> Vec<String> {
    let list = api.get(path).await.expect(200);
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(list["meta"]["total"], names.len(), "{path}");
    names
}

#[tokio::test]
async fn customers_are_found_by_each_filter_and_never_another_workspaces() {
    let server = Server::start().await;
    let api = &server.api;
    let other = server.another("other", &[Scope::All], None).await;
    let drafts = [
        json!({"name": "José Álvares", "phone": "5511900000001", "email": "Jose@Example.com", "external_id": "crm-1", "tags": ["vip", "new"]}),
        json!({"name": "ana", "phone": "5511900000002", "email": "ana@example.com", "external_id": "crm-2", "tags": ["vip"]}),
        json!({"name": "Bruno", "phone": "5511900000003", "email": "bruno_100%@example.org"}),
    ];
    for draft in &drafts {
        api.post("/v1/customers", draft.clone()).await.expect(201);
        other.post("/v1/customers", draft.clone()).await.expect(201);
    }
    let gone =
        api.post("/v1/customers", json!({"name": "Gone", "phone": "5511900000009", "tags": ["vip"]})).await;
    api.delete(gone.header("location")).await.expect(200);

    for (query, wanted) in [
        ("", vec!["Bruno", "ana", "José Álvares"]),
        ("phone=%2B55+11+90000-0002", vec!["ana"]),
        ("email=JOSE@example.com", vec!["José Álvares"]),
        ("external_id=crm-2", vec!["ana"]),
        ("tag=vip", vec!["ana", "José Álvares"]),
        ("tag=vip&tag=new", vec!["José Álvares"]),
        ("tag=VIP", vec![]),
        ("q=jose", vec!["José Álvares"]),
        ("q=ALVAR", vec!["José Álvares"]),
        ("q=%2855%29+11-900000003", vec!["Bruno"]),
        ("q=crm-2", vec!["ana"]),
        ("q=example.org", vec!["Bruno"]),
        ("q=0_1", vec![]),
        ("q=o_100%25", vec!["Bruno"]),
        ("q=b", vec!["Bruno"]),
        ("q=al", vec!["José Álvares"]),
        ("q=na", vec![]),
        ("q=Gone", vec![]),
        ("q=jose+vip", vec![]),
        ("q=example&tag=vip&sort=name", vec!["ana", "José Álvares"]),
        ("sort=name", vec!["ana", "Bruno", "José Álvares"]),
        ("sort=-name", vec!["José Álvares", "Bruno", "ana"]),
        ("sort=created_at", vec!["José Álvares", "ana", "Bruno"]),
        (
            "created_after=2020-01-01T00:00:00Z&created_before=2999-01-01T00:00:00Z",
            vec!["Bruno", "ana", "José Álvares"],
        ),
        ("created_before=2020-01-01T00:00:00Z", vec![]),
        ("updated_after=2999-01-01T00:00:00+02:00&phone=5511900000002", vec![]),
    ] {
        assert_eq!(named(api, &format!("/v1/customers?{query}")).await, wanted, "{query}");
    }

    // What an answer shows is neither before nor after itself.
    let ana = api.get("/v1/customers?external_id=crm-2").await.expect(200)["data"][0].clone();
    let created = ana["created_at"].as_str().unwrap();
    for end in ["after", "before"] {
        let found = named(api, &format!("/v1/customers?created_{end}={created}")).await;
        assert!(!found.contains(&"ana".to_owned()), "{end}: {found:?}");
    }
    let id = ana["id"].as_str().unwrap();
    api.patch(&format!("/v1/customers/{id}"), json!({"name": "Anabel", "tags": []})).await.expect(200);
    assert_eq!(named(api, "/v1/customers?sort=-updated_at&q=anabel").await, ["Anabel"]);
    assert_eq!(named(api, "/v1/customers?tag=vip").await, ["José Álvares"]);
    assert_eq!(named(&other, "/v1/customers?tag=vip&sort=name").await, ["ana", "José Álvares"]);
}

#[tokio::test]
async fn chats_and_messages_are_found_by_each_filter() {
    let server = Server::start().await;
    let api = &server.api;
    let other = server.another("other", &[Scope::All], None).await;
    let channel = server.open_channel("shop").await;
    let first = api.send("shop", "5511988880001", "one").await.expect(201)["data"].clone();
    let second = api.send("shop", "5511988880002", "two").await.expect(201)["data"].clone();
    let (chat, customer) = (first["chat_id"].as_str().unwrap(), first["customer_id"].as_str().unwrap());
    let count = async |api: &Api, path: String| -> u64 {
        let list = api.get(&path).await.expect(200);
        assert_eq!(list["meta"]["total"], list["data"].as_array().unwrap().len(), "{path}");
        list["meta"]["total"].as_u64().unwrap()
    };
    for (query, wanted) in [
        (String::new(), 2),
        ("status=open".to_owned(), 2),
        ("status=closed".to_owned(), 0),
        ("channel_id=shop".to_owned(), 2),
        (format!("channel_id={channel}"), 2),
        ("channel_id=elsewhere".to_owned(), 0),
        (format!("customer_id={customer}"), 1),
        ("assignee=none".to_owned(), 2),
        ("assignee=Eva".to_owned(), 0),
        ("unread=true".to_owned(), 0),
        ("unread=false".to_owned(), 2),
        ("active_after=2020-01-01T00:00:00Z".to_owned(), 2),
        ("active_before=2020-01-01T00:00:00Z".to_owned(), 0),
        (format!("status=open&customer_id={customer}&unread=false&sort=created_at"), 1),
    ] {
        assert_eq!(count(api, format!("/v1/chats?{query}")).await, wanted, "{query}");
        assert_eq!(count(&other, format!("/v1/chats?{query}")).await, 0, "{query}");
    }
    for (query, wanted) in [
        (String::new(), 2),
        ("direction=outbound".to_owned(), 2),
        ("direction=inbound".to_owned(), 0),
        ("type=text".to_owned(), 2),
        ("type=unsupported".to_owned(), 0),
        ("status=sent".to_owned(), 2),
        ("status=queued".to_owned(), 0),
        ("status=failed".to_owned(), 0),
        (format!("chat_id={chat}"), 1),
        (format!("customer_id={customer}"), 1),
        ("channel_id=shop".to_owned(), 2),
        (format!("channel_id={channel}&direction=outbound&sort=created_at"), 2),
        ("created_before=2020-01-01T00:00:00Z".to_owned(), 0),
    ] {
        assert_eq!(count(api, format!("/v1/messages?{query}")).await, wanted, "{query}");
        assert_eq!(count(&other, format!("/v1/messages?{query}")).await, 0, "{query}");
    }
    let newest = api.get("/v1/messages").await.expect(200);
    assert_eq!((&newest["data"][0]["id"], &newest["data"][1]["id"]), (&second["id"], &first["id"]));
    let of_chat = format!("/v1/chats/{chat}/messages");
    assert_eq!(count(api, format!("{of_chat}?direction=outbound&chat_id={chat}")).await, 1);
    assert_eq!(count(api, format!("{of_chat}?status=failed")).await, 0);
    let another = second["chat_id"].as_str().unwrap();
    let error = api.get(&format!("{of_chat}?chat_id={another}")).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["chat_id"]);
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let server = Server::start().await;
    for (query, wrong) in [
        (
            "customers?phone=x&email=x&external_id=&tag=&created_after=now&updated_before=1&q=&sort=age",
            vec!["sort", "phone", "email", "external_id", "tag", "q", "created_after", "updated_before"],
        ),
        ("customers?phone=5511900000001&phone=5511900000002&status=open", vec!["phone", "status"]),
        (
            "customers?created_after=2026-01-02T00:00:00Z&created_before=2026-01-01T00:00:00Z",
            vec!["created_before"],
        ),
        (
            "chats?status=gone&channel_id=a/b&customer_id=1&assignee=&unread=1&active_after=x&sort=name",
            vec!["sort", "status", "channel_id", "customer_id", "assignee", "unread", "active_after"],
        ),
        (
            "messages?direction=up&status=lost&type=smoke&chat_id=1&channel_id=&customer_id=cht_1&created_before=0&sort=status",
            vec![
                "sort",
                "chat_id",
                "channel_id",
                "customer_id",
                "direction",
                "status",
                "type",
                "created_before",
            ],
        ),
    ] {
        let error = server.api.get(&format!("/v1/{query}")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), wrong, "{query}");
    }
    let error = server.api.get("/v1/messages?status=lost").await.body;
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("queued, failed, sent, delivered, read, played"), "{message}");
}

fn cursor(list: &Value) -> Option<String> {
    list["meta"]["next_cursor"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_its_sort_and_its_filters() {
    let server = Server::start().await;
    let api = &server.api;
    for number in 0..5 {
        let draft =
            json!({"phone": format!("551190000000{number}"), "name": format!("N{number}"), "tags": ["vip"]});
        api.post("/v1/customers", draft).await.expect(201);
    }
    let list = api.get("/v1/customers?per_page=2&tag=vip&sort=name").await.expect(200);
    let cursor = cursor(&list).unwrap();
    let next =
        api.get(&format!("/v1/customers?sort=name&per_page=1&tag=vip&cursor={cursor}")).await.expect(200);
    assert_eq!(next["data"][0]["name"], "N2");
    for query in [
        format!("customers?tag=vip&cursor={cursor}"),
        format!("customers?tag=vip&sort=-name&cursor={cursor}"),
        format!("customers?sort=name&cursor={cursor}"),
        format!("customers?sort=name&tag=vip&q=n1&cursor={cursor}"),
        format!("chats?cursor={cursor}"),
        format!("channels?cursor={cursor}"),
        format!("messages?cursor={cursor}"),
        format!("customers?tag=vip&sort=name&cursor={}", &cursor[2..]),
        format!("customers?tag=vip&sort=name&cursor={cursor}ff"),
        "customers?cursor=c1".to_owned(),
        "customers?cursor=".to_owned(),
    ] {
        let error = api.get(&format!("/v1/{query}")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), ["cursor"], "{query}");
    }
}

#[tokio::test]
async fn following_a_cursor_shows_each_row_once_whatever_is_written_meanwhile() {
    let server = Server::start().await;
    let api = &server.api;
    let create = async |number: u64| {
        let draft =
            json!({"phone": (551_190_000_000_u64 + number).to_string(), "name": format!("Name {number:03}")});
        api.post("/v1/customers", draft).await.expect(201)["data"]["id"].as_str().unwrap().to_owned()
    };
    let mut there = BTreeSet::new();
    for number in 100..112 {
        there.insert(create(number).await);
    }
    let (still, mut written) = (there.first().cloned().unwrap(), 500);
    for sort in ["-created_at", "created_at", "name", "-name", "-updated_at", "updated_at"] {
        let (mut seen, mut path) = (vec![], format!("/v1/customers?per_page=3&sort={sort}"));
        for round in 0.. {
            let page = api.get(&path).await.expect(200);
            seen.extend(
                page["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = cursor(&page).filter(|_| round < 30) else { break };
            path = format!("/v1/customers?per_page=3&sort={sort}&cursor={cursor}");
            if round < 3 {
                create(written).await;
                written += 1;
                // Only what a list is sorted by moves a row in it.
                if !sort.contains("updated") {
                    let tags = json!({"tags": [format!("t{written}")]});
                    api.patch(&format!("/v1/customers/{still}"), tags).await.expect(200);
                }
            }
        }
        let distinct: BTreeSet<_> = seen.iter().cloned().collect();
        assert!(there.is_subset(&distinct), "{sort} misses what was there");
        assert_eq!(seen.len(), distinct.len(), "{sort} shows a row twice");
    }
}
