//! `asOf`: what was shown once, and what it led to then.

use std::collections::BTreeSet;

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::schema::types;
use crate::rest::server::Server;
use crate::support::api::Api;

/// The position of the last event.
async fn head(api: &Api) -> u64 {
    api.get("/v1/events?after=end").await.expect(200)["meta"]["next_after"].as_u64().unwrap()
}

async fn then(api: &Api, query: &str, id: &Value, as_of: impl ToString) -> Value {
    api.asked_with(query, json!({"id": id, "asOf": as_of.to_string()})).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

const CHAT: &str = "query($id: ID!, $asOf: String) { chat(id: $id, asOf: $asOf) { \
    status assignee unreadCount version asOf { position recordedAt erased } \
    customer { name asOf { position } chats { nodes { assignee messages { totalCount } } } } \
    channel { name qr { qr } timeline(first: 1) { nodes { kind } } chats { totalCount asOf { position } } } \
    lastMessage { preview message { status content { ... on TextContent { text } } } } \
    messages { totalCount nodes { status content { ... on TextContent { text } } customer { name } replyTo { id } chat { assignee } } } } }";

#[tokio::test]
async fn what_is_told_as_of_then_leads_to_what_was_there_then() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let customer = json!({"name": "Ana", "phone": "5511988880001"});
    let customer = api.post("/v1/customers", customer).await.expect(201)["data"]["id"].clone();
    let first = api.send("shop", "5511988880001", "one").await.expect(201)["data"].clone();
    api.until(&format!("/v1/messages/{}", text(&first["id"])), |answer| answer["data"]["status"] == "sent")
        .await;
    let chat = &first["chat_id"];
    let at = head(api).await;
    let shown = then(api, CHAT, chat, at).await["chat"].clone();
    assert_eq!((&shown["asOf"]["position"], &shown["asOf"]["erased"]), (&json!(at), &json!(false)));
    assert_eq!((&shown["channel"]["name"], &shown["channel"]["qr"]), (&json!("shop"), &Value::Null));
    assert_eq!((&shown["customer"]["name"], &shown["messages"]["totalCount"]), (&json!("Ana"), &json!(1)));
    assert_eq!(shown["lastMessage"]["message"], json!({"status": "SENT", "content": {"text": "one"}}));
    let now = api.asked_with(CHAT, json!({"id": chat})).await["chat"].clone();
    assert_eq!(now["asOf"], Value::Null);
    assert_eq!(undated(&now), undated(&shown), "nothing has happened since");

    api.post(&format!("/v1/chats/{}/assign", text(chat)), json!({"assignee": "Bea"})).await.expect(200);
    api.send("shop", "5511988880001", "two").await.expect(201);
    api.patch(&format!("/v1/customers/{}", text(&customer)), json!({"name": "Anabel"})).await.expect(200);
    api.post(&format!("/v1/chats/{}/close", text(chat)), json!({})).await.expect(200);
    api.send("shop", "5511988880001", "another chat").await.expect(201);
    api.patch("/v1/channels/shop", json!({"name": "store"})).await.expect(200);
    api.delete(&format!("/v1/customers/{}", text(&customer))).await.expect(200);
    api.delete("/v1/channels/store").await.expect(200);
    for as_of in [at.to_string(), text(&shown["asOf"]["recordedAt"]).to_owned()] {
        assert_eq!(undated(&then(api, CHAT, chat, &as_of).await["chat"]), undated(&shown), "as of {as_of}");
    }
    let now = api.asked_with(CHAT, json!({"id": chat})).await["chat"].clone();
    assert_eq!(
        (&now["status"], &now["customer"], &now["channel"]),
        (&json!("CLOSED"), &Value::Null, &Value::Null)
    );

    // By whatever name, and seen as whatever is seen.
    let node = "query($id: ID!, $asOf: String) { node(id: $id, asOf: $asOf) { ... on Customer { name } } \
                nodes(ids: [$id], asOf: $asOf) { id } customer(id: $id, asOf: $asOf) { name } \
                shop: channel(id: \"shop\", asOf: $asOf) { name } store: channel(id: \"store\", asOf: $asOf) { name } }";
    let told = then(api, node, &customer, at).await;
    assert_eq!((&told["node"]["name"], &told["customer"]["name"]), (&json!("Ana"), &json!("Ana")));
    assert_eq!((&told["nodes"][0]["id"], &told["shop"]["name"]), (&customer, &json!("shop")));
    assert_eq!(told["store"], Value::Null);
    let seen = format!("/v1/audit/reads?resource_id={}", text(&customer));
    api.until(&seen, |page| {
        page["data"].as_array().unwrap().iter().any(|read| read["resource"] == "customers")
    })
    .await;
    let before = then(api, CHAT, chat, 1).await;
    assert_eq!(before["chat"], Value::Null);
}

