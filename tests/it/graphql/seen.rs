//! What is seen through GraphQL is noted as what is seen through REST.

use std::collections::BTreeSet;

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::walk::GATED;
use crate::rest::Belongings;
use crate::rest::server::Server;
use crate::support::api::Api;
use crate::support::socket::Socket;

/// A resource, and which of it; nothing for entries of a list.
type Seen = BTreeSet<(String, Option<String>)>;

/// What a query for a field shows: where it begins, and what is beside or below that.
fn shown(field: &str, query: &str) -> Vec<(&'static str, Option<&'static str>)> {
    let root = match query.split(['(', ' ']).nth(1) {
        Some("channel") => ("channels", Some("{channel}")),
        Some("customer") => ("customers", Some("{customer}")),
        Some("chat") => ("chats", Some("{chat}")),
        Some("message") => ("messages", Some("{message}")),
        Some("job") => ("jobs", Some("{job}")),
        Some("webhook") => ("webhooks", Some("{webhook}")),
        Some("key") => ("keys", Some("{key}")),
        Some("channels") => ("channels", None),
        Some("customers") => ("customers", None),
        Some("chats") => ("chats", None),
        Some("messages") => ("messages", None),
        Some("jobs") => ("jobs", None),
        Some("webhooks") => ("webhooks", None),
        Some("events") => ("events", None),
        Some("keys") => ("keys", None),
        // It is the same for everybody.
        Some("eventTypes") => return vec![],
        other => panic!("{query} begins with {other:?}"),
    };
    let below: &[_] = match field {
        // The query asks for it.
        "Query.channel" => &[("channels.timeline", Some("{channel}"))],
        "Channel.chats" => &[("channels.chats", Some("{channel}"))],
        "Customer.chats" => &[("customers.chats", Some("{customer}"))],
        "Chat.messages" => &[("chats.messages", Some("{chat}"))],
        "Job.messages" => &[("jobs.messages", Some("{job}"))],
        // The query asks for what is sent, too.
        "Webhook.deliveries" => {
            &[("webhooks.deliveries", Some("{webhook}")), ("webhooks.deliveries", Some("{delivery}"))]
        }
        "Webhook.delivery" => &[("webhooks.deliveries", Some("{delivery}"))],
        "Delivery.webhook" => &[("webhooks.deliveries", Some("{webhook}")), ("webhooks", None)],
        "Chat.channel" | "Message.channel" | "Job.channel" => &[("channels", None)],
        "Chat.customer" | "Message.customer" => &[("customers", None)],
        "Message.chat" => &[("chats", None)],
        "LastMessage.message" => &[("messages", None)],
        // Nothing is answered there.
        "Message.replyTo" | "Message.job" | "Webhook.channels" => &[],
        root => {
            assert!(root.starts_with("Query."), "{root} shows something that is not known here");
            &[]
        }
    };
    [&[root], below].concat()
}

/// A key of its own, so that what it sees is told apart.
async fn reader(server: &Server, scopes: &[Scope]) -> (Api, String) {
    let api = server.another("default", scopes, None).await;
    let newest = server.api.get("/v1/keys?per_page=1").await.expect(200)["data"][0]["id"].clone();
    (api, newest.as_str().unwrap().to_owned())
}

fn seen(page: &Value) -> Seen {
    let entry = |read: &Value| {
        (read["resource"].as_str().unwrap().to_owned(), read["resource_id"].as_str().map(str::to_owned))
    };
    page["data"].as_array().unwrap().iter().map(entry).collect()
}

async fn until_seen(server: &Server, key: &str, wanted: &Seen) -> Value {
    server.api.until(&format!("/v1/audit/reads?per_page=100&actor={key}"), |page| seen(page) == *wanted).await
}

#[tokio::test]
async fn every_field_that_shows_something_is_audited() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let mut asked = vec![];
    for (field, _, query) in GATED {
        let (api, key) = reader(&server, &[Scope::All]).await;
        api.asked(&mine.path(query)).await;
        let wanted: Seen = shown(field, query)
            .into_iter()
            .map(|(resource, id)| (resource.to_owned(), id.map(|id| mine.path(id))))
            .collect();
        asked.push((key, wanted));
    }
    for (key, wanted) in asked {
        until_seen(&server, &key, &wanted).await;
    }
}

#[tokio::test]
async fn nodes_and_the_workspace_are_audited_and_what_is_refused_is_not() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let (api, key) = reader(&server, &[Scope::CustomersRead, Scope::ChatsRead]).await;
    let (customer, chat) = (mine.path("{customer}"), mine.path("{chat}"));
    api.asked(&format!("{{ workspace {{ id }} node(id: \"{customer}\") {{ id }} }}")).await;
    api.asked(&format!("{{ nodes(ids: [\"{customer}\", \"{chat}\"]) {{ id }} }}")).await;
    // There is no such customer, and the key may not see messages.
    api.asked("{ customer(id: \"cus_01h455vb4pex5vsknk084sn02q\") { id } }").await;
    api.ask("{ messages { nodes { id } } }", json!({})).await;
    api.ask(&format!("{{ chat(id: \"{chat}\") {{ messages {{ nodes {{ id }} }} }} }}"), json!({})).await;
    let wanted = [("workspace", None), ("customers", Some(customer)), ("chats", Some(chat))];
    let wanted = wanted.into_iter().map(|(resource, id)| (resource.to_owned(), id)).collect();
    until_seen(&server, &key, &wanted).await;
}

#[tokio::test]
async fn entries_of_a_list_and_what_stands_beside_them_are_counted() {
    let server = Server::start().await;
    Belongings::of(&server).await;
    let (api, key) = reader(&server, &[Scope::All]).await;
    let chats = api.asked("{ chats { nodes { customer { id } } } }").await;
    let many = chats["chats"]["nodes"].as_array().unwrap().len();
    assert!(many > 0);
    let wanted = ["chats", "customers"].map(|resource| (resource.to_owned(), None)).into();
    let page = until_seen(&server, &key, &wanted).await;
    for read in page["data"].as_array().unwrap() {
        assert_eq!(read["items"], many, "{read}");
        assert_eq!(read["client_addresses"], json!(["127.0.0.1"]));
    }
}

#[tokio::test]
async fn what_is_told_and_asked_over_a_socket_is_audited_too() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let (api, key) = reader(&server, &[Scope::All]).await;
    let mut socket = Socket::open(&api).await;
    let told = "subscription { events(since: 0, types: [\"message.queued\"]) { message { id } chat { id } customer { id } channel { id } } }";
    socket.ask_for("1", told, json!({})).await;
    assert!(socket.next("1").await["events"]["message"].is_object());
    let lists = ["events.stream", "messages", "chats", "customers", "channels"];
    let mut wanted: Seen = lists.map(|resource| (resource.to_owned(), None)).into();
    let page = until_seen(&server, &key, &wanted).await;
    assert_eq!(page["data"][0]["client_addresses"], json!(["127.0.0.1"]));
    let mut socket = Socket::open(&api).await;
    let customer = mine.path("{customer}");
    socket.ask_for("2", &format!("{{ customer(id: \"{customer}\") {{ id }} }}"), json!({})).await;
    socket.next("2").await;
    wanted.insert(("customers".to_owned(), Some(customer)));
    until_seen(&server, &key, &wanted).await;
}
