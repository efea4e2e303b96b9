//! Every route there is, walked by those who may not.

use interflow_application::workspace_id;
use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{ACCOUNT, Server};
use super::workspaces::made;
use crate::support::api::{Answer, Api};

/// Every route: method, path as it is written in the source, the scope it asks for.
pub(super) const ROUTES: [(&str, &str, Scope); 64] = [
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
    ("POST", "/v1/chats/{chat}/close", Scope::ChatsWrite),
    ("POST", "/v1/chats/{chat}/reopen", Scope::ChatsWrite),
    ("POST", "/v1/chats/{chat}/snooze", Scope::ChatsWrite),
    ("POST", "/v1/chats/{chat}/assign", Scope::ChatsWrite),
    ("POST", "/v1/chats/{chat}/read", Scope::ChatsWrite),
    ("GET", "/v1/messages", Scope::MessagesRead),
    ("POST", "/v1/messages/send", Scope::MessagesWrite),
    ("GET", "/v1/messages/{message}", Scope::MessagesRead),
    ("POST", "/v1/messages/bulk", Scope::MessagesWrite),
    ("GET", "/v1/jobs", Scope::JobsRead),
    ("GET", "/v1/jobs/{job}", Scope::JobsRead),
    ("GET", "/v1/jobs/{job}/messages", Scope::MessagesRead),
    ("POST", "/v1/jobs/{job}/cancel", Scope::JobsWrite),
    ("GET", "/v1/channels", Scope::ChannelsRead),
    ("GET", "/v1/channels/{channel}", Scope::ChannelsRead),
    ("PATCH", "/v1/channels/{channel}", Scope::ChannelsWrite),
    ("GET", "/v1/channels/{channel}/qr", Scope::ChannelsRead),
    ("GET", "/v1/channels/{channel}/timeline", Scope::ChannelsRead),
    ("POST", "/v1/channels/{channel}/connect", Scope::ChannelsWrite),
    ("POST", "/v1/channels/{channel}/restart", Scope::ChannelsWrite),
    ("POST", "/v1/channels/{channel}/logout", Scope::ChannelsWrite),
    ("DELETE", "/v1/channels/{channel}", Scope::ChannelsWrite),
    ("GET", "/v1/webhooks", Scope::WebhooksRead),
    ("GET", "/v1/webhooks/{webhook}", Scope::WebhooksRead),
    ("PATCH", "/v1/webhooks/{webhook}", Scope::WebhooksWrite),
    ("POST", "/v1/webhooks/{webhook}/pause", Scope::WebhooksWrite),
    ("POST", "/v1/webhooks/{webhook}/resume", Scope::WebhooksWrite),
    ("POST", "/v1/webhooks/{webhook}/rotate-secret", Scope::WebhooksWrite),
    ("POST", "/v1/webhooks/{webhook}/test", Scope::WebhooksWrite),
    ("POST", "/v1/webhooks/{webhook}/replay", Scope::WebhooksWrite),
    ("GET", "/v1/webhooks/{webhook}/deliveries", Scope::WebhooksRead),
    ("GET", "/v1/webhooks/{webhook}/deliveries/{delivery}", Scope::WebhooksRead),
    ("POST", "/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver", Scope::WebhooksWrite),
    ("DELETE", "/v1/webhooks/{webhook}", Scope::WebhooksWrite),
    ("GET", "/v1/audit/events", Scope::AuditRead),
    ("GET", "/v1/audit/correlations/{correlation}", Scope::AuditRead),
    ("GET", "/v1/audit/reads", Scope::AuditRead),
    ("GET", "/v1/audit/{aggregate}/{id}/history", Scope::AuditRead),
    ("GET", "/v1/audit/{aggregate}/{id}/diff", Scope::AuditRead),
    ("GET", "/v1/events", Scope::EventsRead),
    ("GET", "/v1/events/types", Scope::EventsRead),
    ("GET", "/v1/events/types/{type}", Scope::EventsRead),
    ("GET", "/v1/events/types/{type}/schema", Scope::EventsRead),
    ("GET", "/api/whatsapp/instances", Scope::ChannelsRead),
    ("GET", "/api/whatsapp/status/{name}", Scope::ChannelsRead),
    ("POST", "/api/whatsapp/restart", Scope::ChannelsWrite),
    ("POST", "/api/whatsapp/logout", Scope::ChannelsWrite),
    ("DELETE", "/api/whatsapp/delete/{name}", Scope::ChannelsWrite),
    ("POST", "/v1/customers/{customer}/erase", Scope::CustomersErase),
    ("GET", "/v1/audit/log/checkpoint", Scope::AuditRead),
    ("GET", "/v1/audit/log/keys", Scope::AuditRead),
    ("GET", "/v1/audit/log/inclusion", Scope::AuditRead),
    ("GET", "/v1/audit/log/consistency", Scope::AuditRead),
    ("GET", "/v1/audit/log/tile/{tile}", Scope::AuditRead),
];

