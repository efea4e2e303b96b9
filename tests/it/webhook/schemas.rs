//! What is really delivered is what the API's description says of it, and the evolution format is what its clients know.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use interflow_application::webhook::catalogue::PublicType;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::lab::{KEY, NetworkProcess};
use crate::support::phones::Phones;
use crate::support::receiver::{Received, Receiver};

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

/// What a run of a server cannot bring about in good time; their bodies are checked where they are made.
const ELSEWHERE: [&str; 9] = [
    "audit.checkpoint",
    "channel.disconnected",
    "channel.flapping",
    "channel.pairing_expired",
    "message.echoed",
    "message.failed",
    "message.played",
    "webhook.disabled",
    "webhook.enabled",
];

/// Bodies against the `webhooks` of a description.
struct Described {
    document: Value,
    compiler: Compiler,
    schemas: Schemas,
}

impl Described {
    fn new(document: Value) -> Self {
        let (mut compiler, schemas) = (Compiler::new(), Schemas::new());
        compiler.enable_format_assertions();
        compiler.add_resource("https://interflow.test/openapi.json", document.clone()).unwrap();
        Self { document, compiler, schemas }
    }

    fn check(&mut self, one: &Received) {
        let body = one.json();
        let name = body["type"].as_str().unwrap();
        let told = &self.document["webhooks"][name]["post"];
        for parameter in told["parameters"].as_array().expect(name) {
            let parameter = self.document.pointer(&parameter["$ref"].as_str().unwrap()[1..]).unwrap();
            assert!(one.headers.contains_key(parameter["name"].as_str().unwrap()), "{name}: {parameter}");
        }
        let place = format!("/webhooks/{name}/post/requestBody/content/application~1json/schema");
        let url = format!("https://interflow.test/openapi.json#{place}");
        let schema = self.compiler.compile(&url, &mut self.schemas).unwrap();
        let verdict = self.schemas.validate(&body, schema);
        assert!(verdict.is_ok(), "{name}: {}\n{body:#}", verdict.unwrap_err());
        let mut more = body.clone();
        more["data"]["more"] = json!(1);
        assert!(self.schemas.validate(&more, schema).is_err(), "{name}: a field that nobody was told of");
    }
}

fn types(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect()
}

/// All of a channel's life, a conversation on it, and what an agent does with that.
async fn live(api: &Api, phones: &Phones, other: &str) {
    phones.pair(api, "user_id_001", SHOP).await;
    phones.write(ANA, "Ana", SHOP, "Hey! How can I buy?").await;
    api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 1).await;
    let chats = api.get("/v1/chats").await.expect(200);
    let chat = format!("/v1/chats/{}", chats["data"][0]["id"].as_str().unwrap());
    let sent = api.send("user_id_001", ANA, "Here you are").await.expect(201)["data"]["id"].clone();
    let message = format!("/v1/messages/{}", sent.as_str().unwrap());
    api.until(&message, |body| body["data"]["status"] == "read").await;
    for (verb, body) in [
        ("read", json!({})),
        ("assign", json!({"assignee": "Bea"})),
        ("snooze", json!({"until": "2099-01-01T00:00:00Z"})),
        ("reopen", json!({})),
        ("close", json!({})),
    ] {
        let answer = api.post(&format!("{chat}/{verb}"), body).await;
        assert!(answer.status.is_success(), "{verb}: {}", answer.text);
    }
    let customer = api.post("/v1/customers", json!({"email": "a@example.com"})).await.expect(201);
    let customer = format!("/v1/customers/{}", customer["data"]["id"].as_str().unwrap());
    api.patch(&customer, json!({"name": "Ana"})).await.expect(200);
    api.delete(&customer).await.expect(200);
    let erased = api.post("/v1/customers", json!({"email": "b@example.com"})).await.expect(201);
    let erased = format!("/v1/customers/{}/erase", erased["data"]["id"].as_str().unwrap());
    let answer = api.post(&erased, json!({})).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    api.post(&format!("{other}/pause"), json!({})).await.expect(200);
    api.post(&format!("{other}/resume"), json!({})).await.expect(200);
    api.patch("/v1/channels/user_id_001", json!({"name": "shop"})).await.expect(200);
    api.post("/api/whatsapp/logout", json!({"instanceName": "shop"})).await.expect(200);
    api.delete("/v1/channels/shop").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_is_what_the_description_of_the_api_says() {
    let (network, receiver) = (NetworkProcess::start(), Receiver::accepting().await);
    let evolution = Receiver::accepting().await;
    let data = tempfile::tempdir().unwrap();
    let (_server, url) = network.serve(data.path(), &[("INTERFLOW_WEBHOOK_ALLOW", "127.0.0.0/8")]);
    let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
    api.post("/v1/webhooks", json!({"url": receiver.url})).await.expect(201);
    let by_events = json!({"url": format!("{}/webhook/evolution", evolution.url), "format": "evolution", "by_events": true});
    let other = api.post("/v1/webhooks", by_events).await.expect(201)["data"]["id"].clone();
    live(&api, &network.phones, &format!("/v1/webhooks/{}", other.as_str().unwrap())).await;

    let wanted: BTreeSet<_> = PublicType::ALL.iter().map(|public| public.name().to_owned()).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.map(str::to_owned).into();
    let wanted: BTreeSet<_> = wanted.difference(&elsewhere).cloned().collect();
    let begin = std::time::Instant::now();
    while !types(&receiver.received()).is_superset(&wanted) {
        let missing: Vec<_> = wanted.difference(&types(&receiver.received())).cloned().collect();
        assert!(begin.elapsed() < PATIENCE, "never delivered: {missing:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut described = Described::new(api.get("/openapi.json").await.expect(200));
    receiver.received().iter().for_each(|one| described.check(one));
    for public in PublicType::ALL {
        let served = format!("/v1/events/types/{}/schema", public.name());
        let served = api.get(&served).await.expect(200);
        assert!(described.document["webhooks"][public.name()].is_object());
        assert!(served.to_string().contains(public.name()));
    }

    // With `by_events` each event has an address of its own below that of the webhook, and its body names it.
    let deleted = |one: &Received| one.path == "/webhook/evolution/instance-delete";
    let told = evolution.until(|received| received.iter().any(deleted)).await;
    let mut paths = BTreeSet::new();
    for one in &told {
        let body = one.json();
        let name = body["event"].as_str().unwrap();
        assert_eq!(one.path, format!("/webhook/evolution/{}", name.replace('.', "-")));
        assert_eq!(body["destination"], format!("{}{}", evolution.url, one.path));
        paths.insert(name.to_owned());
    }
    for name in [
        "instance.create",
        "qrcode.updated",
        "connection.update",
        "messages.upsert",
        "send.message",
        "messages.update",
        "chats.upsert",
        "chats.update",
        "contacts.upsert",
        "logout.instance",
    ] {
        assert!(paths.contains(name), "{name} of {paths:?}");
    }
    let qr = told.iter().map(Received::json).find(|body| body["event"] == "qrcode.updated").unwrap();
    let no_secret = json!({"instance": "user_id_001", "pairingCode": null, "code": null, "base64": null});
    assert_eq!(qr["data"], json!({"qrcode": no_secret}));
}
