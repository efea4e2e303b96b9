//! Channels on both faces: one aggregate, one id.

use serde_json::json;

use super::server::{ACCOUNT, Server};

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
