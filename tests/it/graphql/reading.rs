//! What is asked is answered as REST answers it, and nested.

use serde_json::json;

use super::ids;
use crate::rest::server::Server;

#[tokio::test]
async fn a_chat_is_told_with_its_channel_customer_and_messages_in_one_request() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = server.open_channel("shop").await;
    let first = api.send("shop", "5511999999999", "One").await.expect(201);
    api.send("shop", "5511999999999", "Two").await.expect(201);
    let [customer, chat, message] = ids(&first);
    let query = "query Chat($id: ID!) { chat(id: $id) { id status unreadCount channelId customerId version \
        channel { id name status phone } customer { id name phone identities { kind value } \
            chats { totalCount nodes { id } } } \
        lastMessage { preview type direction message { id content { ... on TextContent { text } } } } \
        messages(first: 5) { totalCount totalCountIsEstimate pageInfo { hasNextPage hasPreviousPage startCursor endCursor } \
            edges { cursor node { id to from status type sentAt createdAt content { __typename ... on TextContent { text } } \
                chat { id } channel { name } customer { phone } replyTo { id } } } } } }";
    let told = api.asked_with(query, json!({"id": chat})).await["chat"].clone();
    assert_eq!((&told["id"], &told["status"]), (&json!(chat), &json!("OPEN")));
    assert_eq!((&told["channelId"], &told["customerId"]), (&json!(channel), &json!(customer)));
    assert_eq!((&told["channel"]["name"], &told["channel"]["status"]), (&json!("shop"), &json!("OPEN")));
    assert_eq!(told["customer"]["phone"], "5511999999999");
    assert_eq!(told["customer"]["identities"], json!([{"kind": "phone", "value": "5511999999999"}]));
    assert_eq!(told["customer"]["chats"], json!({"totalCount": 1, "nodes": [{"id": chat}]}));
    assert_eq!(told["lastMessage"]["message"]["content"]["text"], "Two");
    let messages = &told["messages"];
    assert_eq!((&messages["totalCount"], &messages["totalCountIsEstimate"]), (&json!(2), &json!(false)));
    let edges = messages["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 2);
    assert_eq!(messages["pageInfo"]["startCursor"], edges[0]["cursor"]);
    assert_eq!(messages["pageInfo"]["endCursor"], edges[1]["cursor"]);
    let oldest = &edges[1]["node"];
    assert_eq!((&oldest["id"], &oldest["content"]["text"]), (&json!(message), &json!("One")));
    assert_eq!((&oldest["to"], &oldest["from"]), (&json!("5511999999999"), &json!(null)));
    assert_eq!((&oldest["status"], &oldest["type"]), (&json!("SENT"), &json!("TEXT")));
    assert_eq!((&oldest["chat"]["id"], &oldest["channel"]["name"]), (&json!(chat), &json!("shop")));
    // Values are those of REST, spelled in camel case.
    let rest = api.get(&format!("/v1/messages/{message}")).await.expect(200)["data"].clone();
    assert_eq!((&oldest["createdAt"], &oldest["sentAt"]), (&rest["created_at"], &rest["sent_at"]));
}

#[tokio::test]
async fn whatever_has_an_id_is_a_node_and_what_there_is_not_is_null() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = server.open_channel("shop").await;
    let sent = api.send("shop", "5511999999999", "Hi").await.expect(201);
    let [customer, chat, message] = ids(&sent);
    let kinds = [(channel.as_str(), "Channel"), (customer, "Customer"), (chat, "Chat"), (message, "Message")];
    for (id, kind) in kinds {
        let told =
            api.asked_with("query($id: ID!) { node(id: $id) { __typename id } }", json!({"id": id})).await;
        assert_eq!(told["node"], json!({"__typename": kind, "id": id}));
    }
    let many = json!({"ids": [message, "msg_00000000000000000000000000", "nonsense", channel]});
    let told = api.asked_with("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", many).await;
    assert_eq!(told["nodes"], json!([{"id": message}, null, null, {"id": channel}]));
    let told = api
        .asked("{ customer(id: \"x\") { id } chat(id: \"cht_00000000000000000000000000\") { id } message(id: \"\") { id } \
            named: channel(id: \"shop\") { id } gone: channel(id: \"none\") { id } }")
        .await;
    let wanted =
        json!({"customer": null, "chat": null, "message": null, "named": {"id": channel}, "gone": null});
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn every_key_sees_its_own_workspace_and_its_limits() {
    let server = Server::start().await;
    let query = "{ workspace { id slug plan status requestsPerMinute } }";
    let told = server.api.asked(query).await["workspace"].clone();
    assert_eq!((&told["slug"], &told["plan"]), (&json!("default"), &json!("UNLIMITED")));
    let other = server.another("second", &[interflow_domain::workspace::Scope::JobsRead], None).await;
    assert_eq!(other.asked(query).await["workspace"]["slug"], "second");
}