/// These make something, in whatever workspace; they have tests of their own besides.
pub(super) const MAKING: [(&str, &str, Scope); 9] = [
    ("GET", "/v1/keys", Scope::KeysRead),
    ("POST", "/v1/keys", Scope::KeysWrite),
    ("GET", "/v1/keys/{key}", Scope::KeysRead),
    ("POST", "/v1/keys/{key}/rotate", Scope::KeysWrite),
    ("DELETE", "/v1/keys/{key}", Scope::KeysWrite),
    ("POST", "/v1/channels", Scope::ChannelsWrite),
    ("POST", "/v1/webhooks", Scope::WebhooksWrite),
    ("POST", "/api/whatsapp/connect", Scope::ChannelsWrite),
    ("POST", "/api/whatsapp/send", Scope::MessagesWrite),
];

/// These are for keys of the first workspace alone.
pub(super) const GOVERNING: [(&str, &str, Scope); 7] = [
    ("GET", "/v1/workspaces", Scope::WorkspacesRead),
    ("POST", "/v1/workspaces", Scope::WorkspacesWrite),
    ("GET", "/v1/workspaces/{workspace}", Scope::WorkspacesRead),
    ("PATCH", "/v1/workspaces/{workspace}", Scope::WorkspacesWrite),
    ("GET", "/v1/workspaces/{workspace}/usage", Scope::WorkspacesRead),
    ("POST", "/v1/workspaces/{workspace}/suspend", Scope::WorkspacesWrite),
    ("POST", "/v1/workspaces/{workspace}/resume", Scope::WorkspacesWrite),
];

/// This every key may ask for, of its own workspace.
pub(super) const OWN: &str = "/v1/workspace";

/// Every key may ask here; the fields ask for their scopes (`crate::graphql::walk`).
pub(super) const GRAPHQL: [&str; 2] = ["GET /graphql", "POST /graphql"];

/// This does not end by itself; it has tests of its own (`crate::live`).
pub(super) const STREAM: (&str, &str, Scope) = ("GET", "/v1/events/stream", Scope::EventsRead);

/// What keys of any workspace may have.
pub const EVERY_SCOPE: [Scope; 17] = [
    Scope::CustomersRead,
    Scope::CustomersWrite,
    Scope::CustomersErase,
    Scope::ChatsRead,
    Scope::ChatsWrite,
    Scope::MessagesRead,
    Scope::MessagesWrite,
    Scope::ChannelsRead,
    Scope::ChannelsWrite,
    Scope::JobsRead,
    Scope::JobsWrite,
    Scope::KeysRead,
    Scope::KeysWrite,
    Scope::WebhooksRead,
    Scope::WebhooksWrite,
    Scope::EventsRead,
    Scope::AuditRead,
];

/// An address at which nobody listens.
const NOWHERE: &str = "http://127.9.9.9:9009/";

/// A webhook that rests, and a delivery that it was tried to be told.
async fn told(api: &Api) -> (String, String) {
    let draft = json!({"url": NOWHERE, "events": ["customer.created"], "start_from": {"position": 1}});
    let webhook =
        api.post("/v1/webhooks", draft).await.expect(201)["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhooks/{webhook}");
    let tried = |body: &Value| body["data"][0]["attempts"] == 1;
    let deliveries = api.until(&format!("{path}/deliveries"), tried).await;
    api.post(&format!("{path}/pause"), json!({})).await.expect(200);
    (webhook, deliveries["data"][0]["id"].as_str().unwrap().to_owned())
}

