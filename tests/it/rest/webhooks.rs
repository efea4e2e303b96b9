//! `/v1/webhooks`: endpoints, what they are told, and going back.

use interflow::Config;
use interflow_application::webhook::address::AllowList;
use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::recorder::Recorder;
use super::server::Server;
use crate::support::api::{Api, fields};

pub async fn made(api: &Api, draft: Value) -> Value {
    api.post("/v1/webhooks", draft).await.expect(201)["data"].clone()
}

pub fn path(webhook: &Value) -> String {
    format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap())
}

pub async fn customer(api: &Api, phone: &str) -> Value {
    api.post("/v1/customers", json!({"phone": phone})).await.expect(201)["data"]["id"].clone()
}

/// The deliveries of a webhook, once there are so many, all of them settled.
async fn delivered(api: &Api, webhook: &Value, count: usize) -> Vec<Value> {
    let settled = |body: &Value| {
        let deliveries = body["data"].as_array().unwrap();
        deliveries.len() == count && deliveries.iter().all(|delivery| delivery["settled_at"].is_string())
    };
    let page = api.until(&format!("{}/deliveries?per_page=100", path(webhook)), settled).await;
    page["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_webhook_lives_through_all_calls() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let draft = json!({
        "url": recorder.url, "description": "Shop", "events": ["customer.*", "chat.opened"],
        "headers": {"Authorization": "Bearer hidden"}, "rate_limit": 100, "schedule": [0, 5],
        "start_from": {"position": 1}
    });
    let answer = api.post("/v1/webhooks", draft).await;
    let (location, tag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let made = answer.expect(201)["data"].clone();
    assert_eq!(location, path(&made));
    assert!(made["id"].as_str().unwrap().starts_with("whk_") && tag.starts_with("\"1-"), "{tag}");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made["events"], json!(["chat.opened", "customer.*"]));
    assert_eq!((&made["format"], &made["signing"]), (&json!("standard"), &json!("hmac")));
    assert_eq!((&made["header_names"], &made["rate_limit"]), (&json!(["authorization"]), &json!(100)));
    assert_eq!((&made["schedule"], &made["start_from"]), (&json!([0, 5]), &json!({"position": 1})));
    assert_eq!((&made["status"], &made["origin"]), (&json!("active"), &json!("api")));

    let shown = api.get(&location).await.expect(200)["data"].clone();
    assert_eq!((&shown["url"], &shown["secret"]), (&json!(recorder.url), &json!(null)));
    assert!(!shown.to_string().contains("hidden") && !shown.to_string().contains("whsec_"));
    let list = api.get("/v1/webhooks").await.expect(200);
    assert_eq!((&list["meta"]["total"], &list["data"][0]["id"]), (&json!(1), &made["id"]));

    let ana = customer(api, "5511988887777").await;
    let told = recorder.until(|told| told.is("customer.created", &ana)).await;
    assert_eq!((told.header("authorization"), told.path.as_str()), ("Bearer hidden", "/hook"));

    let change = json!({"description": null, "events": ["*"], "channels": ["shop"], "headers": null});
    let changed = api.patch(&location, change.clone()).await.expect(200)["data"].clone();
    assert_eq!((&changed["description"], &changed["header_names"]), (&json!(null), &json!([])));
    assert_eq!(changed["channels"].as_array().unwrap().len(), 1);
    assert_eq!((&changed["rate_limit"], &changed["version"]), (&json!(100), &json!(2)));
    let same = api.patch(&location, change).await.expect(200)["data"].clone();
    assert_eq!(same["version"], 2, "what changes nothing is no event");

    let paused = api.post(&format!("{location}/pause"), json!({})).await.expect(200)["data"].clone();
    assert_eq!((&paused["status"], &paused["reason"]), (&json!("paused"), &json!("caller")));
    let resumed = api.post(&format!("{location}/resume"), json!({})).await.expect(200)["data"].clone();
    assert_eq!((&resumed["status"], &resumed["reason"]), (&json!("active"), &json!(null)));

    assert_eq!(api.delete(&location).await.expect(200)["data"], json!({"id": made["id"], "deleted": true}));
    api.get(&location).await.refused(404, "NOT_FOUND");
    assert_eq!(api.get("/v1/webhooks").await.expect(200)["meta"]["total"], 0);
    for verb in ["pause", "resume", "rotate-secret", "test"] {
        api.post(&format!("{location}/{verb}"), json!({})).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named_the_address_too() {
    let server = Server::start().await;
    let api = &server.api;
    let bad = json!({
        "url": "https://10.0.0.1/", "format": "xml", "events": 7, "channels": "shop", "signing": "rsa",
        "headers": {"host": "x", "x-fine": 7}, "rate_limit": 0, "schedule": [], "start_from": "then",
        "schema_version": 2, "by_events": "yes", "description": "", "colour": "red"
    });
    let refused = api.post("/v1/webhooks", bad).await.refused(422, "VALIDATION_ERROR");
    let mut named = fields(&refused);
    named.sort_unstable();
    let expected = [
        "by_events",
        "channels",
        "colour",
        "description",
        "format",
        "headers.host",
        "headers.x-fine",
        "rate_limit",
        "schedule",
        "schema_version",
        "signing",
        "start_from",
        "url",
    ];
    assert_eq!(named, expected);
    assert_eq!(refused["error"]["details"][0]["field"], "url");

    let url = "http://127.9.9.9:9009/";
    for (draft, field) in [
        (json!({}), "url"),
        (json!({"url": 7}), "url"),
        (json!({"url": url, "events": ["message.*", "massage.*"]}), "events"),
        (json!({"url": url, "channels": ["nobody"]}), "channels"),
        (json!({"url": url, "by_events": true}), "by_events"),
        (json!({"url": url, "start_from": {"position": 0}}), "start_from"),
        (json!({"url": url, "start_from": {"position": 1, "time": "2026-01-01T00:00:00Z"}}), "start_from"),
        (json!({"url": url, "schedule": [604_801]}), "schedule"),
        (json!({"url": url, "events": vec!["message.*"; 3], "rate_limit": 1001}), "rate_limit"),
    ] {
        let refused = api.post("/v1/webhooks", draft.clone()).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), [field], "{draft}");
    }
    let webhook = made(api, json!({"url": url})).await;
    for (change, field) in [
        (json!({"url": null}), "url"),
        (json!({"url": "https://192.168.0.1/"}), "url"),
        (json!({"events": ["MESSAGES_UPSERT"]}), "events"),
        (json!({"by_events": true}), "by_events"),
        (json!({"format": "evolution"}), "format"),
    ] {
        let refused = api.patch(&path(&webhook), change.clone()).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), [field], "{change}");
    }
    let evolution = json!({"url": url, "channels": [], "format": "evolution", "events": ["MESSAGES_UPSERT"]});
    api.post("/v1/webhooks", evolution).await.refused(409, "CONFLICT");
    api.get("/v1/webhooks/whk_1").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_address_that_leads_inside_is_refused_and_the_answer_says_why() {
    let server = Server::with(|config| Config { webhook_allow: AllowList::default(), ..config }).await;
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
    ] {
        let refused =
            server.api.post("/v1/webhooks", json!({"url": url})).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), ["url"], "{url}");
        assert!(refused["error"]["message"].as_str().unwrap().contains("private"), "{refused}");
    }
    for (url, why) in [
        ("https://user:secret@8.8.8.8/", "name or password"),
        ("https://8.8.8.8/#top", "fragment"),
        ("https://8.8.8.8:22/", "port"),
        ("ftp://8.8.8.8/", "https"),
        ("nonsense", "address"),
    ] {
        let refused =
            server.api.post("/v1/webhooks", json!({"url": url})).await.refused(422, "VALIDATION_ERROR");
        let told = refused["error"]["message"].as_str().unwrap();
        assert!(told.contains(why) && !told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn an_address_is_one_webhooks_until_it_is_deleted() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"url": "http://127.9.9.9:9009/hook"});
    let first = made(api, draft.clone()).await;
    let same = json!({"url": "HTTP://127.9.2313:9009/a/../hook"});
    api.post("/v1/webhooks", same).await.refused(409, "CONFLICT");
    let other = made(api, json!({"url": "http://127.9.9.9:9009/other"})).await;
    api.patch(&path(&other), draft.clone()).await.refused(409, "CONFLICT");
    api.delete(&path(&first)).await.expect(200);
    api.patch(&path(&other), draft).await.expect(200);
}

