//! Every field there is, walked by those who may not.

use std::collections::{BTreeMap, BTreeSet};

use interflow::auth::scope_name;
use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::schema::types;
use crate::rest::server::{ACCOUNT, Server};
use crate::rest::{Belongings, EVERY_SCOPE};
use crate::support::api::{Answer, Api};

/// Every field that asks for a scope, and a query for it in which `{…}` stands for what the first workspace has.
pub(super) const GATED: [(&str, Scope, &str); 19] = [
    ("Query.channels", Scope::ChannelsRead, "{ channels { nodes { id name } } }"),
    (
        "Query.channel",
        Scope::ChannelsRead,
        r#"{ channel(id: "{channel}") { id } named: channel(id: "shop") { id } }"#,
    ),
    ("Query.customers", Scope::CustomersRead, "{ customers { nodes { id phone } } }"),
    ("Query.customer", Scope::CustomersRead, r#"{ customer(id: "{customer}") { id } }"#),
    ("Query.chats", Scope::ChatsRead, r#"{ chats(filter: {channelId: "{channel}"}) { nodes { id } } }"#),
    ("Query.chat", Scope::ChatsRead, r#"{ chat(id: "{chat}") { id } }"#),
    ("Query.messages", Scope::MessagesRead, r#"{ messages(filter: {chatId: "{chat}"}) { nodes { id } } }"#),
    ("Query.message", Scope::MessagesRead, r#"{ message(id: "{message}") { id } }"#),
    ("Channel.chats", Scope::ChatsRead, r#"{ channel(id: "{channel}") { chats { nodes { id } } } }"#),
    ("Customer.chats", Scope::ChatsRead, r#"{ customer(id: "{customer}") { chats { nodes { id } } } }"#),
    ("Chat.channel", Scope::ChannelsRead, r#"{ chat(id: "{chat}") { channel { id } } }"#),
    ("Chat.customer", Scope::CustomersRead, r#"{ chat(id: "{chat}") { customer { id } } }"#),
    ("Chat.messages", Scope::MessagesRead, r#"{ chat(id: "{chat}") { messages { nodes { id } } } }"#),
    (
        "LastMessage.message",
        Scope::MessagesRead,
        r#"{ chat(id: "{chat}") { lastMessage { message { id } } } }"#,
    ),
    ("Message.chat", Scope::ChatsRead, r#"{ message(id: "{message}") { chat { id } } }"#),
    ("Message.channel", Scope::ChannelsRead, r#"{ message(id: "{message}") { channel { id } } }"#),
    ("Message.customer", Scope::CustomersRead, r#"{ message(id: "{message}") { customer { id } } }"#),
    ("Message.replyTo", Scope::MessagesRead, r#"{ message(id: "{message}") { replyTo { id } } }"#),
    ("Message.replyTo", Scope::MessagesRead, r#"{ messages { nodes { replyTo { id } } } }"#),
];

/// These ask for the scope of what they find.
const NODES: [&str; 2] = ["Query.node", "Query.nodes"];
/// These are every key's.
const ANY_KEY: [&str; 1] = ["Query.workspace"];

/// What is told over sockets, and asks for scopes: walked by those who may not in `crate::live::graphql::access`.
pub const LIVE: [(&str, &[Scope]); 13] = [
    ("Subscription.events", &[Scope::EventsRead]),
    ("Subscription.messages", &[Scope::MessagesRead]),
    ("Subscription.chats", &[Scope::ChatsRead, Scope::MessagesRead]),
    ("Subscription.channels", &[Scope::ChannelsRead]),
    ("Subscription.signals", &[Scope::EventsRead]),
    ("Event.message", &[Scope::MessagesRead]),
    ("Event.chat", &[Scope::ChatsRead]),
    ("Event.customer", &[Scope::CustomersRead]),
    ("Event.channel", &[Scope::ChannelsRead]),
    ("ChannelUpdate.channel", &[Scope::ChannelsRead]),
    ("Signal.chat", &[Scope::ChatsRead]),
    ("Signal.customer", &[Scope::CustomersRead]),
    ("Signal.channel", &[Scope::ChannelsRead]),
];

/// The name of a type behind its lists and its non-nulls.
fn named(kind: &Value) -> &str {
    if kind["ofType"].is_null() { kind["name"].as_str().unwrap() } else { named(&kind["ofType"]) }
}

#[tokio::test]
async fn every_field_that_leads_to_something_with_an_id_is_walked_and_says_its_scope() {
    let server = Server::start().await;
    let types = types(&server.api).await;
    let node = types.iter().find(|kind| kind["name"] == "Node").unwrap();
    let nodes: BTreeSet<&str> =
        node["possibleTypes"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    let gated: BTreeMap<&str, Scope> = GATED.iter().map(|(field, scope, _)| (*field, *scope)).collect();
    let (mut seen, mut live) = (BTreeSet::new(), BTreeSet::new());
    for kind in types.iter().filter(|kind| kind["kind"] == "OBJECT") {
        let parent = kind["name"].as_str().unwrap();
        for field in kind["fields"].as_array().unwrap() {
            let path = format!("{parent}.{}", field["name"].as_str().unwrap());
            let description = field["description"].as_str().unwrap();
            if let Some((_, scopes)) = LIVE.iter().find(|(live, _)| *live == path) {
                let says: Vec<_> = scopes.iter().map(|scope| format!("`{}`", scope_name(*scope))).collect();
                let says = format!("Needs {}.", says.join(" and "));
                assert!(description.contains(&says), "{path} does not say: {says}");
                live.insert(path);
                continue;
            }
            if let Some(scope) = gated.get(path.as_str()) {
                let says = format!("Needs `{}`.", scope_name(*scope));
                assert!(description.contains(&says), "{path} does not say: {says}");
                seen.insert(path);
                continue;
            }
            assert!(!description.contains("Needs `"), "{path} asks for a scope, and is not walked");
            let leads_to = named(&field["type"]);
            let leads = nodes.contains(leads_to) || leads_to == "Node" || leads_to.ends_with("Connection");
            // What a list holds was let through with the list.
            let holds = ["Connection", "Edge", "Payload"].iter().any(|end| parent.ends_with(end));
            let is_root = ["Query", "Mutation", "Subscription"].contains(&parent);
            let is_known = NODES.contains(&path.as_str()) || ANY_KEY.contains(&path.as_str());
            assert!(
                is_known || holds || !(leads || is_root),
                "{path} leads to {leads_to}, and is not walked"
            );
        }
    }
    assert_eq!(live, LIVE.iter().map(|(field, _)| (*field).to_owned()).collect(), "what is told is there");
    assert_eq!(seen, gated.keys().map(|field| (*field).to_owned()).collect(), "what is walked is there");
}

/// What is refused for want of a scope.
fn forbidden(answer: &Answer) -> Vec<String> {
    let errors = answer.body["errors"].as_array().into_iter().flatten();
    let forbidden = errors.filter(|error| error["extensions"]["code"] == "FORBIDDEN");
    forbidden.map(|error| error["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_field_asks_for_its_scope() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let every: Vec<Api> = {
        let mut keys = vec![];
        for scope in EVERY_SCOPE {
            let others: Vec<Scope> = EVERY_SCOPE.into_iter().filter(|other| *other != scope).collect();
            keys.push(server.another("default", &others, None).await);
        }
        keys
    };
    let all = server.another("default", &EVERY_SCOPE, None).await;
    for (field, scope, query) in GATED {
        let query = mine.path(query);
        let without = &every[EVERY_SCOPE.iter().position(|other| *other == scope).unwrap()];
        let refused = forbidden(&without.ask(&query, json!({})).await);
        let lacks = format!("'{}'", scope_name(scope));
        assert!(
            !refused.is_empty() && refused.iter().all(|why| why.contains(&lacks)),
            "{field}: {refused:?}"
        );
        let answer = all.ask(&query, json!({})).await;
        assert!(answer.body.get("errors").is_none(), "{field}: {}", answer.text);
    }
    let kinds = [
        ("{customer}", Scope::CustomersRead),
        ("{chat}", Scope::ChatsRead),
        ("{message}", Scope::MessagesRead),
        ("{channel}", Scope::ChannelsRead),
    ];
    for (id, scope) in kinds {
        let id = mine.path(id);
        let without = &every[EVERY_SCOPE.iter().position(|other| *other == scope).unwrap()];
        for query in ["{ node(id: \"ID\") { id } }", "{ nodes(ids: [\"ID\"]) { id } }"] {
            let query = query.replace("ID", &id);
            assert_eq!(forbidden(&without.ask(&query, json!({})).await).len(), 1, "{query}");
            assert!(all.ask(&query, json!({})).await.text.contains(&id), "{query}");
        }
    }
}

#[tokio::test]
async fn a_second_workspace_sees_nothing_of_the_first_in_any_field() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    let secrets =
        ["{customer}", "{chat}", "{message}", "{channel}", "{job}", "{webhook}", "{delivery}", "{key}"];
    let secrets: Vec<String> = secrets.iter().map(|secret| mine.path(secret)).collect();
    let mut queries: Vec<String> = GATED.iter().map(|(_, _, query)| mine.path(query)).collect();
    for secret in &secrets {
        queries.push(format!("{{ node(id: \"{secret}\") {{ id __typename }} }}"));
        queries.push(format!("{{ nodes(ids: [\"{secret}\"]) {{ id __typename }} }}"));
    }
    for query in queries {
        let answer = stranger.ask(&query, json!({})).await;
        for secret in secrets.iter().map(String::as_str).chain(["Hush", ACCOUNT]) {
            assert!(!answer.text.contains(secret), "{query} tells {secret}: {}", answer.text);
        }
        assert!(answer.body.get("errors").is_none(), "{query}: {}", answer.text);
    }
}
