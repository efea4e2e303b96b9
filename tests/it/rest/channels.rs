//! Channels on both faces: one aggregate, one id.

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::json;

use super::server::{ACCOUNT, Server};
use crate::support::api::{Answer, fields};

#[tokio::test]
async fn the_flowcore_calls_answer_as_the_contract_prints_them() {
    let server = Server::start().await;
    let api = &server.api;
    let instance = json!({"instanceName": "user_id_001"});
    let state = |status: &str| json!({"instance": {"instanceName": "user_id_001", "status": status}});

    let connected = api.post("/api/whatsapp/connect", instance.clone()).await.expect(200);
    assert_eq!(connected["instance"], state("connecting")["instance"]);
    assert!(connected["qrcode"].as_str().unwrap().starts_with("2@"), "{connected}");
    assert_eq!(connected.as_object().unwrap().len(), 2);
    let twice = api.post("/api/whatsapp/connect", instance.clone()).await.expect(200);
    assert_eq!(twice, connected, "connecting twice shows the same QR");
    assert_eq!(api.get("/api/whatsapp/status/user_id_001").await.expect(200), state("connecting"));
    assert_eq!(api.get("/api/whatsapp/status/user%5Fid%5f001").await.expect(200), state("connecting"));
    assert_eq!(
        api.get("/api/whatsapp/instances").await.expect(200),
        json!({"instances": [
            {"instanceName": "user_id_001", "status": "connecting", "number": null, "profileName": null}
        ]})
    );

    api.post("/api/whatsapp/restart", instance.clone()).await.expect(200);
    server.open_channel("user_id_001").await;
    assert_eq!(api.get("/api/whatsapp/status/user_id_001").await.expect(200), state("open"));
    let open = api.post("/api/whatsapp/connect", instance.clone()).await.expect(200);
    assert_eq!((&open["instance"]["status"], &open["qrcode"]), (&json!("open"), &json!(null)));
    assert_eq!(
        api.get("/api/whatsapp/instances").await.expect(200)["instances"][0],
        json!({"instanceName": "user_id_001", "status": "open", "number": ACCOUNT, "profileName": "Shop"})
    );

    assert_eq!(api.post("/api/whatsapp/logout", instance.clone()).await.expect(200), state("close"));
    assert_eq!(api.delete("/api/whatsapp/delete/user_id_001").await.expect(200), state("deleted"));
    api.get("/api/whatsapp/status/user_id_001").await.refused(404, "NOT_FOUND");
    api.delete("/api/whatsapp/delete/user_id_001").await.refused(404, "NOT_FOUND");
    assert_eq!(api.get("/api/whatsapp/instances").await.expect(200), json!({"instances": []}));
}

#[tokio::test]
async fn a_name_that_was_deleted_is_a_new_instance() {
    let server = Server::start().await;
    let first = server.open_channel("shop").await;
    server.api.delete("/api/whatsapp/delete/shop").await.expect(200);
    assert_ne!(server.open_channel("shop").await, first);
}

#[tokio::test]
async fn a_channel_is_found_by_id_by_bare_uuid_and_by_name() {
    let server = Server::start().await;
    let api = &server.api;
    let id = server.open_channel("shop").await;
    let uuid = id.parse::<interflow_domain::InstanceId>().unwrap().uuid();
    let by_id = api.get(&format!("/v1/channels/{id}")).await;
    assert!(by_id.header("etag").starts_with('"'));
    let by_id = by_id.expect(200);
    for name in ["shop", &uuid.to_string()] {
        assert_eq!(api.get(&format!("/v1/channels/{name}")).await.expect(200), by_id);
    }
    let channel = &by_id["data"];
    assert_eq!((&channel["kind"], &channel["name"]), (&json!("whatsapp"), &json!("shop")));
    assert_eq!((&channel["phone"], &channel["profile_name"]), (&json!(ACCOUNT), &json!("Shop")));
    assert_eq!(channel.as_object().unwrap().len(), 10);
    assert_eq!(api.get("/v1/channels").await.expect(200)["data"], json!([channel]));
}