#[tokio::test]
async fn a_repeated_request_shows_the_same_secret_also_when_its_answer_was_lost() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"url": "http://127.9.9.9:9009/"});
    let first = api.post_once("/v1/webhooks", draft.clone(), "a").await.expect(201);
    let rotate = format!("{}/rotate-secret", path(&first["data"]));
    let rotated = api.post_once(&rotate, json!({"overlap_seconds": 60}), "b").await.expect(200);
    assert_ne!(rotated["data"]["secret"], first["data"]["secret"]);
    assert!(rotated["data"]["previous_secret_expires_at"].is_string());
    // As after a crash between the append and the answer.
    server.execute("UPDATE commands SET status = NULL, headers = NULL, body = NULL").await;
    let again = api.post_once(&rotate, json!({"overlap_seconds": 60}), "b").await.expect(200);
    assert_eq!(again["data"]["secret"], rotated["data"]["secret"]);
    let again = api.post_once("/v1/webhooks", draft, "a").await.expect(201);
    assert_eq!(
        (&again["data"]["secret"], &again["data"]["id"]),
        (&first["data"]["secret"], &first["data"]["id"])
    );
    assert_eq!(api.get("/v1/webhooks").await.expect(200)["meta"]["total"], 1);
    for seconds in [json!(-1), json!(604_801), json!("60")] {
        let refused = api.post(&rotate, json!({"overlap_seconds": seconds})).await;
        assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["overlap_seconds"]);
    }
}

