//! Every route there is, walked by those who may not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{ACCOUNT, Server};
use crate::support::api::{Answer, Api};

/// Every route: method, path as it is written in the source, the scope it asks for.
const ROUTES: [(&str, &str, Scope); 19] = [
    ("GET", "/v1/customers", Scope::CustomersRead),
    ("POST", "/v1/customers", Scope::CustomersWrite),
    ("GET", "/v1/customers/{customer}", Scope::CustomersRead),
    ("PUT", "/v1/customers/{customer}", Scope::CustomersWrite),
    ("PATCH", "/v1/customers/{customer}", Scope::CustomersWrite),
    ("DELETE", "/v1/customers/{customer}", Scope::CustomersWrite),
    ("GET", "/v1/chats", Scope::ChatsRead),
    ("POST", "/v1/chats", Scope::ChatsWrite),
    ("GET", "/v1/chats/{chat}", Scope::ChatsRead),
    ("GET", "/v1/chats/{chat}/messages", Scope::MessagesRead),
    ("POST", "/v1/messages/send", Scope::MessagesWrite),
    ("GET", "/v1/messages/{message}", Scope::MessagesRead),
    ("GET", "/v1/channels", Scope::ChannelsRead),
    ("GET", "/v1/channels/{channel}", Scope::ChannelsRead),
    ("GET", "/api/whatsapp/instances", Scope::ChannelsRead),
    ("GET", "/api/whatsapp/status/{name}", Scope::ChannelsRead),
    ("POST", "/api/whatsapp/restart", Scope::ChannelsWrite),
    ("POST", "/api/whatsapp/logout", Scope::ChannelsWrite),
    ("DELETE", "/api/whatsapp/delete/{name}", Scope::ChannelsWrite),
];

/// These make something, in whatever workspace; they have tests of their own besides.
const MAKING: [(&str, &str, Scope); 2] = [
    ("POST", "/api/whatsapp/connect", Scope::ChannelsWrite),
    ("POST", "/api/whatsapp/send", Scope::MessagesWrite),
];

/// What the first workspace has.
struct Belongings {
    customer: String,
    chat: String,
    message: String,
    channel: String,
}

impl Belongings {
    async fn of(server: &Server) -> Self {
        let channel = server.open_channel("shop").await;
        let letter = json!({"channel_id": channel, "to": "5511999999999", "type": "text", "content": {"text": "Hush"}});
        let message = server.api.post("/v1/messages/send", letter).await.expect(201)["data"].clone();
        let text = |field: &str| message[field].as_str().unwrap().to_owned();
        Self { customer: text("customer_id"), chat: text("chat_id"), message: text("id"), channel }
    }

    fn path(&self, pattern: &str) -> String {
        pattern
            .replace("{customer}", &self.customer)
            .replace("{chat}", &self.chat)
            .replace("{message}", &self.message)
            .replace("{channel}", &self.channel)
            .replace("{name}", "shop")
    }

    /// A body that names what the first workspace has.
    fn body(&self, path: &str) -> Option<Value> {
        Some(match path {
            "/v1/customers" | "/v1/customers/{customer}" => json!({"email": "walker@example.com"}),
            "/v1/chats" => json!({"channel_id": self.channel, "customer_id": self.customer}),
            "/v1/messages/send" => json!({
                "channel_id": self.channel, "to": "5511999999999", "type": "text", "content": {"text": "x"},
                "reply_to": self.message
            }),
            "/api/whatsapp/send" => {
                json!({"instanceName": "shop", "number": "5511999999999", "message": "x"})
            }
            path if path.starts_with("/api/whatsapp/") && !path.contains('{') => {
                json!({"instanceName": "shop"})
            }
            _ => return None,
        })
    }

