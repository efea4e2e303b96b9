//! Lists: filters and orders are those of REST, and cursors hold while others write.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::api::Api;

async fn customer(api: &Api, name: &str) {
    let draft = json!({"name": name, "email": format!("{name}@example.com"), "tags": ["vip"]});
    api.post("/v1/customers", draft).await.expect(201);
}

fn names(connection: &Value) -> Vec<String> {
    let nodes = connection["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

const PAGE: &str = "query($first: Int, $after: String, $last: Int, $before: String, $sort: CustomerSort, \
        $filter: CustomerFilter) { \
    customers(first: $first, after: $after, last: $last, before: $before, sort: $sort, filter: $filter) { \
        totalCount nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn page(api: &Api, variables: Value) -> Value {
    api.asked_with(PAGE, variables).await["customers"].clone()
}

#[tokio::test]
async fn a_list_is_walked_forwards_and_backwards_without_a_gap_while_others_write() {
    let server = Server::start().await;
    let api = &server.api;
    for number in 0..9 {
        customer(api, &format!("c{number}")).await;
    }
    let (mut seen, mut after) = (vec![], Value::Null);
    loop {
        let part = page(api, json!({"first": 4, "after": after})).await;
        assert_eq!(part["pageInfo"]["hasPreviousPage"], !after.is_null());
        seen.extend(names(&part));
        after = part["pageInfo"]["endCursor"].clone();
        if part["pageInfo"]["hasNextPage"] == false {
            break;
        }
        customer(api, &format!("late{}", seen.len())).await;
    }
    assert_eq!(seen, ["c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"]);

    let (mut seen, mut before) = (vec![], Value::Null);
    loop {
        let part = page(api, json!({"last": 4, "before": before})).await;
        assert_eq!(part["pageInfo"]["hasNextPage"], !before.is_null());
        seen.splice(0..0, names(&part));
        before = part["pageInfo"]["startCursor"].clone();
        if part["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(seen, ["late8", "late4", "c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"]);

    let part =
        page(api, json!({"first": 2, "sort": "NAME_ASC", "filter": {"tag": ["vip"], "q": "late"}})).await;
    assert_eq!(
        (names(&part), &part["totalCount"]),
        (vec!["late4".to_owned(), "late8".to_owned()], &json!(2))
    );
}

#[tokio::test]
async fn a_cursor_of_rest_goes_on_here_and_one_from_here_goes_on_there() {
    let server = Server::start().await;
    let api = &server.api;
    for number in 0..5 {
        customer(api, &format!("c{number}")).await;
    }
    let listed = api.get("/v1/customers?per_page=2&tag=vip&sort=created_at").await.expect(200);
    let from_rest = &listed["meta"]["next_cursor"];
    let here = json!({"first": 2, "after": from_rest, "sort": "CREATED_AT_ASC", "filter": {"tag": ["vip"]}});
    let part = page(api, here).await;
    assert_eq!(names(&part), ["c2", "c3"]);
    let cursor = part["pageInfo"]["endCursor"].as_str().unwrap();
    let there = api.get(&format!("/v1/customers?cursor={cursor}&tag=vip&sort=created_at")).await.expect(200);
    assert_eq!(there["data"][0]["name"], "c4");
    // Those of channels, which have one order, too.
    for name in ["one", "two", "three"] {
        api.post("/v1/channels", json!({"name": name})).await.expect(201);
    }
    let query = "query($after: String) { channels(first: 2, after: $after) { totalCount nodes { name } edges { cursor } \
        pageInfo { hasNextPage hasPreviousPage endCursor } } }";
    let part = api.asked(query).await["channels"].clone();
    assert_eq!((names(&part), &part["totalCount"]), (vec!["three".to_owned(), "two".to_owned()], &json!(3)));
    let cursor = &part["pageInfo"]["endCursor"];
    let rest = api.get("/v1/channels?per_page=2").await.expect(200);
    assert_eq!(cursor, &rest["meta"]["next_cursor"]);
    let part = api.asked_with(query, json!({"after": cursor})).await["channels"].clone();
    assert_eq!(names(&part), ["one"]);
    assert_eq!(
        (&part["pageInfo"]["hasNextPage"], &part["pageInfo"]["hasPreviousPage"]),
        (&json!(false), &json!(true))
    );
}

#[tokio::test]
async fn what_belongs_to_something_is_walked_like_the_list_of_it_in_rest() {
    let server = Server::start().await;
    let api = &server.api;
    server.open_channel("shop").await;
    let mut chat = Value::Null;
    for text in ["1", "2", "3", "4", "5"] {
        chat = api.send("shop", "5511999999999", text).await.expect(201)["data"]["chat_id"].clone();
    }
    let id = chat.as_str().unwrap();
    let query = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { chat(id: $id) { \
        messages(first: $first, after: $after, last: $last, before: $before) { \
            nodes { content { ... on TextContent { text } } } \
            pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } } }";
    let part = async |paging: Value| {
        let mut variables = json!({"id": id});
        variables.as_object_mut().unwrap().extend(paging.as_object().unwrap().clone());
        let told = api.asked_with(query, variables).await["chat"]["messages"].clone();
        let nodes = told["nodes"].as_array().unwrap().iter();
        let texts: String = nodes.map(|node| node["content"]["text"].as_str().unwrap()).collect();
        (texts, told["pageInfo"].clone())
    };
    let (texts, info) = part(json!({"first": 2})).await;
    assert_eq!(
        (texts.as_str(), &info["hasNextPage"], &info["hasPreviousPage"]),
        ("54", &json!(true), &json!(false))
    );
    api.send("shop", "5511999999999", "6").await.expect(201);
    let (texts, info) = part(json!({"first": 2, "after": info["endCursor"]})).await;
    assert_eq!(
        (texts.as_str(), &info["hasNextPage"], &info["hasPreviousPage"]),
        ("32", &json!(true), &json!(true))
    );
    let path = format!("/v1/chats/{id}/messages?cursor={}", info["endCursor"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["data"][0]["content"]["text"], "1");
    let rest = api.get(&format!("/v1/chats/{id}/messages?per_page=3")).await.expect(200);
    assert_eq!(part(json!({"after": rest["meta"]["next_cursor"]})).await.0, "321");
    let (texts, info) = part(json!({"last": 2})).await;
    assert_eq!((texts.as_str(), &info["hasPreviousPage"]), ("21", &json!(true)));
    let (texts, info) = part(json!({"last": 9, "before": info["startCursor"]})).await;
    assert_eq!(
        (texts.as_str(), &info["hasPreviousPage"], &info["hasNextPage"]),
        ("6543", &json!(false), &json!(true))
    );
}

#[tokio::test]
async fn every_filter_of_rest_is_one_here() {
    let filters: [(&str, &str, &[&str]); 3] = [
        ("/v1/customers", "CustomerFilter", &[]),
        ("/v1/chats", "ChatFilter", &[]),
        ("/v1/messages", "MessageFilter", &[]),
    ];
    let server = Server::start().await;
    let document = interflow::openapi::document();
    for (path, input, _) in filters {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let resolved = parameters.iter().map(|one| {
            one["$ref"].as_str().map_or(one, |reference| document.pointer(&reference[1..]).unwrap())
        });
        // Arguments of their own.
        let paging = ["page", "per_page", "cursor", "sort", "as_of"];
        let there: BTreeSet<String> = resolved
            .filter(|one| one["in"] == "query")
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .filter(|name| !paging.contains(&name.as_str()))
            .collect();
        let query = "query($name: String!) { __type(name: $name) { inputFields { name } } }";
        let here = server.api.asked_with(query, json!({"name": input})).await;
        let here: BTreeSet<String> = here["__type"]["inputFields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| snake(field["name"].as_str().unwrap()))
            .collect();
        assert_eq!(here, there, "{path}");
    }
}

fn snake(name: &str) -> String {
    let spelled =
        |c: char| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(spelled).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_page_is_named_as_it_is_spelled_here() {
    let server = Server::start().await;
    let api = &server.api;
    customer(api, "c1").await;
    let cursor = page(api, json!({"first": 1})).await["pageInfo"]["endCursor"].clone();
    for (variables, wanted) in [
        (json!({"first": 0}), vec!["first"]),
        (json!({"first": 101}), vec!["first"]),
        (json!({"last": -1}), vec!["last"]),
        (json!({"first": 1, "last": 1}), vec!["last"]),
        (json!({"after": cursor, "before": cursor}), vec!["before"]),
        (json!({"after": "nonsense"}), vec!["after"]),
        (json!({"before": "c1"}), vec!["before"]),
        (json!({"after": cursor, "sort": "NAME_ASC"}), vec!["after"]),
        (json!({"after": cursor, "filter": {"tag": ["vip"]}}), vec!["after"]),
        (
            json!({"filter": {"phone": "x", "externalId": "", "createdAfter": "2026-01-02T00:00:00Z",
            "createdBefore": "2026-01-01T00:00:00Z"}}),
            vec!["phone", "externalId", "createdBefore"],
        ),
    ] {
        let answer = api.ask(PAGE, variables.clone()).await;
        assert_eq!(answer.codes(), ["VALIDATION_ERROR"], "{variables}");
        let details = answer.body["errors"][0]["extensions"]["details"].as_array().unwrap();
        let named: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap()).collect();
        assert_eq!(named, wanted, "{variables}: {}", answer.text);
        assert_eq!(answer.body["errors"][0]["path"], json!(["customers"]));
        assert_eq!(answer.body["data"], json!({"customers": null}));
    }
}
