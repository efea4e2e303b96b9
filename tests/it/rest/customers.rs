//! `/v1/customers`: all five calls of the reference, and PATCH.

use reqwest::Method;
use serde_json::json;

use super::server::Server;

#[tokio::test]
async fn a_customer_lives_through_all_calls() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({
        "name": "Ana", "email": "Ana@Example.com", "phone": "+55 (11) 98888-7777", "external_id": "crm-1",
        "tags": ["vip", "b"], "attributes": {"score": 1.5, "nested": {"x": null}}
    });
    let made = api.post("/v1/customers", draft).await;
    let location = made.header("location").to_owned();
    assert_eq!(made.header("etag"), "\"1\"");
    let made = made.expect(201);
    assert_eq!(made["success"], true);
    let customer = &made["data"];
    assert_eq!(location, format!("/v1/customers/{}", customer["id"].as_str().unwrap()));
    assert!(customer["id"].as_str().unwrap().starts_with("cus_"));
    assert_eq!(customer["phone"], "5511988887777");
    assert_eq!(customer["email"], "Ana@Example.com");
    assert_eq!(customer["attributes"], json!({"score": 1.5, "nested": {"x": null}}));
    let identities =
        json!([{"kind": "phone", "value": "5511988887777"}, {"kind": "email", "value": "Ana@Example.com"}]);
    assert_eq!(customer["identities"], identities);
    let created_at = customer["created_at"].as_str().unwrap();
    assert!(
        created_at.ends_with('Z') && created_at.len() == "2024-01-15T10:30:00.000Z".len(),
        "{created_at}"
    );

    assert_eq!(api.get(&location).await.expect(200), made);
    assert_eq!(api.get("/v1/customers").await.expect(200)["data"], json!([customer]));

    let replaced =
        api.put(&location, json!({"name": "Ana Maria", "email": "ana@example.com"})).await.expect(200);
    assert_eq!(replaced["data"]["phone"], json!(null));
    assert_eq!((&replaced["data"]["tags"], &replaced["data"]["attributes"]), (&json!([]), &json!({})));
    assert_eq!(replaced["data"]["version"], 2);

    let id = location.rsplit('/').next().unwrap().to_owned();
    assert_eq!(
        api.delete(&location).await.expect(200),
        json!({"success": true, "data": {"id": id, "deleted": true}})
    );
    api.get(&location).await.refused(404, "NOT_FOUND");
    api.delete(&location).await.refused(404, "NOT_FOUND");
    api.put(&location, json!({"email": "ana@example.com"})).await.refused(404, "NOT_FOUND");
    api.post("/v1/customers", json!({"email": "ana@example.com", "phone": "5511988887777"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn absent_is_null_and_never_missing() {
    let server = Server::start().await;
    let made = server.api.post("/v1/customers", json!({"phone": "5511988887777"})).await.expect(201);
    let fields: Vec<_> = made["data"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut all = [
        "id",
        "name",
        "email",
        "phone",
        "external_id",
        "tags",
        "attributes",
        "identities",
        "created_at",
        "updated_at",
        "version",
    ];
    all.sort_unstable();
    assert_eq!(fields, all);
    assert_eq!(made["data"]["name"], json!(null));
}

#[tokio::test]
async fn a_patch_merges() {
    let server = Server::start().await;
    let api = &server.api;
    let draft = json!({"name": "Ana", "phone": "5511988887777", "tags": ["a"], "attributes": {"x": 1, "y": {"z": 2}}});
    let made = api.post("/v1/customers", draft).await;
    let location = made.header("location").to_owned();
    let patch = json!({"name": null, "email": "ana@example.com", "attributes": {"x": null, "y": {"w": 3}}});
    let changed = api.patch(&location, patch).await.expect(200)["data"].clone();
    assert_eq!((&changed["name"], &changed["email"]), (&json!(null), &json!("ana@example.com")));
    assert_eq!((&changed["phone"], &changed["tags"]), (&json!("5511988887777"), &json!(["a"])));
    assert_eq!(changed["attributes"], json!({"y": {"z": 2, "w": 3}}));

    let cleared = api.patch(&location, json!({"tags": null, "attributes": null})).await.expect(200);
    assert_eq!((&cleared["data"]["tags"], &cleared["data"]["attributes"]), (&json!([]), &json!({})));
    let same = api.patch(&location, json!({})).await.expect(200);
    assert_eq!(same["data"]["version"], cleared["data"]["version"], "what changes nothing is no event");
    api.patch(&location, json!({"phone": null, "email": null})).await.refused(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_phone_and_an_address_belong_to_one_customer() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/v1/customers", json!({"phone": "5511988887777"})).await.expect(201);
    api.post("/v1/customers", json!({"email": "ana@example.com"})).await.expect(201);
    api.post("/v1/customers", json!({"phone": "+55 11 98888 7777"})).await.refused(409, "CONFLICT");
    api.post("/v1/customers", json!({"email": "ANA@example.com"})).await.refused(409, "CONFLICT");
    let total = api.get("/v1/customers").await.expect(200)["meta"]["total"].clone();
    assert_eq!(total, 2);
}

#[tokio::test]
async fn a_version_guards_reads_and_writes() {
    let server = Server::start().await;
    let api = &server.api;
    let location =
        api.post("/v1/customers", json!({"phone": "5511988887777"})).await.header("location").to_owned();
    let read = async |tag| api.call(Method::GET, &location, &[("If-None-Match", tag)], None::<&str>).await;
    let unchanged = read("\"1\"").await;
    assert_eq!(
        (unchanged.status.as_u16(), unchanged.text.as_str(), unchanged.header("etag")),
        (304, "", "\"1\"")
    );
    assert_eq!(read("\"0\", W/\"1\"").await.status, 304);
    assert_eq!(read("\"2\"").await.status, 200);

    let write =
        |name, tag| api.json(Method::PUT, &location, json!({"phone": "5511988887777", "name": name}), tag);
    let stale = write("Bea", &[("If-Match", "\"7\"")]).await;
    stale.refused(412, "PRECONDITION_FAILED");
    write("Bea", &[("If-Match", "W/\"1\"")]).await.refused(412, "PRECONDITION_FAILED");
    let written = write("Bea", &[("If-Match", "\"1\"")]).await;
    assert_eq!(written.header("etag"), "\"2\"");
    written.expect(200);
    write("Cea", &[("If-Match", "\"1\"")]).await.refused(412, "PRECONDITION_FAILED");
    write("Cea", &[("If-Match", "*")]).await.expect(200);

    let remove = async |tag| api.call(Method::DELETE, &location, &[("If-Match", tag)], None::<&str>).await;
    remove("\"2\"").await.refused(412, "PRECONDITION_FAILED");
    remove("\"3\"").await.expect(200);
}

#[tokio::test]
async fn of_many_that_claim_a_phone_at_once_one_gets_it() {
    let server = Server::start().await;
    let api = &server.api;
    let create = || api.post("/v1/customers", json!({"phone": "5511988887777"}));
    let answers = futures::future::join_all((0..20).map(|_| create())).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    answers
        .into_iter()
        .filter(|answer| answer.status != 201)
        .for_each(|answer| drop(answer.refused(409, "CONFLICT")));
    assert_eq!(api.get("/v1/customers").await.expect(200)["meta"]["total"], 1);
}
