//! `?as_of`: what was shown once.

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

/// The position of the last event.
async fn head(api: &Api) -> u64 {
    api.get("/v1/events?after=end").await.expect(200)["meta"]["next_after"].as_u64().unwrap()
}

async fn at(api: &Api, path: &str, as_of: impl std::fmt::Display) -> Value {
    let separator = if path.contains('?') { '&' } else { '?' };
    api.get(&format!("{path}{separator}as_of={as_of}")).await.expect(200)
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_customer_is_shown_as_it_was_also_when_it_is_gone() {
    let server = Server::start().await;
    let api = &server.api;
    let made =
        api.post("/v1/customers", json!({"name": "Ana", "phone": "5511900000001", "tags": ["vip"]})).await;
    let (path, made) = (made.header("location").to_owned(), made.expect(201)["data"].clone());
    let first = head(api).await;
    api.patch(&path, json!({"name": "Anabel", "tags": []})).await.expect(200);
    let second = head(api).await;
    api.delete(&path).await.expect(200);
    api.get(&path).await.refused(404, "NOT_FOUND");

    let then = at(api, &path, first).await;
    assert_eq!(then["data"], made);
    assert_eq!(then["meta"]["as_of"]["position"], first);
    assert_eq!(then["meta"]["as_of"]["recorded_at"], made["created_at"]);
    assert_eq!(then["meta"]["as_of"]["erased"], json!([]));
    assert_eq!(at(api, &path, second).await["data"]["name"], "Anabel");
    // By time: as of the very moment an answer shows.
    let by_time = at(api, &path, made["created_at"].as_str().unwrap()).await;
    assert!(by_time["meta"]["as_of"]["position"].as_u64().unwrap() >= first);
    for absent in [first - 1, head(api).await] {
        api.get(&format!("{path}?as_of={absent}")).await.refused(404, "NOT_FOUND");
    }
    api.get(&format!("{path}?as_of=2020-01-01T00:00:00Z")).await.refused(404, "NOT_FOUND");

    let answer = api.get(&format!("{path}?as_of={first}")).await;
    let tag = answer.header("etag").to_owned();
    let seen = [("If-None-Match", tag.as_str())];
    let again = api.call(reqwest::Method::GET, &format!("{path}?as_of={first}"), &seen, None::<&str>).await;
    assert_eq!(again.status, 304);
    assert_eq!(tag, "\"1\"");

    for (query, names) in
        [("", vec!["Ana"]), ("tag=vip", vec!["Ana"]), ("q=anabel", vec![]), ("sort=name&q=ana", vec!["Ana"])]
    {
        let list = at(api, &format!("/v1/customers?{query}"), first).await;
        let found: Vec<_> =
            list["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(
            (found, list["meta"]["total"].as_u64()),
            (names.clone(), Some(names.len() as u64)),
            "{query}"
        );
        assert_eq!(list["meta"]["as_of"]["position"], first, "{query}");
    }
}

#[tokio::test]
async fn chats_messages_and_channels_are_shown_as_they_were_and_the_same_after_a_restart() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = server.open_channel("shop").await;
    let first = api.send("shop", "5511988880001", "one").await.expect(201)["data"].clone();
    let (chat, message) =
        (first["chat_id"].as_str().unwrap().to_owned(), first["id"].as_str().unwrap().to_owned());
    let then = head(api).await;
    let shown = [
        api.get(&format!("/v1/chats/{chat}")).await.expect(200)["data"].clone(),
        api.get(&format!("/v1/messages/{message}")).await.expect(200)["data"].clone(),
        api.get("/v1/channels/shop").await.expect(200)["data"].clone(),
    ];
    api.post(&format!("/v1/chats/{chat}/assign"), json!({"assignee": "Bea"})).await.expect(200);
    let second = api.send("shop", "5511988880001", "two").await.expect(201)["data"].clone();
    api.post(&format!("/v1/chats/{chat}/close"), json!({})).await.expect(200);
    api.patch("/v1/channels/shop", json!({"name": "store"})).await.expect(200);
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    api.delete("/v1/channels/store").await.expect(200);

    let server = server.restarted().await;
    let api = &server.api;
    assert_eq!(at(api, &format!("/v1/chats/{chat}"), then).await["data"], shown[0]);
    assert_eq!(at(api, &format!("/v1/messages/{message}"), then).await["data"], shown[1]);
    for named in ["shop", &channel] {
        assert_eq!(at(api, &format!("/v1/channels/{named}"), then).await["data"], shown[2], "{named}");
    }
    api.get(&format!("/v1/channels/store?as_of={then}")).await.refused(404, "NOT_FOUND");
    let channels = at(api, "/v1/channels", then).await;
    assert_eq!((ids(&channels), channels["meta"]["total"].as_u64()), (vec![channel.as_str()], Some(1)));
    assert_eq!(api.get("/v1/channels").await.expect(200)["meta"]["total"], 1);

    let chats = at(api, "/v1/chats?assignee=none&status=open&channel_id=shop", then).await;
    assert_eq!((&chats["data"][0], &chats["meta"]["total"]), (&shown[0], &json!(1)));
    assert_eq!(at(api, "/v1/chats?assignee=Bea", then).await["meta"]["total"], 0);
    for list in [format!("/v1/chats/{chat}/messages"), "/v1/messages".to_owned()] {
        let messages = at(api, &list, then).await;
        assert_eq!(
            (ids(&messages), &messages["meta"]["as_of"]["position"]),
            (vec![message.as_str()], &json!(then))
        );
        assert_eq!(messages["data"][0], shown[1]);
        let now = head(api).await;
        assert_eq!(ids(&at(api, &list, now).await), [second["id"].as_str().unwrap(), &message]);
    }
    api.get(&format!("/v1/chats/{chat}/messages?as_of=1")).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn pages_of_the_past_stay_what_they_were_while_others_write() {
    let server = Server::start().await;
    let api = &server.api;
    for n in 0..5 {
        api.post("/v1/customers", json!({"name": format!("Old {n}"), "phone": format!("551190000000{n}")}))
            .await
            .expect(201);
    }
    let then = head(api).await;
    let mut cursor = String::new();
    let mut names = vec![];
    for n in 0.. {
        let page = at(api, &format!("/v1/customers?per_page=2{cursor}"), then).await;
        assert_eq!(page["meta"]["total"], 5);
        names.extend(
            page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["meta"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        // Somebody comes, somebody goes, somebody gets another name.
        api.post("/v1/customers", json!({"name": "New", "phone": format!("551190000001{n}")}))
            .await
            .expect(201);
        let list = api.get("/v1/customers?q=old&sort=created_at").await.expect(200);
        api.delete(&format!("/v1/customers/{}", ids(&list)[0])).await.expect(200);
        api.patch(&format!("/v1/customers/{}", ids(&list)[1]), json!({"name": "Old again"}))
            .await
            .expect(200);
        // A cursor of the past is none of the present, nor of another moment.
        for other in ["".to_owned(), format!("&as_of={}", then - 1)] {
            let error = api.get(&format!("/v1/customers?per_page=2{cursor}{other}")).await;
            assert_eq!(fields(&error.refused(422, "VALIDATION_ERROR")), ["cursor"]);
        }
    }
    assert_eq!(names, ["Old 4", "Old 3", "Old 2", "Old 1", "Old 0"]);
}

#[tokio::test]
async fn what_is_no_moment_is_refused_and_so_is_the_future() {
    let server = Server::start().await;
    let api = &server.api;
    let made = api.post("/v1/customers", json!({"name": "Ana", "phone": "5511900000001"})).await;
    let path = made.header("location").to_owned();
    let last = head(api).await;
    for path in [path.as_str(), "/v1/customers", "/v1/chats", "/v1/messages", "/v1/channels"] {
        for (as_of, rule) in [
            ("", "must be a position of the log or a time"),
            ("-1", "must be a position of the log or a time"),
            ("yesterday", "must be a position of the log or a time"),
            ("2026-13-01T00:00:00Z", "must be a position of the log or a time"),
            ("2999-01-01T00:00:00Z", "must not be in the future"),
            ("99999999999999999999999", "must not be beyond the last event"),
            (&(last + 1).to_string(), "must not be beyond the last event"),
        ] {
            let error = api.get(&format!("{path}?as_of={as_of}")).await.refused(422, "VALIDATION_ERROR");
            assert_eq!(fields(&error), ["as_of"], "{path} {as_of}");
            let message = error["error"]["details"][0]["message"].as_str().unwrap();
            assert!(message.starts_with(rule), "{path} {as_of}: {message}");
        }
        let twice = api.get(&format!("{path}?as_of=1&as_of=2")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&twice), ["as_of"]);
        let typo = api.get(&format!("{path}?asof=1")).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&typo), ["asof"]);
    }
    assert_eq!(at(api, "/v1/customers", 0).await["data"], json!([]));
    assert_eq!(at(api, "/v1/customers", 0).await["meta"]["as_of"]["recorded_at"], Value::Null);
    api.get("/v1/jobs?as_of=1").await.refused(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_the_past_and_who_was_erased_is_named() {
    let server = Server::start().await;
    let api = &server.api;
    let stranger = server.another("other", &[Scope::All], None).await;
    let made = api.post("/v1/customers", json!({"name": "Zebulina", "phone": "5511976253418"})).await;
    let (path, id) = (made.header("location").to_owned(), made.expect(201)["data"]["id"].clone());
    let then = head(api).await;
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        stranger.post("/v1/channels", json!({"name": name})).await.expect(201);
    }
    stranger.get(&format!("{path}?as_of={then}")).await.refused(404, "NOT_FOUND");
    assert_eq!(at(&stranger, "/v1/customers", then).await["meta"]["total"], 0);

    api.post(&format!("{path}/erase"), json!({})).await.expect(200);
    let answer = at(api, &path, then).await;
    assert!(!answer.to_string().contains("Zebulina"), "{answer}");
    assert_eq!(answer["data"]["name"], Value::Null);
    assert_eq!(answer["meta"]["as_of"]["erased"], json!([id]));
    let list = at(api, "/v1/customers", then).await;
    assert_eq!((ids(&list), &list["meta"]["as_of"]["erased"]), (vec![id.as_str().unwrap()], &json!([id])));
    assert_eq!(at(api, "/v1/customers?phone=5511976253418", then).await["data"], json!([]));
}