#[tokio::test]
async fn with_ed25519_the_private_key_is_nobodys() {
    let server = Server::start().await;
    let api = &server.api;
    let webhook = made(api, json!({"url": "http://127.9.9.9:9009/", "signing": "ed25519"})).await;
    let public = webhook["public_key"].as_str().unwrap();
    assert!(public.starts_with("whpk_") && webhook["secret"] == json!(null));
    assert_eq!(api.get(&path(&webhook)).await.expect(200)["data"]["public_key"], public);
    let rotated = api.post(&format!("{}/rotate-secret", path(&webhook)), json!({})).await.expect(200);
    assert!(rotated["data"]["public_key"] != public && !rotated.to_string().contains("whsk_"));
}

#[tokio::test]
async fn deliveries_are_listed_shown_with_their_body_and_told_again() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    let webhook = made(api, json!({"url": recorder.url, "events": ["customer.*"]})).await;
    let ana = customer(api, "5511988887777").await;
    let bea = customer(api, "5511977776666").await;
    let deliveries = delivered(api, &webhook, 2).await;
    let all = format!("{}/deliveries", path(&webhook));
    let told = recorder.until(|told| told.is("customer.created", &ana)).await;
    let first = deliveries.iter().find(|one| one["id"] == told.header("webhook-id")).unwrap();
    assert_eq!((&first["lane"], &first["sequence"]), (&ana, &json!(1)));
    assert_eq!((&first["status"], &first["attempts"]), (&json!("delivered"), &json!(1)));

    let one = format!("{all}/{}", first["id"].as_str().unwrap());
    let answer = api.get(&one).await;
    let tag = answer.header("etag").to_owned();
    let shown = answer.expect(200)["data"].clone();
    assert_eq!(shown["request"]["body"].as_str().unwrap().as_bytes(), &told.body[..]);
    let attempt = &shown["history"][0];
    assert_eq!((&attempt["status"], &attempt["body"]), (&json!(204), &json!("")));
    assert_eq!((&attempt["number"], &attempt["by_hand"]), (&json!(1), &json!(false)));
    let known = api.call(Method::GET, &one, &[("If-None-Match", &tag)], None::<&str>).await;
    assert_eq!(known.status, 304);

    let page = api.get(&format!("{all}?per_page=1")).await.expect(200);
    assert_eq!((page["data"].as_array().unwrap().len(), &page["meta"]["total"]), (1, &json!(2)));
    let next = page["meta"]["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("{all}?per_page=1&cursor={next}")).await.expect(200);
    assert_ne!(rest["data"][0]["id"], page["data"][0]["id"]);
    let since = bea_s_time(&deliveries, &bea);
    for (query, count) in [
        ("status=delivered".to_owned(), 2),
        ("status=failed".to_owned(), 0),
        ("type=customer.created".to_owned(), 2),
        ("type=customer.deleted".to_owned(), 0),
        (format!("created_after={since}"), 0),
        ("created_before=2020-01-01T00:00:00Z".to_owned(), 0),
    ] {
        let found = api.get(&format!("{all}?{query}")).await.expect(200);
        assert_eq!(found["meta"]["total"], count, "{query}");
    }
    let refused = api.get(&format!("{all}?status=lost&created_after=now&x=1")).await;
    assert_eq!(fields(&refused.refused(422, "VALIDATION_ERROR")), ["status", "created_after", "x"]);

    let again = api.post(&format!("{one}/redeliver"), json!({})).await;
    assert_eq!(again.header("location"), one);
    again.expect(202);
    let twice = |body: &Value| body["data"]["attempts"] == 2 && body["data"]["status"] == "delivered";
    api.until(&one, twice).await;
    let same: Vec<_> =
        recorder.seen().into_iter().filter(|other| other.is("customer.created", &ana)).collect();
    assert_eq!((same.len(), &same[0].body), (2, &same[1].body));
    assert_eq!(same[0].header("webhook-id"), same[1].header("webhook-id"));
    for missing in [format!("{all}/dlv_1"), format!("{all}/{}", bea.as_str().unwrap())] {
        api.get(&missing).await.refused(404, "NOT_FOUND");
        api.post(&format!("{missing}/redeliver"), json!({})).await.refused(404, "NOT_FOUND");
    }
}