/// What the first workspace has.
pub struct Belongings {
    customer: String,
    chat: String,
    message: String,
    channel: String,
    job: String,
    key: String,
    webhook: String,
    delivery: String,
    /// The request that sent the message.
    correlation: String,
}

impl Belongings {
    pub async fn of(server: &Server) -> Self {
        let channel = server.open_channel("shop").await;
        let letter = json!({"channel_id": channel, "to": "5511999999999", "type": "text", "content": {"text": "Hush"}});
        let sent = server.api.post("/v1/messages/send", letter).await;
        let correlation = sent.header("x-request-id").to_owned();
        let message = sent.expect(201)["data"].clone();
        let text = |field: &str| message[field].as_str().unwrap().to_owned();
        let letter = json!({"to": "5511999999999", "type": "text", "content": {"text": "Hush"}});
        let bulk = json!({"channel_id": channel, "messages": [letter]});
        let bulk = server.api.post("/v1/messages/bulk", bulk).await.expect(202);
        let job = bulk["data"]["id"].as_str().unwrap().to_owned();
        let ended = |body: &Value| body["data"]["status"] == "completed";
        server.api.until(&format!("/v1/jobs/{job}"), ended).await;
        let key = json!({"name": "Walker", "scopes": ["chats:read"]});
        let key =
            server.api.post("/v1/keys", key).await.expect(201)["data"]["id"].as_str().unwrap().to_owned();
        let (webhook, delivery) = told(&server.api).await;
        // An error has a body of JSON, a checkpoint has none.
        server.api.until("/v1/audit/log/checkpoint", Value::is_null).await;
        let (customer, chat, message) = (text("customer_id"), text("chat_id"), text("id"));
        Self { customer, chat, message, channel, job, key, webhook, delivery, correlation }
    }

    pub fn path(&self, pattern: &str) -> String {
        pattern
            .replace("{aggregate}/{id}", &format!("customers/{}", self.customer))
            .replace("{customer}", &self.customer)
            .replace("{chat}", &self.chat)
            .replace("{message}", &self.message)
            .replace("{channel}", &self.channel)
            .replace("{job}", &self.job)
            .replace("{key}", &self.key)
            .replace("{webhook}", &self.webhook)
            .replace("{delivery}", &self.delivery)
            .replace("{correlation}", &self.correlation)
            .replace("{type}", "message.received")
            .replace("{tile}", "0/000.p/1")
            .replace("{workspace}", "third")
            .replace("{name}", "shop")
    }

