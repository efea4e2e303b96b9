//! What callers get wrong: each gets the documented error, and nothing changes.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::api::{Api, fields};

#[tokio::test]
async fn a_customer_with_neither_phone_nor_email_is_the_reference_s_own_example() {
    let server = Server::start().await;
    let answer = server.api.post("/v1/customers", json!({"name": "Ana"})).await;
    assert_eq!(
        answer.refused(422, "VALIDATION_ERROR"),
        json!({"success": false, "error": {
            "code": "VALIDATION_ERROR",
            "message": "The 'email' field is required",
            "details": [{"field": "email", "message": "Required field"}]
        }})
    );
}

#[tokio::test]
async fn every_wrong_field_is_listed_and_every_unknown_one_named() {
    let server = Server::start().await;
    let draft = json!({
        "name": "", "email": "ana", "phone": "55119x", "external_id": 7, "tags": "vip", "attributes": [1], "colour": 1
    });
    let error = server.api.post("/v1/customers", draft).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["name", "email", "phone", "external_id", "tags", "attributes", "colour"]);

    let letter =
        json!({"to": 5_511_999_999_999_i64, "type": "text", "content": {"txt": "x"}, "reply_to": "cus_1"});
    let error = server.api.post("/v1/messages/send", letter).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["channel_id", "to", "content.text", "content.txt", "reply_to"]);

    let letter = json!({"instanceName": "a b", "number": "+12", "text": "x"});
    let error = server.api.post("/api/whatsapp/send", letter).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["instanceName", "number", "message", "text"]);
}

#[tokio::test]
async fn a_type_that_is_not_supported_is_told_which_are() {
    let server = Server::start().await;
    let letter =
        json!({"channel_id": "shop", "to": "5511999999999", "type": "image", "content": {"url": "x"}});
    let error = server.api.post("/v1/messages/send", letter).await.refused(422, "VALIDATION_ERROR");
    assert_eq!(fields(&error), ["type"]);
    assert!(error["error"]["message"].as_str().unwrap().contains("text"));
}

