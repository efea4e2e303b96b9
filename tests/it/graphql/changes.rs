//! Changes: what REST can do, with the same rules, seen by REST.

use serde_json::{Value, json};

use crate::rest::server::{NOBODY, Server};
use crate::rest::tenant;
use crate::support::api::{Answer, Api};

/// What a change is answered with, when it went well.
pub async fn changed(api: &Api, change: &str) -> Value {
    api.asked(&format!("mutation {{ done: {change} }}")).await["done"].clone()
}

/// The fields that a change is refused for.
async fn refused(api: &Api, change: &str, code: &str) -> Vec<String> {
    let answer = api.ask(&format!("mutation {{ done: {change} }}"), json!({})).await;
    assert_eq!(answer.codes(), [code], "{change}: {}", answer.text);
    assert_eq!(answer.body["data"], json!({"done": null}), "{change}");
    fields(&answer)
}

fn fields(answer: &Answer) -> Vec<String> {
    let details = answer.body["errors"][0]["extensions"]["details"].as_array().into_iter().flatten();
    details.map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_customer_lives_through_all_changes() {
    let server = Server::start().await;
    let api = &server.api;
    let query = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id version } } }";
    let input = json!({"input": {"name": "Ana", "phone": "+55 (11) 98888-7777", "externalId": "crm-1", "tags": ["vip"],
        "attributes": {"nested": {"x": [1, null, "ü"]}}}});
    let made = api.asked_with(query, input).await["createCustomer"]["customer"].clone();
    let id = made["id"].as_str().unwrap();
    let rest = api.get(&format!("/v1/customers/{id}")).await.expect(200)["data"].clone();
    assert_eq!(
        (&rest["phone"], &rest["external_id"], &rest["version"]),
        (&json!("5511988887777"), &json!("crm-1"), &made["version"])
    );
    assert_eq!(rest["attributes"], json!({"nested": {"x": [1, null, "ü"]}}));

    let patch = format!(
        r#"updateCustomer(input: {{id: "{id}", name: null, email: "ana@example.com", expectedVersion: 1}}) {{ customer {{ name email phone version }} }}"#
    );
    let patched = changed(api, &patch).await["customer"].clone();
    assert_eq!(
        patched,
        json!({"name": null, "email": "ana@example.com", "phone": "5511988887777", "version": 2})
    );
    assert!(refused(api, &patch, "PRECONDITION_FAILED").await.is_empty());
    let replace = format!(
        r#"replaceCustomer(input: {{id: "{id}", email: "ana@example.com"}}) {{ customer {{ email phone tags attributes }} }}"#
    );
    let replaced = changed(api, &replace).await["customer"].clone();
    assert_eq!(replaced, json!({"email": "ana@example.com", "phone": null, "tags": [], "attributes": {}}));

    let wrong = r#"createCustomer(input: {email: "x", phone: "y", externalId: "", attributes: [], tags: [""]}) { customer { id } }"#;
    assert_eq!(
        refused(api, wrong, "VALIDATION_ERROR").await,
        ["email", "phone", "externalId", "tags[0]", "attributes"]
    );
    assert_eq!(
        refused(api, "createCustomer(input: {name: \"x\"}) { customer { id } }", "VALIDATION_ERROR").await,
        ["email"]
    );
    let again = r#"createCustomer(input: {email: "ANA@example.com"}) { customer { id } }"#;
    refused(api, again, "CONFLICT").await;

    let delete = format!(r#"deleteCustomer(input: {{id: "{id}"}}) {{ deletedId }}"#);
    assert_eq!(changed(api, &delete).await["deletedId"], id);
    refused(api, &delete, "NOT_FOUND").await;
    refused(api, r#"deleteCustomer(input: {id: "nonsense"}) { deletedId }"#, "NOT_FOUND").await;
    let erase = format!(
        r#"eraseCustomer(input: {{id: "{id}", reason: "ticket:4711"}}) {{ certificate {{ customerId position reason destroyed {{ dataKeys messages }} }} }}"#
    );
    let certificate = changed(api, &erase).await["certificate"].clone();
    assert_eq!((&certificate["customerId"], &certificate["reason"]), (&json!(id), &json!("ticket:4711")));
    assert_eq!(changed(api, &erase).await["certificate"], certificate);
}

#[tokio::test]
async fn every_verb_of_a_chat_answers_with_the_chat() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let open = r#"openChat(input: {channelId: "shop", to: "5511988887777"}) { chat { id status } }"#;
    let chat = changed(api, open).await["chat"]["id"].as_str().unwrap().to_owned();
    assert_eq!(changed(api, open).await["chat"]["id"], chat.as_str(), "the two have it open");
    for (verb, more, field, shown) in [
        ("assignChat", r#", assignee: "Bia""#, "assignee", json!("Bia")),
        ("snoozeChat", "", "status", json!("SNOOZED")),
        (
            "snoozeChat",
            r#", until: "2100-01-31T10:30:00+01:00""#,
            "snoozedUntil",
            json!("2100-01-31T09:30:00.000Z"),
        ),
        ("reopenChat", "", "snoozedUntil", json!(null)),
        ("assignChat", ", assignee: null", "assignee", json!(null)),
        ("readChat", "", "unreadCount", json!(0)),
        ("closeChat", "", "status", json!("CLOSED")),
        ("reopenChat", "", "status", json!("OPEN")),
    ] {
        let change = format!(r#"{verb}(input: {{id: "{chat}"{more}}}) {{ chat {{ {field} }} }}"#);
        assert_eq!(changed(api, &change).await["chat"][field], shown, "{change}");
    }
    let unsaid = format!(r#"assignChat(input: {{id: "{chat}"}}) {{ chat {{ id }} }}"#);
    assert_eq!(refused(api, &unsaid, "VALIDATION_ERROR").await, ["assignee"]);
    let late = format!(r#"closeChat(input: {{id: "{chat}", expectedVersion: 1}}) {{ chat {{ id }} }}"#);
    refused(api, &late, "PRECONDITION_FAILED").await;
    let both =
        r#"openChat(input: {channelId: "shop", to: "5511988887777", customerId: "cus_x"}) { chat { id } }"#;
    assert_eq!(refused(api, both, "VALIDATION_ERROR").await, ["to"]);
    assert_eq!(
        refused(api, r#"openChat(input: {channelId: "shop"}) { chat { id } }"#, "VALIDATION_ERROR").await,
        ["customerId"]
    );
}

#[tokio::test]
async fn messages_are_sent_one_by_one_and_in_bulk() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let send = r#"sendMessage(input: {channelId: "shop", to: "5511999999999", content: {text: "Hello"}}) {
        message { id status to channel { name } content { ... on TextContent { text } } } }"#;
    let sent = changed(api, send).await["message"].clone();
    assert_eq!((&sent["status"], &sent["content"]["text"]), (&json!("SENT"), &json!("Hello")));
    let id = sent["id"].as_str().unwrap();
    let reply = format!(
        r#"sendMessage(input: {{channelId: "shop", to: "5511999999999", type: TEXT, content: {{text: "And"}}, replyTo: "{id}"}}) {{ message {{ replyTo {{ id }} }} }}"#
    );
    assert_eq!(changed(api, &reply).await["message"]["replyTo"]["id"], id);
    let nobody = send.replace("5511999999999", NOBODY);
    refused(api, &nobody, "NUMBER_NOT_ON_WHATSAPP").await;
    let wrong =
        r#"sendMessage(input: {channelId: "", to: "x", content: {}, replyTo: "x"}) { message { id } }"#;
    assert_eq!(refused(api, wrong, "VALIDATION_ERROR").await, ["channelId", "to", "content.text", "replyTo"]);
    let unsupported = r#"sendMessage(input: {channelId: "shop", to: "5511999999999", type: UNSUPPORTED, content: {text: "x"}}) { message { id } }"#;
    assert_eq!(refused(api, unsupported, "VALIDATION_ERROR").await, ["type"]);
    refused(api, &send.replace("\"shop\"", "\"none\""), "NOT_FOUND").await;

    let bulk = r#"sendMessages(input: {channelId: "shop", messages: [
            {to: "5511999999991", content: {text: "one"}}, {to: "x", content: {text: ""}}, {to: "5511999999992", content: {text: "two"}}]}) {
        job { id total accepted rejected kind } items { index messageId error { code details { field } } message { to } } }"#;
    let bulk = changed(api, bulk).await;
    assert_eq!((&bulk["job"]["total"], &bulk["job"]["kind"]), (&json!(3), &json!("BULK_SEND")));
    let items = bulk["items"].as_array().unwrap();
    assert_eq!(items[0]["message"]["to"], "5511999999991");
    assert_eq!((&items[1]["messageId"], &items[1]["message"]), (&json!(null), &json!(null)));
    assert_eq!(
        items[1]["error"],
        json!({"code": "VALIDATION_ERROR", "details": [{"field": "to"}, {"field": "content.text"}]})
    );
    assert!(items[2]["messageId"].as_str().unwrap().starts_with("msg_") && items[2]["error"].is_null());
    let job = bulk["job"]["id"].as_str().unwrap();
    let ended = |body: &Value| body["data"]["status"] == "completed";
    api.until(&format!("/v1/jobs/{job}"), ended).await;
    let query = format!(
        r#"{{ job(id: "{job}") {{ status accepted rejected progress {{ sent queued }} channel {{ name }}
        messages(first: 1) {{ totalCount nodes {{ to job {{ id }} }} pageInfo {{ hasNextPage }} }} }} jobs {{ totalCount }} }}"#
    );
    let told = api.asked(&query).await;
    assert_eq!((&told["job"]["status"], &told["job"]["rejected"]), (&json!("COMPLETED"), &json!(1)));
    assert_eq!(told["job"]["messages"]["totalCount"], 2);
    assert_eq!(told["job"]["messages"]["nodes"][0]["job"]["id"], job);
    refused(api, &format!(r#"cancelJob(input: {{id: "{job}"}}) {{ job {{ status }} }}"#), "CONFLICT").await;
}

#[tokio::test]
async fn a_channel_is_made_connected_and_deleted() {
    let server = Server::start().await;
    let api = &server.api;
    let made =
        changed(api, r#"createChannel(input: {name: "shop"}) { channel { id name status qr { qr } } }"#)
            .await["channel"]
            .clone();
    assert_eq!((&made["status"], &made["qr"]), (&json!("CLOSE"), &json!(null)));
    refused(api, r#"createChannel(input: {name: "shop"}) { channel { id } }"#, "CONFLICT").await;
    assert_eq!(
        refused(api, r#"createChannel(input: {name: ""}) { channel { id } }"#, "VALIDATION_ERROR").await,
        ["name"]
    );
    let connected = changed(
        api,
        r#"connectChannel(input: {id: "shop"}) { qr pairCode expiresAt channel { id status } }"#,
    )
    .await;
    assert!(connected["qr"].as_str().unwrap().starts_with("2@") && connected["pairCode"].is_null());
    assert_eq!(connected["channel"]["status"], "CONNECTING");
    let shown = api.asked(r#"{ channel(id: "shop") { qr { qr expiresAt } timeline(first: 2) { nodes { kind message at } pageInfo { hasNextPage endCursor } } } }"#).await;
    assert!(shown["channel"]["qr"]["qr"].as_str().unwrap().starts_with("2@"));
    let timeline = &shown["channel"]["timeline"];
    assert_eq!(timeline["nodes"].as_array().unwrap().len(), 2);
    let more = format!(
        r#"{{ channel(id: "shop") {{ timeline(after: {}) {{ nodes {{ kind }} }} }} }}"#,
        timeline["pageInfo"]["endCursor"]
    );
    assert_eq!(api.asked(&more).await["channel"]["timeline"]["nodes"][0]["kind"], "created");
    server.pair("shop").await;
    let renamed =
        changed(api, r#"renameChannel(input: {id: "shop", name: "store"}) { channel { id name version } }"#)
            .await["channel"]
            .clone();
    assert_eq!((&renamed["id"], &renamed["name"]), (&made["id"], &json!("store")));
    changed(api, r#"restartChannel(input: {id: "store"}) { channel { id } }"#).await;
    api.until_status("store", "open").await;
    assert_eq!(
        changed(api, r#"logOutChannel(input: {id: "store"}) { channel { status } }"#).await["channel"]["status"],
        "CLOSE"
    );
    let late = r#"deleteChannel(input: {id: "store", expectedVersion: 1}) { deletedId }"#;
    refused(api, late, "PRECONDITION_FAILED").await;
    assert_eq!(
        changed(api, r#"deleteChannel(input: {id: "store"}) { deletedId }"#).await["deletedId"],
        made["id"]
    );
    refused(api, r#"deleteChannel(input: {id: "store"}) { deletedId }"#, "NOT_FOUND").await;
}

#[tokio::test]
async fn keys_and_workspaces_are_made_and_unmade() {
    let server = Server::start().await;
    let api = &server.api;
    let made = changed(api, r#"createKey(input: {name: "App", scopes: ["chats:read", "keys:read"]}) { secret key { id name scopes origin prefix } }"#).await;
    assert_eq!(
        (&made["key"]["scopes"], &made["key"]["origin"]),
        (&json!(["chats:read", "keys:read"]), &json!("ISSUED"))
    );
    let app = Api { key: Some(made["secret"].as_str().unwrap().to_owned()), ..api.clone() };
    assert_eq!(app.asked("{ chats { totalCount } keys { totalCount } }").await["keys"]["totalCount"], 2);
    let id = made["key"]["id"].as_str().unwrap();
    let rotate =
        format!(r#"rotateKey(input: {{id: "{id}", overlapSeconds: 0}}) {{ secret key {{ id rotatedAt }} }}"#);
    let rotated = changed(api, &rotate).await;
    assert!(rotated["secret"] != made["secret"] && rotated["key"]["rotatedAt"].is_string());
    app.ask("{ chats { totalCount } }", json!({})).await.codes();
    let app = Api { key: Some(rotated["secret"].as_str().unwrap().to_owned()), ..api.clone() };
    app.asked("{ chats { totalCount } }").await;
    let wrong = r#"createKey(input: {name: "", scopes: ["chats"]}) { key { id } }"#;
    assert_eq!(refused(api, wrong, "VALIDATION_ERROR").await, ["name", "scopes[0]"]);
    let much = format!(r#"rotateKey(input: {{id: "{id}", overlapSeconds: 9999999}}) {{ secret }}"#);
    assert_eq!(refused(api, &much, "VALIDATION_ERROR").await, ["overlapSeconds"]);
    assert_eq!(
        changed(api, &format!(r#"revokeKey(input: {{id: "{id}"}}) {{ deletedId }}"#)).await["deletedId"],
        id
    );
    assert_eq!(app.ask("{ chats { totalCount } }", json!({})).await.codes(), ["UNAUTHORIZED"]);

    let found = changed(api, r#"createWorkspace(input: {slug: "ana", plan: STARTER}) { workspace { id slug plan } firstKey { secret key { scopes } } }"#).await;
    assert_eq!(found["firstKey"]["key"]["scopes"], json!(["*"]));
    let ana = tenant(api, &json!({"first_key": {"key": found["firstKey"]["secret"]}}));
    let own = ana.asked("{ workspace { slug requestsPerMinute usage { keys events messages { inbound } days { date } } } }").await["workspace"].clone();
    assert_eq!(
        (&own["slug"], &own["requestsPerMinute"], &own["usage"]["keys"]),
        (&json!("ana"), &json!(60), &json!(1))
    );
    assert_eq!(own["usage"]["days"].as_array().unwrap().len(), 30);
    let update = r#"updateWorkspace(input: {id: "ana", name: "Ana's", plan: PROFESSIONAL}) { workspace { name plan version } }"#;
    let updated = changed(api, update).await["workspace"].clone();
    assert_eq!((&updated["name"], &updated["plan"]), (&json!("Ana's"), &json!("PROFESSIONAL")));
    let suspend =
        r#"suspendWorkspace(input: {id: "ana", reason: "unpaid"}) { workspace { status suspendedReason } }"#;
    assert_eq!(
        changed(api, suspend).await["workspace"],
        json!({"status": "SUSPENDED", "suspendedReason": "unpaid"})
    );
    assert_eq!(ana.ask("{ workspace { slug } }", json!({})).await.codes(), ["WORKSPACE_SUSPENDED"]);
    changed(api, r#"resumeWorkspace(input: {id: "ana"}) { workspace { status } }"#).await;
    ana.asked("{ workspace { slug } }").await;
    refused(api, r#"createWorkspace(input: {slug: "ana", plan: STARTER}) { workspace { id } }"#, "CONFLICT")
        .await;
    refused(api, r#"resumeWorkspace(input: {id: "nobody"}) { workspace { id } }"#, "NOT_FOUND").await;
    assert_eq!(
        api.asked("{ workspaces { totalCount nodes { slug } } }").await["workspaces"]["nodes"][0]["slug"],
        "ana"
    );
}

#[tokio::test]
async fn changes_of_one_request_are_carried_out_in_order_and_each_stands_for_itself() {
    let server = Server::start().await;
    let api = &server.api;
    let answer = api
        .ask(
            r#"mutation { a: createCustomer(input: {email: "a@example.com"}) { customer { version } }
                b: createCustomer(input: {email: "a@example.com"}) { customer { version } }
                c: createCustomer(input: {email: "c@example.com"}) { customer { version } } }"#,
            json!({}),
        )
        .await;
    assert_eq!(answer.codes(), ["CONFLICT"]);
    assert_eq!(answer.body["errors"][0]["path"], json!(["b"]));
    let one = json!({"customer": {"version": 1}});
    assert_eq!(answer.body["data"], json!({"a": one, "b": null, "c": one}));
}