    async fn ask(&self, api: &Api, (method, pattern, _): (&str, &str, Scope)) -> Answer {
        let method: Method = method.parse().unwrap();
        let path = self.path(pattern);
        match self.body(pattern).filter(|_| method != Method::GET && method != Method::DELETE) {
            Some(body) => api.json(method, &path, body, &[]).await,
            None => api.call(method, &path, &[], None::<&str>).await,
        }
    }

    /// Everything the first workspace can see.
    async fn seen(&self, api: &Api) -> Vec<Value> {
        let mut seen = vec![];
        for route in ROUTES.iter().filter(|(method, ..)| *method == "GET") {
            seen.push(self.ask(api, *route).await.expect(200));
        }
        seen
    }
}

#[tokio::test]
async fn a_second_workspace_sees_nothing_of_the_first_on_any_route() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let before = mine.seen(&server.api).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    for route in ROUTES.into_iter().chain(MAKING) {
        let (method, path, _) = route;
        let answer = mine.ask(&stranger, route).await;
        let told = &answer.text;
        for secret in [&mine.customer, &mine.chat, &mine.message, &mine.channel, "Hush", ACCOUNT] {
            assert!(!told.contains(secret), "{method} {path} tells {secret}: {told}");
        }
        match (method, path) {
            ("GET", "/api/whatsapp/instances") => assert_eq!(answer.expect(200), json!({"instances": []})),
            ("GET", list) if !list.contains('{') => {
                assert_eq!(answer.expect(200)["meta"]["total"], 0, "{list}")
            }
            ("POST", "/v1/customers" | "/api/whatsapp/connect") => assert!(answer.status.is_success()),
            ("POST", "/v1/chats") => drop(answer.refused(422, "VALIDATION_ERROR")),
            // By now the second workspace has an instance of its own with the same name.
            ("POST", "/api/whatsapp/send") => drop(answer),
            _ => drop(answer.refused(404, "NOT_FOUND")),
        }
    }
    assert_eq!(mine.seen(&server.api).await, before, "and changes nothing");
}

#[tokio::test]
async fn every_route_asks_for_a_key_with_its_scope() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let every = [
        Scope::CustomersRead,
        Scope::CustomersWrite,
        Scope::ChatsRead,
        Scope::ChatsWrite,
        Scope::MessagesRead,
        Scope::MessagesWrite,
        Scope::ChannelsRead,
        Scope::ChannelsWrite,
    ];
    for route in ROUTES.into_iter().chain(MAKING) {
        let (method, path, scope) = route;
        mine.ask(&Api { key: None, ..server.api.clone() }, route).await.refused(401, "UNAUTHORIZED");
        let others: Vec<Scope> = every.into_iter().filter(|other| *other != scope).collect();
        let without = server.another("third", &others, None).await;
        mine.ask(&without, route).await.refused(403, "FORBIDDEN");
        let with = server.another("third", &[scope], None).await;
        let status = mine.ask(&with, route).await.status;
        assert!(status != 401 && status != 403, "{method} {path}: {status}");
    }
}

/// A route that is not walked would not be tested: the source says which there are.
#[test]
fn every_route_in_the_source_is_walked() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src/rest");
    let mut found = BTreeSet::new();
    for (file, prefix) in [
        ("v1/customers.rs", "/v1"),
        ("v1/chats.rs", "/v1"),
        ("v1/messages.rs", "/v1"),
        ("v1/channels.rs", "/v1"),
        ("whatsapp.rs", "/api/whatsapp"),
    ] {
        let text: String = fs::read_to_string(source.join(file)).unwrap().split_whitespace().collect();
        found.extend(
            text.split(".route(\"")
                .skip(1)
                .map(|rest| format!("{prefix}{}", rest.split('"').next().unwrap())),
        );
    }
    let walked: BTreeSet<String> =
        ROUTES.iter().chain(&MAKING).map(|(_, path, _)| (*path).to_owned()).collect();
    assert_eq!(found, walked);
    let files = fs::read_dir(source.join("v1")).unwrap().count();
    assert_eq!(files, 5, "a new resource belongs into this test");
}