/// The latest time at which a delivery was made.
fn bea_s_time(deliveries: &[Value], bea: &Value) -> String {
    assert!(deliveries.iter().any(|one| one["lane"] == *bea));
    let times = deliveries.iter().map(|one| one["created_at"].as_str().unwrap());
    times.max().unwrap().to_owned()
}

#[tokio::test]
async fn a_test_sends_a_real_event_and_shows_the_answer() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    let ana = customer(api, "5511988887777").await;
    let webhook = made(api, json!({"url": recorder.url})).await;
    let test = format!("{}/test", path(&webhook));
    let tested = api.post(&test, json!({"type": "customer.created"})).await.expect(200)["data"].clone();
    assert_eq!((&tested["type"], &tested["succeeded"]), (&json!("customer.created"), &json!(true)));
    assert_eq!(tested["attempt"]["status"], 204);
    let told = recorder.until(|told| told.is("customer.created", &ana)).await;
    assert_eq!(tested["body"].as_str().unwrap().as_bytes(), &told.body[..]);

    recorder.answer(500);
    let failed = api.call(Method::POST, &test, &[], None::<&str>).await.expect(200)["data"].clone();
    assert_eq!((&failed["succeeded"], &failed["attempt"]["status"]), (&json!(false), &json!(500)));
    assert_eq!(failed["attempt"]["body"], "heard");
    let nowhere = made(api, json!({"url": "http://127.9.9.9:9009/"})).await;
    let lost = api.post(&format!("{}/test", path(&nowhere)), json!({})).await.expect(200)["data"].clone();
    assert_eq!((&lost["succeeded"], &lost["attempt"]["error"]), (&json!(false), &json!("connect")));
    for kind in ["message.painted", "customer.deleted"] {
        let refused = api.post(&test, json!({"type": kind})).await;
        assert!(refused.status.is_client_error(), "{}", refused.text);
    }
    assert_eq!(api.get(&format!("{}/deliveries", path(&nowhere))).await.expect(200)["meta"]["total"], 0);
}

#[tokio::test]
async fn what_happened_before_is_counted_and_then_told_as_a_job() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    let ana = customer(api, "5511988887777").await;
    customer(api, "5511977776666").await;
    let webhook = made(api, json!({"url": recorder.url, "events": ["customer.*"]})).await;
    let replay = format!("{}/replay", path(&webhook));
    let counted = api.post(&replay, json!({"from": {"position": 1}, "dry_run": true})).await.expect(200);
    assert!(counted["data"]["count"].as_u64().unwrap() >= 2, "{counted}");
    assert!(recorder.seen().is_empty());

    let started = api.post_once(&replay, json!({"from": {"position": 1}}), "a").await;
    let location = started.header("location").to_owned();
    let job = started.expect(202)["data"]["id"].clone();
    assert_eq!(location, format!("/v1/jobs/{}", job.as_str().unwrap()));
    recorder.until(|told| told.is("customer.created", &ana)).await;
    delivered(api, &webhook, 2).await;
    let done = api.until(&location, |body| body["data"]["status"] == "completed").await;
    assert_eq!(done["data"]["kind"], "webhook_replay");
    let repeated = api.post_once(&replay, json!({"from": {"position": 1}}), "a").await;
    assert_eq!(repeated.header("idempotency-replayed"), "true");
    assert_eq!(repeated.expect(202)["data"]["id"], job);

    let counted = api.post(&replay, json!({"from": {"failed": true}, "dry_run": true})).await.expect(200);
    assert_eq!(counted["data"], json!({"count": 0}));
    let time = json!({"from": {"time": "2020-01-01T00:00:00Z"}, "until": 1_000_000, "dry_run": true});
    assert!(api.post(&replay, time).await.expect(200)["data"]["count"].as_u64().unwrap() >= 2);
    for (asked, named) in [
        (json!({}), vec!["from"]),
        (json!({"from": {}}), vec!["from.position"]),
        (json!({"from": {"position": 0}, "until": 0}), vec!["from.position", "until"]),
        (json!({"from": {"position": 1, "failed": true}}), vec!["from.position", "from.failed"]),
        (json!({"from": {"failed": false}}), vec!["from.failed"]),
        (json!({"from": {"time": "then"}, "dry_run": 1}), vec!["from.time", "dry_run"]),
        (json!({"from": {"position": 5}, "until": 4}), vec!["until"]),
    ] {
        let refused = api.post(&replay, asked.clone()).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&refused), named, "{asked}");
    }
}