    /// A body that names what the first workspace has.
    pub(super) fn body(&self, path: &str) -> Option<Value> {
        Some(match path {
            "/v1/customers" | "/v1/customers/{customer}" => json!({"email": "walker@example.com"}),
            "/v1/channels" | "/v1/channels/{channel}" => json!({"name": "walker"}),
            "/v1/webhooks" => json!({"url": format!("{NOWHERE}walker")}),
            "/v1/webhooks/{webhook}" => json!({"rate_limit": 5}),
            "/v1/webhooks/{webhook}/replay" => json!({"from": {"position": 1}, "dry_run": true}),
            "/v1/keys" => json!({"name": "Walker", "scopes": ["keys:write"]}),
            "/v1/workspaces" => json!({"slug": "walker", "plan": "starter"}),
            "/v1/workspaces/{workspace}" => json!({"name": "Walker"}),
            "/v1/chats/{chat}/assign" => json!({"assignee": "Walker"}),
            "/v1/chats" => json!({"channel_id": self.channel, "customer_id": self.customer}),
            "/v1/messages/send" => json!({
                "channel_id": self.channel, "to": "5511999999999", "type": "text", "content": {"text": "x"},
                "reply_to": self.message
            }),
            "/v1/messages/bulk" => json!({
                "channel_id": self.channel,
                "messages": [{"to": "5511999999999", "type": "text", "content": {"text": "x"}}]
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

    pub(super) async fn ask(&self, api: &Api, (method, pattern, _): (&str, &str, Scope)) -> Answer {
        let method: Method = method.parse().unwrap();
        let path = format!("{}{}", self.path(pattern), query(pattern));
        match self.body(pattern).filter(|_| method != Method::GET && method != Method::DELETE) {
            Some(body) => api.json(method, &path, body, &[]).await,
            None => api.call(method, &path, &[], None::<&str>).await,
        }
    }

    /// Everything the first workspace can see.
    pub async fn seen(&self, api: &Api) -> Vec<Value> {
        let mut seen = vec![];
        // An open channel has no QR, a log goes on, and who has seen what changes by being looked at.
        let seeing = |path: &str| {
            !matches!(path, "/v1/channels/{channel}/qr" | "/v1/audit/reads")
                && !path.starts_with("/v1/audit/log/")
        };
        for route in ROUTES.iter().filter(|(method, path, _)| *method == "GET" && seeing(path)) {
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
        let Belongings { customer, chat, message, channel, job, key, webhook, delivery, correlation } = &mine;
        let secrets = [
            customer,
            chat,
            message,
            channel,
            job,
            key,
            webhook,
            delivery,
            correlation,
            "Hush",
            ACCOUNT,
            NOWHERE,
        ];
        for secret in
            secrets.iter().filter(|secret| (method, path, **secret) != ("POST", "/v1/webhooks", NOWHERE))
        {
            assert!(!told.contains(secret), "{method} {path} tells {secret}: {told}");
        }
        match (method, path) {
            ("GET", "/api/whatsapp/instances") => assert_eq!(answer.expect(200), json!({"instances": []})),
            ("GET", "/v1/keys") => assert_eq!(answer.expect(200)["meta"]["total"], 1, "its own"),
            ("GET", feed) if feed.starts_with("/v1/events") => drop(answer.expect(200)),
            ("GET", "/v1/audit/events" | "/v1/audit/reads") => drop(answer.expect(200)),
            // Its own, once that is sealed.
            ("GET", log) if log.starts_with("/v1/audit/log/") => {
                assert!([200, 404].contains(&answer.status.as_u16()), "{log}: {told}")
            }
            ("GET", list) if !list.contains('{') => {
                assert_eq!(answer.expect(200)["meta"]["total"], 0, "{list}")
            }
            (
                "POST",
                "/v1/customers" | "/v1/channels" | "/v1/keys" | "/v1/webhooks" | "/api/whatsapp/connect",
            ) => {
                assert!(answer.status.is_success())
            }
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
    for route in ROUTES.into_iter().chain(MAKING) {
        let (method, path, scope) = route;
        mine.ask(&Api { key: None, ..server.api.clone() }, route).await.refused(401, "UNAUTHORIZED");
        let others: Vec<Scope> = EVERY_SCOPE.into_iter().filter(|other| *other != scope).collect();
        let without = server.another("third", &others, None).await;
        mine.ask(&without, route).await.refused(403, "FORBIDDEN");
        let with = server.another("third", &[scope], None).await;
        let status = mine.ask(&with, route).await.status;
        assert!(status != 401 && status != 403, "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn every_route_that_governs_asks_for_a_key_of_the_first_workspace_with_its_scope() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    made(&server.api, "third").await;
    for route in GOVERNING {
        let (method, path, scope) = route;
        mine.ask(&Api { key: None, ..server.api.clone() }, route).await.refused(401, "UNAUTHORIZED");
        mine.ask(&stranger, route).await.refused(403, "FORBIDDEN");
        let other =
            if scope == Scope::WorkspacesRead { Scope::WorkspacesWrite } else { Scope::WorkspacesRead };
        let without = server.another("default", &[other, Scope::ChatsRead], None).await;
        mine.ask(&without, route).await.refused(403, "FORBIDDEN");
        let with = server.another("default", &[scope], None).await;
        let status = mine.ask(&with, route).await.status;
        assert!(status.is_success(), "{method} {path}: {status}");
    }
    let nobody = Api { key: None, ..server.api.clone() };
    nobody.get(OWN).await.refused(401, "UNAUTHORIZED");
    let second = stranger.get(OWN).await.expect(200);
    assert_eq!(second["data"]["slug"], "second");
}

/// What a route is called that reads, and the last thing that its path names.
fn reads(mine: &Belongings, pattern: &str) -> (String, Option<String>) {
    let named = pattern.split('/').rfind(|part| part.starts_with('{')).map(|part| mine.path(part));
    let named = match pattern {
        _ if pattern.contains("{id}") => Some(mine.customer.clone()),
        // By whatever name it is asked for.
        _ if pattern.contains("{name}") => Some(mine.channel.clone()),
        _ if pattern.contains("{workspace}") => Some(workspace_id(&"third".parse().unwrap()).to_string()),
        _ => named,
    };
    let words = pattern.split('/').filter(|word| !word.is_empty() && !word.starts_with('{'));
    let words: Vec<_> = words.filter(|word| *word != "v1" && *word != "api").collect();
    (words.join("."), named)
}

/// What a route must be asked with.
fn query(pattern: &str) -> &'static str {
    match pattern {
        "/v1/audit/log/inclusion" => "?position=1",
        "/v1/audit/log/consistency" | "/v1/audit/{aggregate}/{id}/diff" => "?from=1",
        _ => "",
    }
}

#[tokio::test]
async fn every_route_that_reads_is_audited() {
    let server = Server::start().await;
    let mine = Belongings::of(&server).await;
    made(&server.api, "third").await;
    // Only a channel that is pairing has a QR.
    server.api.post("/v1/channels", json!({"name": "pairing"})).await.expect(201);
    server.api.post("/v1/channels/pairing/connect", json!({})).await.expect(200);
    let pairing = server.api.get("/v1/channels/pairing").await.expect(200)["data"]["id"].clone();
    let reader = server.another("default", &[Scope::All], None).await;
    let routes = ROUTES.into_iter().chain(MAKING).chain(GOVERNING).chain([STREAM, ("GET", OWN, Scope::All)]);
    let mut wanted = vec![];
    for (method, pattern, _) in routes.filter(|(method, _, _)| *method == "GET") {
        let (resource, mut id) = reads(&mine, pattern);
        let mut path = format!("{}{}", mine.path(pattern), query(pattern));
        if pattern.ends_with("/qr") {
            (path, id) = ("/v1/channels/pairing/qr".to_owned(), pairing.as_str().map(str::to_owned));
        }
        // Not to its end, which a stream has none of.
        let asked =
            reader.http.get(format!("{}{path}", reader.url)).bearer_auth(reader.key.as_ref().unwrap());
        let answer = asked.send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
        wanted.push((pattern, json!(resource), json!(id)));
    }
    assert!(wanted.len() > 30);
    let me =
        server.api.get("/v1/keys?per_page=1").await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned();
    let list = format!("/v1/audit/reads?per_page=100&actor={me}");
    let all = |body: &Value| {
        let seen = body["data"].as_array().unwrap();
        wanted.iter().all(|(_, resource, id)| {
            seen.iter().any(|read| read["resource"] == *resource && read["resource_id"] == *id)
        })
    };
    let seen = server.api.until(&list, all).await;
    for read in seen["data"].as_array().unwrap() {
        assert_eq!(
            (&read["actor"], &read["client_addresses"]),
            (&json!(format!("key:{me}")), &json!(["127.0.0.1"]))
        );
        assert!(read["reads"].as_u64() > Some(0), "{read}");
    }
    // A resource has an entry for itself and one for each of it that was seen, in each minute.
    let items = |resource: &str| -> u64 {
        let reads = seen["data"].as_array().unwrap().iter().filter(|read| read["resource"] == resource);
        reads.map(|read| read["items"].as_u64().unwrap()).sum()
    };
    assert_eq!(items("whatsapp.instances"), 2, "entries of lists are counted");
    assert!(items("messages") > 0 && items("events") > 5);
}