/// Without what says when it is told, and without the time of messages' receipts.
fn undated(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let told = fields.iter().filter(|(name, _)| *name != "asOf");
            told.map(|(name, value)| (name.clone(), undated(value))).collect()
        }
        Value::Array(values) => values.iter().map(undated).collect(),
        value => value.clone(),
    }
}

#[tokio::test]
async fn lists_of_the_past_are_those_of_rest_page_by_page_either_way() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    for n in 0..5 {
        api.send("shop", &format!("551198888000{n}"), "hello").await.expect(201);
    }
    let at = head(api).await;
    for n in 0..5 {
        api.send("shop", &format!("551198888000{n}"), "again").await.expect(201);
    }
    let newest = api.get("/v1/customers?per_page=1").await.expect(200)["data"][0]["id"].clone();
    api.delete(&format!("/v1/customers/{}", text(&newest))).await.expect(200);
    api.delete("/v1/channels/shop").await.expect(200);
    for (field, filter, rest) in [
        ("customers", "", "customers?"),
        ("customers", "sort: UPDATED_AT_ASC,", "customers?sort=updated_at&"),
        ("chats", "filter: {status: OPEN, channelId: \"shop\"},", "chats?status=open&channel_id=shop&"),
        ("messages", "filter: {direction: OUTBOUND},", "messages?direction=outbound&"),
        ("channels", "", "channels?"),
    ] {
        let listed = api.get(&format!("/v1/{rest}as_of={at}")).await.expect(200);
        let wanted: Vec<&str> =
            listed["data"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
        let query = |paging: &str| {
            format!(
                "query($cursor: String) {{ {field}({filter} {paging}, asOf: \"{at}\") {{ nodes {{ id asOf {{ position }} }} totalCount \
                 asOf {{ position erased }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
            )
        };
        let walked = async |paging: &str, more: &str, cursor: &str| {
            let (mut pages, mut at_cursor): (Vec<Vec<String>>, _) = (vec![], Value::Null);
            loop {
                let page = api.asked_with(&query(paging), json!({"cursor": at_cursor})).await[field].clone();
                assert_eq!(page["totalCount"], listed["meta"]["total"], "{field} {filter}");
                assert_eq!(page["asOf"], json!({"position": at, "erased": false}));
                let nodes = page["nodes"].as_array().unwrap();
                assert!(nodes.iter().all(|node| node["asOf"]["position"] == at), "{page}");
                pages.push(nodes.iter().map(|node| text(&node["id"]).to_owned()).collect());
                if page["pageInfo"][more] == false {
                    return pages;
                }
                at_cursor = page["pageInfo"][cursor].clone();
            }
        };
        let forwards = walked("first: 2, after: $cursor", "hasNextPage", "endCursor").await.concat();
        assert_eq!(forwards, wanted, "{field} {filter}");
        if field != "channels" {
            let mut pages = walked("last: 2, before: $cursor", "hasPreviousPage", "startCursor").await;
            pages.reverse();
            assert_eq!(pages.concat(), wanted, "{field} {filter}, from the end");
        }
    }
}

#[tokio::test]
async fn what_was_erased_is_erased_in_the_past_and_said() {
    let server = Server::start().await;
    let api = &server.api;
    let made = api.post("/v1/customers", json!({"name": "Ana Hush", "phone": "5511988887777"})).await;
    let id = made.expect(201)["data"]["id"].clone();
    let at = head(api).await;
    let query = "query($id: ID!, $asOf: String) { customer(id: $id, asOf: $asOf) { name asOf { erased } } \
                 customers(asOf: $asOf) { nodes { id phone } asOf { erased } } }";
    assert_eq!(
        then(api, query, &id, at).await["customer"],
        json!({"name": "Ana Hush", "asOf": {"erased": false}})
    );
    let erased =
        api.post(&format!("/v1/customers/{}/erase", text(&id)), json!({"reason": "on_request"})).await;
    assert!(erased.status.is_success(), "{}", erased.text);
    let told = then(api, query, &id, at).await;
    assert_eq!(told["customer"], json!({"name": null, "asOf": {"erased": true}}));
    assert_eq!(told["customers"], json!({"nodes": [{"id": id, "phone": null}], "asOf": {"erased": true}}));
}