#[tokio::test]
async fn deleting_while_connecting_leaves_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    let connecting = tokio::spawn({
        let api = api.clone();
        async move { api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await }
    });
    // Whichever comes first: the one finds nothing to delete, or the other nothing to show.
    while api.delete("/api/whatsapp/delete/shop").await.status == 404 {}
    let connected = connecting.await.unwrap();
    assert!([200, 404, 503].contains(&connected.status.as_u16()), "{}", connected.text);
    assert_eq!(api.get("/v1/channels").await.expect(200)["meta"]["total"], 0);
    server.open_channel("shop").await;
}

/// The version in the tag of an answer.
fn tag(answer: &Answer) -> String {
    answer.header("etag").to_owned()
}

#[tokio::test]
async fn a_channel_is_created_once_a_name_and_not_connected() {
    let server = Server::start().await;
    let api = &server.api;
    let made = api.post_once("/v1/channels", json!({"name": "shop"}), "k").await;
    let (location, etag) = (made.header("location").to_owned(), tag(&made));
    let made = made.expect(201);
    let id = made["data"]["id"].as_str().unwrap();
    assert_eq!((location, etag.as_str()), (format!("/v1/channels/{id}"), "\"1\""));
    assert_eq!((&made["data"]["name"], &made["data"]["status"]), (&json!("shop"), &json!("close")));
    assert_eq!(api.post_once("/v1/channels", json!({"name": "shop"}), "k").await.expect(201), made);
    api.post("/v1/channels", json!({"name": "shop"})).await.refused(409, "CONFLICT");
    let unchanged =
        api.call(Method::GET, "/v1/channels/shop", &[("If-None-Match", &etag)], None::<&str>).await;
    assert_eq!(unchanged.status, 304);

    let elsewhere = server.another("second", &[Scope::All], None).await;
    elsewhere.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    for (body, wrong) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "a shop"}), "name"),
        (json!({"name": "x".repeat(65)}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": "other", "kind": "whatsapp"}), "kind"),
    ] {
        let error = api.post("/v1/channels", body.clone()).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), [wrong], "{body}");
    }
    let create = || api.post("/v1/channels", json!({"name": "twin"}));
    let (one, two) = futures::join!(create(), create());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.text, two.text);
}

#[tokio::test]
async fn a_channel_that_is_renamed_leaves_its_old_name_free() {
    let server = Server::start().await;
    let api = &server.api;
    let id = server.open_channel("shop").await;
    api.post("/v1/channels", json!({"name": "taken"})).await.expect(201);
    let seen = tag(&api.get("/v1/channels/shop").await);

    let stale =
        api.json(Method::PATCH, "/v1/channels/shop", json!({"name": "store"}), &[("If-Match", "\"1\"")]);
    stale.await.refused(412, "PRECONDITION_FAILED");
    api.patch("/v1/channels/shop", json!({"name": "taken"})).await.refused(409, "CONFLICT");
    let renamed =
        api.json(Method::PATCH, "/v1/channels/shop", json!({"name": "store"}), &[("If-Match", &seen)]).await;
    let etag = tag(&renamed);
    let renamed = renamed.expect(200);
    assert_eq!((&renamed["data"]["id"], &renamed["data"]["name"]), (&json!(id), &json!("store")));
    assert_eq!(renamed["data"]["status"], "open", "it stays connected");
    let again = api.patch(&format!("/v1/channels/{id}"), json!({"name": "store"})).await;
    assert_eq!(tag(&again), etag, "the name it has already is no change");

    api.get("/v1/channels/shop").await.refused(404, "NOT_FOUND");
    api.get("/api/whatsapp/status/store").await.expect(200);
    assert_eq!(api.send("store", "5511999999999", "still here").await.status, 201);
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    api.patch("/v1/channels/store", json!({"name": "shop"})).await.refused(409, "CONFLICT");
    api.patch("/v1/channels/nowhere", json!({"name": "x"})).await.refused(404, "NOT_FOUND");
    let error = api.patch("/v1/channels/store", json!({"name": null})).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["name"]);

    let (one, two) = futures::join!(
        api.patch("/v1/channels/store", json!({"name": "one"})),
        api.patch("/v1/channels/taken", json!({"name": "one"}))
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "of two that want a name at once one has it: {} {}", one.text, two.text);
}