#[tokio::test]
async fn texts_and_tags_have_bounds() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let letter = |text: String| json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": text}});
    for text in ["x".repeat(70_000), String::new(), " ".to_owned(), "a\0b".to_owned()] {
        let error = api.post("/v1/messages/send", letter(text)).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), ["content.text"]);
    }
    api.post("/v1/messages/send", letter("é".repeat(65_536))).await.expect(201);

    let tags: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let error = api.post("/v1/customers", json!({"phone": "5511988887777", "tags": tags})).await;
    assert_eq!(fields(&error.refused(422, "VALIDATION_ERROR")), ["tags"]);
    let error = api
        .post("/v1/customers", json!({"phone": "5511988887777", "attributes": {"a": "x".repeat(17_000)}}))
        .await;
    assert_eq!(fields(&error.refused(422, "VALIDATION_ERROR")), ["attributes"]);
    let error = api.post("/v1/customers", json!({"phone": "5511988887777", "attributes": {"a": "\0"}})).await;
    assert_eq!(fields(&error.refused(422, "VALIDATION_ERROR")), ["attributes"]);
    assert_eq!(
        api.get("/v1/customers").await.expect(200)["meta"]["total"],
        1,
        "only the one that was written to"
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = Server::start().await;
    for path in
        ["/v1/customers", "/v1/messages/send", "/v1/chats", "/api/whatsapp/connect", "/api/whatsapp/send"]
    {
        let raw = async |kind: &'static str, body: &'static [u8]| {
            server.api.call(Method::POST, path, &[("Content-Type", kind)], Some(body)).await
        };
        let broken = raw("application/json", b"{\"name\": \n \"Ana\",}").await.refused(400, "INVALID_JSON");
        assert!(broken["error"]["message"].as_str().unwrap().contains("line 2 column 8"), "{broken}");
        raw("application/json", b"").await.refused(400, "INVALID_JSON");
        raw("application/json", b"\xff\xfe").await.refused(400, "INVALID_JSON");
        raw("application/json", b"[1,2]").await.refused(422, "VALIDATION_ERROR");
        raw("application/json", b"null").await.refused(422, "VALIDATION_ERROR");
        raw("text/plain", b"{}").await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        raw("application/x-www-form-urlencoded", b"name=Ana").await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        raw("application/json; charset=utf-8", b"{}").await.refused(422, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn a_body_of_thirty_megabytes_is_refused_and_the_connection_answers_on() {
    let server = Server::start().await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(30 * 1024 * 1024));
    let headers = [("Content-Type", "application/json")];
    for path in ["/v1/customers", "/api/whatsapp/send"] {
        server
            .api
            .call(Method::POST, path, &headers, Some(body.clone()))
            .await
            .refused(413, "PAYLOAD_TOO_LARGE");
        let keyed = [("Content-Type", "application/json"), ("Idempotency-Key", "big")];
        server
            .api
            .call(Method::POST, path, &keyed, Some(body.clone()))
            .await
            .refused(413, "PAYLOAD_TOO_LARGE");
    }
    let stranger = Api { key: None, ..server.api.clone() };
    stranger
        .call(Method::POST, "/v1/customers", &headers, Some(body.clone()))
        .await
        .refused(401, "UNAUTHORIZED");
    server
        .api
        .call(Method::POST, "/v1/nothing", &headers, Some(body.clone()))
        .await
        .refused(404, "NOT_FOUND");
    let refused = server.api.call(Method::DELETE, "/v1/customers", &headers, Some(body.clone())).await;
    refused.refused(405, "METHOD_NOT_ALLOWED");
    server.api.get("/v1/customers").await.expect(200);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_however_it_is_named() {
    let server = Server::start().await;
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    for name in [nobody, "x", "cus_", "%00", "%ff", "a%20b", "..%2f..", "%F0%9F%98%80", &"x".repeat(300)] {
        for path in ["/v1/customers", "/v1/chats", "/v1/messages", "/v1/channels", "/api/whatsapp/status"] {
            server.api.get(&format!("{path}/{name}")).await.refused(404, "NOT_FOUND");
        }
        server.api.get(&format!("/v1/chats/{name}/messages")).await.refused(404, "NOT_FOUND");
        server.api.delete(&format!("/v1/customers/{name}")).await.refused(404, "NOT_FOUND");
        server.api.delete(&format!("/api/whatsapp/delete/{name}")).await.refused(404, "NOT_FOUND");
    }
    let letter = json!({"channel_id": "channel-uuid", "to": "5511999999999", "type": "text", "content": {"text": "x"}});
    server.api.post("/v1/messages/send", letter).await.refused(404, "NOT_FOUND");
    for path in ["/api/whatsapp/restart", "/api/whatsapp/logout"] {
        server.api.post(path, json!({"instanceName": "nobody"})).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn odd_instance_names_are_refused_before_anything_is_made() {
    let server = Server::start().await;
    let long = "x".repeat(65);
    let names = [
        json!(""),
        json!("a b"),
        json!("ü"),
        json!("a/b"),
        json!(".."),
        json!("a\n"),
        json!(long),
        json!(7),
        Value::Null,
    ];
    for name in names {
        let answer = server.api.post("/api/whatsapp/connect", json!({"instanceName": name})).await;
        assert_eq!(fields(&answer.refused(422, "VALIDATION_ERROR")), ["instanceName"]);
    }
    assert_eq!(server.api.get("/api/whatsapp/instances").await.expect(200), json!({"instances": []}));
}

#[tokio::test]
async fn letters_in_a_number_are_refused_and_signs_tolerated() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    for number in ["1234567890x", "one", "123456", "1234567890123456", "++5511999999999"] {
        let letter = json!({"instanceName": "shop", "number": number, "message": "x"});
        let error = server.api.post("/api/whatsapp/send", letter).await.refused(422, "VALIDATION_ERROR");
        assert_eq!(fields(&error), ["number"]);
    }
    for number in ["1234567890", "+1 (234) 567-890"] {
        let letter = json!({"instanceName": "shop", "number": number, "message": "x"});
        assert_eq!(server.api.post("/api/whatsapp/send", letter).await.expect(200)["number"], "1234567890");
    }
    assert_eq!(server.api.get("/v1/customers").await.expect(200)["meta"]["total"], 1);
}

#[tokio::test]
async fn a_channel_that_was_never_paired_does_not_send() {
    let server = Server::start().await;
    server.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await.expect(200);
    let letter = json!({"instanceName": "shop", "number": "1234567890", "message": "x"});
    server.api.post("/api/whatsapp/send", letter).await.refused(409, "CHANNEL_NOT_CONNECTED");
    let letter = json!({"channel_id": "shop", "to": "1234567890", "type": "text", "content": {"text": "x"}});
    server.api.post("/v1/messages/send", letter).await.refused(409, "CHANNEL_NOT_CONNECTED");
    assert_eq!(
        server.api.get("/v1/customers").await.expect(200)["meta"]["total"],
        0,
        "nobody was made for it"
    );
    assert_eq!(server.api.get("/v1/chats").await.expect(200)["meta"]["total"], 0);
}

#[tokio::test]
async fn unknown_routes_and_methods_answer_in_the_envelope() {
    let server = Server::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/customers/",
        "/api/whatsapp",
        "/api/whatsapp/nothing",
        "/favicon.ico",
    ] {
        server.api.get(path).await.refused(404, "NOT_FOUND");
    }
    let allowed = async |method: Method, path: &str| {
        let answer = server.api.call(method, path, &[], None::<&str>).await;
        let allow = answer.header("allow").to_owned();
        answer.refused(405, "METHOD_NOT_ALLOWED");
        allow
    };
    assert_eq!(allowed(Method::DELETE, "/v1/customers").await, "GET,HEAD,POST");
    assert_eq!(allowed(Method::POST, "/v1/customers/cus_1").await, "GET,HEAD,PUT,PATCH,DELETE");
    assert_eq!(allowed(Method::GET, "/v1/messages/send").await, "POST");
    assert_eq!(allowed(Method::GET, "/api/whatsapp/connect").await, "POST");
    assert_eq!(allowed(Method::POST, "/api/whatsapp/delete/x").await, "DELETE");
    assert_eq!(allowed(Method::POST, "/health/live").await, "GET,HEAD");
}

#[tokio::test]
async fn missing_wrong_and_expired_keys_are_unauthorized_on_both_faces() {
    let server = Server::start().await;
    let expired = server
        .another("default", &[interflow_domain::workspace::Scope::All], Some(std::time::Duration::ZERO))
        .await;
    let with = |key: Option<&str>| Api { key: key.map(str::to_owned), ..server.api.clone() };
    let key = server.api.key.clone().unwrap();
    for path in ["/v1/customers", "/api/whatsapp/instances"] {
        for api in [
            with(None),
            with(Some("wrong")),
            with(Some("")),
            with(Some(&key[1..])),
            with(Some(&"x".repeat(5000))),
            expired.clone(),
        ] {
            let answer = api.get(path).await;
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
            answer.refused(401, "UNAUTHORIZED");
        }
        with(None).call(Method::GET, path, &[("apikey", &key)], None::<&str>).await.expect(200);
        with(Some(&key)).get(path).await.expect(200);
        let basic = [("Authorization", "Basic eDp5")];
        with(None).call(Method::GET, path, &basic, None::<&str>).await.refused(401, "UNAUTHORIZED");
    }
}
