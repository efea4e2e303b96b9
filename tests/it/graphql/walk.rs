//! Every field there is, walked by those who may not.

use std::collections::{BTreeMap, BTreeSet};

use interflow::auth::scope_name;
use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::schema::types;
use crate::rest::server::{ACCOUNT, Server};
use crate::rest::{Belongings, EVERY_SCOPE, made};
use crate::support::api::{Answer, Api};

/// Every field that asks for a scope, and a query for it in which `{…}` stands for what the first workspace has.
pub(super) const GATED: [(&str, Scope, &str); 33] = [
    ("Query.channels", Scope::ChannelsRead, "{ channels { nodes { id name } } }"),
    (
        "Query.channel",
        Scope::ChannelsRead,
        r#"{ channel(id: "{channel}") { id timeline { nodes { message } } } named: channel(id: "shop") { id } }"#,
    ),
    ("Query.customers", Scope::CustomersRead, "{ customers { nodes { id phone } } }"),
    ("Query.customer", Scope::CustomersRead, r#"{ customer(id: "{customer}") { id } }"#),
    ("Query.chats", Scope::ChatsRead, r#"{ chats(filter: {channelId: "{channel}"}) { nodes { id } } }"#),
    ("Query.chat", Scope::ChatsRead, r#"{ chat(id: "{chat}") { id } }"#),
    ("Query.messages", Scope::MessagesRead, r#"{ messages(filter: {chatId: "{chat}"}) { nodes { id } } }"#),
    ("Query.message", Scope::MessagesRead, r#"{ message(id: "{message}") { id } }"#),
    ("Query.jobs", Scope::JobsRead, "{ jobs { nodes { id } } }"),
    ("Query.job", Scope::JobsRead, r#"{ job(id: "{job}") { id } }"#),
    ("Query.webhooks", Scope::WebhooksRead, "{ webhooks { nodes { id url } } }"),
    ("Query.webhook", Scope::WebhooksRead, r#"{ webhook(id: "{webhook}") { id url } }"#),
    ("Query.events", Scope::EventsRead, "{ events { nodes { id data } } }"),
    ("Query.eventTypes", Scope::EventsRead, "{ eventTypes { type } }"),
    ("Query.keys", Scope::KeysRead, "{ keys { nodes { id } } }"),
    ("Query.key", Scope::KeysRead, r#"{ key(id: "{key}") { id } }"#),
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
    ("Message.job", Scope::JobsRead, r#"{ message(id: "{message}") { job { id } } }"#),
    ("Job.channel", Scope::ChannelsRead, r#"{ job(id: "{job}") { channel { id } } }"#),
    ("Job.messages", Scope::MessagesRead, r#"{ job(id: "{job}") { messages { nodes { id } } } }"#),
    ("Webhook.channels", Scope::ChannelsRead, r#"{ webhook(id: "{webhook}") { channels { id } } }"#),
    (
        "Webhook.deliveries",
        Scope::WebhooksRead,
        r#"{ webhook(id: "{webhook}") { deliveries { nodes { id request { body } history { body } } } } }"#,
    ),
    (
        "Webhook.delivery",
        Scope::WebhooksRead,
        r#"{ webhook(id: "{webhook}") { delivery(id: "{delivery}") { id } } }"#,
    ),
    (
        "Delivery.webhook",
        Scope::WebhooksRead,
        r#"{ webhook(id: "{webhook}") { deliveries { nodes { webhook { id } } } } }"#,
    ),
];

/// Every change, in the same way.
const CHANGES: [(&str, Scope, &str); 33] = [
    (
        "Mutation.createCustomer",
        Scope::CustomersWrite,
        r#"createCustomer(input: {email: "walker@example.com"}) { customer { id } }"#,
    ),
    (
        "Mutation.replaceCustomer",
        Scope::CustomersWrite,
        r#"replaceCustomer(input: {id: "{customer}", email: "w@example.com"}) { customer { id } }"#,
    ),
    (
        "Mutation.updateCustomer",
        Scope::CustomersWrite,
        r#"updateCustomer(input: {id: "{customer}", name: "W"}) { customer { id } }"#,
    ),
    (
        "Mutation.deleteCustomer",
        Scope::CustomersWrite,
        r#"deleteCustomer(input: {id: "{customer}"}) { deletedId }"#,
    ),
    (
        "Mutation.eraseCustomer",
        Scope::CustomersErase,
        r#"eraseCustomer(input: {id: "{customer}"}) { certificate { position } }"#,
    ),
    (
        "Mutation.openChat",
        Scope::ChatsWrite,
        r#"openChat(input: {channelId: "{channel}", customerId: "{customer}"}) { chat { id } }"#,
    ),
    ("Mutation.closeChat", Scope::ChatsWrite, r#"closeChat(input: {id: "{chat}"}) { chat { id } }"#),
    ("Mutation.reopenChat", Scope::ChatsWrite, r#"reopenChat(input: {id: "{chat}"}) { chat { id } }"#),
    ("Mutation.snoozeChat", Scope::ChatsWrite, r#"snoozeChat(input: {id: "{chat}"}) { chat { id } }"#),
    (
        "Mutation.assignChat",
        Scope::ChatsWrite,
        r#"assignChat(input: {id: "{chat}", assignee: "W"}) { chat { id } }"#,
    ),
    ("Mutation.readChat", Scope::ChatsWrite, r#"readChat(input: {id: "{chat}"}) { chat { id } }"#),
    (
        "Mutation.sendMessage",
        Scope::MessagesWrite,
        r#"sendMessage(input: {channelId: "{channel}", to: "5511999999999", content: {text: "x"}, replyTo: "{message}"}) { message { id } }"#,
    ),
    (
        "Mutation.sendMessages",
        Scope::MessagesWrite,
        r#"sendMessages(input: {channelId: "{channel}", messages: [{to: "5511999999999", content: {text: "x"}}]}) { job { id } }"#,
    ),
    ("Mutation.cancelJob", Scope::JobsWrite, r#"cancelJob(input: {id: "{job}"}) { job { id } }"#),
    (
        "Mutation.createChannel",
        Scope::ChannelsWrite,
        r#"createChannel(input: {name: "walker"}) { channel { id } }"#,
    ),
    (
        "Mutation.renameChannel",
        Scope::ChannelsWrite,
        r#"renameChannel(input: {id: "{channel}", name: "w"}) { channel { id } }"#,
    ),
    (
        "Mutation.connectChannel",
        Scope::ChannelsWrite,
        r#"connectChannel(input: {id: "{channel}"}) { channel { id } }"#,
    ),
    (
        "Mutation.restartChannel",
        Scope::ChannelsWrite,
        r#"restartChannel(input: {id: "{channel}"}) { channel { id } }"#,
    ),
    (
        "Mutation.logOutChannel",
        Scope::ChannelsWrite,
        r#"logOutChannel(input: {id: "{channel}"}) { channel { id } }"#,
    ),
    (
        "Mutation.deleteChannel",
        Scope::ChannelsWrite,
        r#"deleteChannel(input: {id: "{channel}"}) { deletedId }"#,
    ),
    (
        "Mutation.createWebhook",
        Scope::WebhooksWrite,
        r#"createWebhook(input: {url: "http://127.9.9.9:9009/walker"}) { webhook { id } }"#,
    ),
    (
        "Mutation.updateWebhook",
        Scope::WebhooksWrite,
        r#"updateWebhook(input: {id: "{webhook}", rateLimit: 5}) { webhook { id } }"#,
    ),
    (
        "Mutation.pauseWebhook",
        Scope::WebhooksWrite,
        r#"pauseWebhook(input: {id: "{webhook}"}) { webhook { id } }"#,
    ),
    (
        "Mutation.resumeWebhook",
        Scope::WebhooksWrite,
        r#"resumeWebhook(input: {id: "{webhook}"}) { webhook { id } }"#,
    ),
    (
        "Mutation.rotateWebhookSecret",
        Scope::WebhooksWrite,
        r#"rotateWebhookSecret(input: {id: "{webhook}"}) { secret }"#,
    ),
    ("Mutation.testWebhook", Scope::WebhooksWrite, r#"testWebhook(input: {id: "{webhook}"}) { succeeded }"#),
    (
        "Mutation.replayWebhook",
        Scope::WebhooksWrite,
        r#"replayWebhook(input: {id: "{webhook}", from: {position: 1}, dryRun: true}) { count }"#,
    ),
    (
        "Mutation.redeliver",
        Scope::WebhooksWrite,
        r#"redeliver(input: {id: "{delivery}"}) { delivery { id } }"#,
    ),
    (
        "Mutation.deleteWebhook",
        Scope::WebhooksWrite,
        r#"deleteWebhook(input: {id: "{webhook}"}) { deletedId }"#,
    ),
    (
        "Mutation.createKey",
        Scope::KeysWrite,
        r#"createKey(input: {name: "W", scopes: ["keys:write"]}) { key { id } }"#,
    ),
    ("Mutation.rotateKey", Scope::KeysWrite, r#"rotateKey(input: {id: "{key}"}) { secret }"#),
    ("Mutation.revokeKey", Scope::KeysWrite, r#"revokeKey(input: {id: "{key}"}) { deletedId }"#),
    (
        "BulkItem.message",
        Scope::MessagesRead,
        r#"sendMessages(input: {channelId: "{channel}", messages: [{to: "5511999999999", content: {text: "x"}}]}) { items { message { id } } }"#,
    ),
];

/// These are for keys of the first workspace alone.
const GOVERNING: [(&str, Scope, &str); 5] = [
    ("Query.workspaces", Scope::WorkspacesRead, "{ workspaces { nodes { id slug } } }"),
    (
        "Mutation.createWorkspace",
        Scope::WorkspacesWrite,
        r#"mutation { createWorkspace(input: {slug: "walker", plan: STARTER}) { workspace { id } } }"#,
    ),
    (
        "Mutation.updateWorkspace",
        Scope::WorkspacesWrite,
        r#"mutation { updateWorkspace(input: {id: "{workspace}", name: "W"}) { workspace { id } } }"#,
    ),
    (
        "Mutation.suspendWorkspace",
        Scope::WorkspacesWrite,
        r#"mutation { suspendWorkspace(input: {id: "{workspace}"}) { workspace { id } } }"#,
    ),
    (
        "Mutation.resumeWorkspace",
        Scope::WorkspacesWrite,
        r#"mutation { resumeWorkspace(input: {id: "{workspace}"}) { workspace { id } } }"#,
    ),
];

/// These ask for the scope of what they find.
const NODES: [&str; 2] = ["Query.node", "Query.nodes"];
/// This is every key's, of its own workspace; of another one it is governed.
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
    let all = GATED.iter().chain(&CHANGES).chain(&GOVERNING);
    let gated: BTreeMap<&str, Scope> = all.map(|(field, scope, _)| (*field, *scope)).collect();
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

/// A key of the first workspace that has every scope but one.
struct Keys(Vec<Api>);

impl Keys {
    async fn of(server: &Server) -> Self {
        let mut keys = vec![];
        for scope in EVERY_SCOPE {
            let others: Vec<Scope> = EVERY_SCOPE.into_iter().filter(|other| *other != scope).collect();
            keys.push(server.another("default", &others, None).await);
        }
        Self(keys)
    }

    fn without(&self, scope: Scope) -> &Api {
        &self.0[EVERY_SCOPE.iter().position(|other| *other == scope).unwrap()]
    }
}

#[tokio::test]
async fn every_field_asks_for_its_scope() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let keys = Keys::of(&server).await;
    let all = server.another("default", &EVERY_SCOPE, None).await;
    let check = async |field: &str, scope: Scope, query: &str| {
        let answer = keys.without(scope).ask(query, json!({})).await;
        let (refused, lacks) = (forbidden(&answer), format!("'{}'", scope_name(scope)));
        let right = !refused.is_empty() && refused.iter().all(|why| why.contains(&lacks));
        assert!(right, "{field}: {}", answer.text);
    };
    for (field, scope, query) in GATED {
        let query = mine.path(query);
        check(field, scope, &query).await;
        let answer = all.ask(&query, json!({})).await;
        assert!(answer.body.get("errors").is_none(), "{field}: {}", answer.text);
    }
    let kinds = [
        ("{customer}", Scope::CustomersRead),
        ("{chat}", Scope::ChatsRead),
        ("{message}", Scope::MessagesRead),
        ("{channel}", Scope::ChannelsRead),
        ("{job}", Scope::JobsRead),
        ("{webhook}", Scope::WebhooksRead),
        ("{delivery}", Scope::WebhooksRead),
        ("{key}", Scope::KeysRead),
    ];
    for (id, scope) in kinds {
        let id = mine.path(id);
        for query in ["{ node(id: \"ID\") { id } }", "{ nodes(ids: [\"ID\"]) { id } }"] {
            let query = query.replace("ID", &id);
            check("node", scope, &query).await;
            assert!(all.ask(&query, json!({})).await.text.contains(&id), "{query}");
        }
    }
    // In a workspace where there is nothing to change, whoever has the scopes is told so.
    let elsewhere = server.another("third", &EVERY_SCOPE, None).await;
    for (field, scope, change) in CHANGES {
        let query = mine.path(&format!("mutation {{ {change} }}"));
        check(field, scope, &query).await;
        let answer = elsewhere.ask(&query, json!({})).await;
        assert!(forbidden(&answer).is_empty() && answer.status == 200, "{field}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_governs_asks_for_a_key_of_the_first_workspace_with_its_scope() {
    let server = Server::start().await;
    made(&server.api, "third").await;
    let stranger = server.another("second", &[Scope::All], None).await;
    for (field, scope, query) in GOVERNING {
        let query = query.replace("{workspace}", "third");
        assert_eq!(forbidden(&stranger.ask(&query, json!({})).await).len(), 1, "{field}");
        let without = server.another("default", &EVERY_SCOPE, None).await;
        assert_eq!(forbidden(&without.ask(&query, json!({})).await).len(), 1, "{field}");
        let with = server.another("default", &[scope], None).await;
        let answer = with.ask(&query, json!({})).await;
        assert!(answer.body.get("errors").is_none(), "{field}: {}", answer.text);
    }
    let other = "{ workspace(id: \"third\") { slug } }";
    assert_eq!(forbidden(&stranger.ask(other, json!({})).await).len(), 1);
    let told = server.api.asked(other).await;
    assert_eq!(told["workspace"]["slug"], "third");
    let id =
        server.api.get("/v1/workspaces/third").await.expect(200)["data"]["id"].as_str().unwrap().to_owned();
    let node = format!("{{ node(id: \"{id}\") {{ id }} }}");
    assert_eq!(forbidden(&stranger.ask(&node, json!({})).await).len(), 1);
    assert_eq!(server.api.asked(&node).await["node"]["id"], id.as_str());
}

#[tokio::test]
async fn a_second_workspace_sees_and_changes_nothing_of_the_first_in_any_field() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let before = mine.seen(&server.api).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    let secrets =
        ["{customer}", "{chat}", "{message}", "{channel}", "{job}", "{webhook}", "{delivery}", "{key}"];
    let secrets: Vec<String> = secrets.iter().map(|secret| mine.path(secret)).collect();
    let check = |query: &str, answer: &Answer| {
        for secret in secrets.iter().map(String::as_str).chain(["Hush", ACCOUNT]) {
            assert!(!answer.text.contains(secret), "{query} tells {secret}: {}", answer.text);
        }
    };
    let mut queries: Vec<String> = GATED.iter().map(|(_, _, query)| mine.path(query)).collect();
    for secret in &secrets {
        queries.push(format!("{{ node(id: \"{secret}\") {{ id __typename }} }}"));
        queries.push(format!("{{ nodes(ids: [\"{secret}\"]) {{ id __typename }} }}"));
    }
    for query in queries {
        let answer = stranger.ask(&query, json!({})).await;
        check(&query, &answer);
        assert!(answer.body.get("errors").is_none(), "{query}: {}", answer.text);
    }
    for (field, _, change) in CHANGES {
        let answer = stranger.ask(&mine.path(&format!("mutation {{ {change} }}")), json!({})).await;
        check(field, &answer);
        if field.contains(".create") {
            assert!(answer.body.get("errors").is_none(), "{field}: {}", answer.text);
        } else {
            let code = if field == "Mutation.openChat" { "VALIDATION_ERROR" } else { "NOT_FOUND" };
            assert_eq!(answer.codes(), [code], "{field}: {}", answer.text);
        }
    }
    assert_eq!(mine.seen(&server.api).await, before, "and changes nothing");
}