#[tokio::test]
async fn the_verbs_of_a_channel_do_what_the_flowcore_calls_do() {
    let server = Server::start().await;
    let api = &server.api;
    let id = api.post("/v1/channels", json!({"name": "shop"})).await.expect(201)["data"]["id"].clone();
    let path = format!("/v1/channels/{}", id.as_str().unwrap());
    let verb = |verb: &str| format!("{path}/{verb}");

    let connected = api.post(&verb("connect"), json!({})).await.expect(200)["data"].clone();
    assert_eq!((&connected["channel"]["id"], &connected["channel"]["status"]), (&id, &json!("connecting")));
    assert_eq!(connected["pair_code"], json!(null));
    let expires_at: chrono::DateTime<chrono::Utc> =
        connected["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(expires_at > chrono::DateTime::UNIX_EPOCH);
    let without_body = api.call(Method::POST, &verb("connect"), &[], None::<&str>).await.expect(200);
    assert_eq!(without_body["data"]["qr"], connected["qr"], "twice shows the same QR");
    let scan = json!({"qr": connected["qr"], "phone": ACCOUNT, "name": "Shop"});
    assert!(server.phones.post("/scan", scan).await.0.is_success());
    api.until_status("shop", "open").await;
    let open = api.post(&verb("connect"), json!({"phone": ACCOUNT})).await.expect(200)["data"].clone();
    let nothing = json!(null);
    assert_eq!((&open["qr"], &open["pair_code"], &open["expires_at"]), (&nothing, &nothing, &nothing));
    assert_eq!(open["channel"]["status"], "open");

    let restarted = api.post_once(&verb("restart"), json!({}), "r").await.expect(200);
    assert_eq!(restarted["data"]["last_disconnect"]["reason"], "restart_requested");
    assert_eq!(api.post_once(&verb("restart"), json!({}), "r").await.header("idempotency-replayed"), "true");
    api.until_status("shop", "open").await;
    let out = api.post(&verb("logout"), json!({})).await.expect(200);
    assert_eq!((&out["data"]["status"], &out["data"]["phone"]), (&json!("close"), &json!(null)));

    let seen = tag(&api.get(&path).await);
    let stale = api.call(Method::DELETE, &path, &[("If-Match", "\"1\"")], None::<&str>).await;
    stale.refused(412, "PRECONDITION_FAILED");
    let deleted = api.call(Method::DELETE, &path, &[("If-Match", &seen)], None::<&str>).await;
    assert_eq!(deleted.expect(200)["data"], json!({"id": id, "deleted": true}));
    for verb in ["connect", "restart", "logout"] {
        api.post(&format!("{path}/{verb}"), json!({})).await.refused(404, "NOT_FOUND");
    }
    api.delete(&path).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_code_typed_into_the_phone_links_a_channel_without_a_camera() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/v1/channels", json!({"name": "shop"})).await.expect(201);
    let path = "/v1/channels/shop/connect";
    for phone in [json!("abc"), json!("123"), json!(5_511_900_000_000_u64)] {
        let error = api.post(path, json!({"phone": phone})).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), ["phone"]);
    }
    let connect = || api.post(path, json!({"phone": "+55 11 90000-0000"}));
    let (one, two) = futures::join!(connect(), connect());
    let (one, two) = (one.expect(200), two.expect(200));
    let code = one["data"]["pair_code"].as_str().unwrap();
    assert!(code.len() == 8 && one["data"]["qr"].is_string(), "{one}");
    assert_eq!(one["data"], two["data"], "two at once show the same code");
    let other = api.post(path, json!({"phone": "5511911111111"})).await.expect(200);
    assert_ne!(other["data"]["pair_code"], one["data"]["pair_code"], "another number has a code of its own");
    let code = api.post(path, json!({"phone": ACCOUNT})).await.expect(200)["data"]["pair_code"].clone();

    let typed = json!({"code": code, "phone": ACCOUNT, "name": "Shop"});
    let (status, told) = server.phones.post("/link-code", typed).await;
    assert!(status.is_success(), "{told}");
    api.until_status("shop", "open").await;
    assert_eq!(api.get("/v1/channels/shop").await.expect(200)["data"]["phone"], ACCOUNT);
}