#[tokio::test]
async fn what_happened_during_a_pause_is_told_after_it() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let api = &server.api;
    let webhook = made(api, json!({"url": recorder.url, "events": ["customer.created"]})).await;
    api.post(&format!("{}/pause", path(&webhook)), json!({})).await.expect(200);
    let ana = customer(api, "5511988887777").await;
    assert!(recorder.seen().is_empty());
    api.post(&format!("{}/resume", path(&webhook)), json!({})).await.expect(200);
    recorder.until(|told| told.is("customer.created", &ana)).await;
    // A receiver that wants no more is taken at its word, until its owner says otherwise.
    recorder.answer(410);
    let bea = customer(api, "5511977776666").await;
    let disabled = |body: &Value| body["data"]["status"] == "disabled";
    let seen = api.until(&path(&webhook), disabled).await;
    assert_eq!(seen["data"]["reason"], "gone");
    api.post(&format!("{}/pause", path(&webhook)), json!({})).await.refused(409, "CONFLICT");
    recorder.answer(204);
    let resumed = api.post(&format!("{}/resume", path(&webhook)), json!({})).await.expect(200);
    assert_eq!(resumed["data"]["status"], "active");
    delivered(api, &webhook, 2).await;
    recorder.until(|told| told.is("customer.created", &bea)).await;
}

#[tokio::test]
async fn a_version_guards_every_change() {
    let server = Server::start().await;
    let api = &server.api;
    let webhook = made(api, json!({"url": "http://127.9.9.9:9009/"})).await;
    let one = path(&webhook);
    let stale = [("If-Match", "\"9\"")];
    for verb in ["pause", "resume", "rotate-secret"] {
        let refused = api.json(Method::POST, &format!("{one}/{verb}"), json!({}), &stale).await;
        refused.refused(412, "PRECONDITION_FAILED");
    }
    api.json(Method::PATCH, &one, json!({"rate_limit": 5}), &stale).await.refused(412, "PRECONDITION_FAILED");
    api.call(Method::DELETE, &one, &stale, None::<&str>).await.refused(412, "PRECONDITION_FAILED");
    let tag = api.get(&one).await.header("etag").to_owned();
    api.json(Method::PATCH, &one, json!({"rate_limit": 5}), &[("If-Match", &tag)]).await.expect(200);
}

#[tokio::test]
async fn a_second_workspace_neither_sees_nor_touches_a_webhook_nor_is_told_on() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let webhook = made(&server.api, json!({"url": recorder.url, "events": ["customer.*"]})).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    customer(&stranger, "5511988887777").await;
    let ana = customer(&server.api, "5511977776666").await;
    recorder.until(|told| told.is("customer.created", &ana)).await;
    let deliveries = delivered(&server.api, &webhook, 1).await;
    assert_eq!(recorder.seen().len(), 1);
    let one = path(&webhook);
    let delivery = format!("{one}/deliveries/{}", deliveries[0]["id"].as_str().unwrap());
    for hidden in [&one, &format!("{one}/deliveries"), &delivery] {
        stranger.get(hidden).await.refused(404, "NOT_FOUND");
    }
    stranger.patch(&one, json!({"rate_limit": 1})).await.refused(404, "NOT_FOUND");
    stranger.delete(&one).await.refused(404, "NOT_FOUND");
    let from = json!({"from": {"position": 1}});
    stranger.post(&format!("{one}/replay"), from).await.refused(404, "NOT_FOUND");
    stranger.post(&format!("{delivery}/redeliver"), json!({})).await.refused(404, "NOT_FOUND");
    assert_eq!(stranger.get("/v1/webhooks").await.expect(200)["meta"]["total"], 0);
    // The same address is free there.
    made(&stranger, json!({"url": recorder.url})).await;
}