#[tokio::test]
async fn no_other_workspace_and_no_other_scope_is_shown_the_past() {
    let server = Server::start().await;
    server.open_channel("shop").await;
    let sent = server.api.send("shop", "5511999999999", "hush").await.expect(201)["data"].clone();
    let at = head(&server.api).await;
    let now = server.api.get("/v1/customers").await.expect(200)["data"][0]["updated_at"].clone();
    let stranger = server.another("second", &[Scope::All], None).await;
    let query = "query($id: ID!, $asOf: String) { chat(id: $id, asOf: $asOf) { id } node(id: $id, asOf: $asOf) { id } \
                 channel(id: \"shop\", asOf: $asOf) { id } channels(asOf: $asOf) { totalCount } \
                 chats(asOf: $asOf) { totalCount } messages(asOf: $asOf) { totalCount } customers(asOf: $asOf) { totalCount } }";
    let told = then(&stranger, query, &sent["chat_id"], text(&now)).await;
    for (field, value) in told.as_object().unwrap() {
        assert!(value.is_null() || value["totalCount"] == 0, "{field}: {value}");
    }
    let reader = server.another("default", &[Scope::ChatsRead], None).await;
    let query = "query($id: ID!, $asOf: String) { chat(id: $id, asOf: $asOf) { id customer { id } messages { totalCount } } }";
    let answer = reader.ask(query, json!({"id": sent["chat_id"], "asOf": at.to_string()})).await;
    assert_eq!(answer.codes(), ["FORBIDDEN", "FORBIDDEN"]);
    assert_eq!(answer.body["data"]["chat"]["id"], sent["chat_id"]);
}

#[tokio::test]
async fn a_moment_that_there_is_not_is_refused_by_its_argument() {
    let server = Server::start().await;
    for as_of in ["yesterday", "-1", "1000000", "2999-01-01T00:00:00Z", ""] {
        for query in
            ["{ customers(asOf: \"AT\") { totalCount } }", "{ node(id: \"cus_1\", asOf: \"AT\") { id } }"]
        {
            let answer = server.api.ask(&query.replace("AT", as_of), json!({})).await;
            assert_eq!(answer.codes(), ["VALIDATION_ERROR"], "{as_of}: {}", answer.text);
            assert_eq!(
                answer.body["errors"][0]["extensions"]["details"][0]["field"], "asOf",
                "{}",
                answer.text
            );
        }
    }
    let key = server.api.get("/v1/keys").await.expect(200)["data"][0]["id"].clone();
    let query = format!("{{ node(id: {key}, asOf: \"0\") {{ id }} }}");
    let answer = server.api.ask(&query, json!({})).await;
    assert_eq!(answer.body["errors"][0]["extensions"]["details"][0]["field"], "asOf", "{}", answer.text);
}

#[tokio::test]
async fn whatever_has_a_past_in_rest_has_one_here() {
    let server = Server::start().await;
    let document = interflow::openapi::document();
    let has = |operation: &Value| {
        let parameters = operation["get"]["parameters"].as_array().cloned().unwrap_or_default();
        parameters.iter().any(|one| {
            let one =
                one["$ref"].as_str().map_or(one, |reference| document.pointer(&reference[1..]).unwrap());
            one["name"] == "as_of"
        })
    };
    let paths = document["paths"].as_object().unwrap().iter();
    let there: BTreeSet<&str> =
        paths.filter(|(_, operation)| has(operation)).map(|(path, _)| path.as_str()).collect();
    let types = types(&server.api).await;
    let query = types.iter().find(|kind| kind["name"] == "Query").unwrap();
    let dated =
        query["fields"].as_array().unwrap().iter().filter(|field| {
            field["args"].as_array().unwrap().iter().any(|argument| argument["name"] == "asOf")
        });
    let mut here: BTreeSet<String> = dated
        .map(|field| match text(&field["name"]) {
            list if list.ends_with('s') => format!("/v1/{list}"),
            one => format!("/v1/{one}s/{{{one}}}"),
        })
        .collect();
    assert!(here.remove("/v1/nodes") && here.remove("/v1/nodes/{node}"));
    // As what it belongs to is told.
    here.insert("/v1/chats/{chat}/messages".to_owned());
    assert_eq!(here.iter().map(String::as_str).collect::<BTreeSet<_>>(), there);
}
