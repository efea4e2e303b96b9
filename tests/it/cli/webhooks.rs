//! `interflow webhooks listen`.

use serde_json::json;

use super::{Person, objects};
use crate::rest::recorder::Recorder;
use crate::rest::server::Server;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test(flavor = "multi_thread")]
async fn events_are_shown_as_they_happen_and_forwarded_as_webhooks_are() {
    let (server, recorder) = (Server::start().await, Recorder::start().await);
    let person = Person::of(&server);
    let customer = |phone: &'static str| server.api.post("/v1/customers", json!({"phone": phone}));
    let ana = customer("5511988887777").await.expect(201)["data"]["id"].clone();
    let listen = ["webhooks", "listen", "--after", "0", "--secret", SECRET, "--events", "customer.*"];
    let forward = [&listen[..], &["--forward-to", &recorder.url]].concat();
    let mut people = person.start(&forward);
    let line = people.line().await;
    assert!(line.contains("customer.created") && line.contains(ana.as_str().unwrap()), "{line}");
    assert!(line.contains("→ 204 in "), "{line}");
    let told = recorder.until(|told| told.is("customer.created", &ana)).await;
    let secret = standardwebhooks::Webhook::new(SECRET).unwrap();
    secret.verify(&told.body, &told.headers).unwrap();
    assert_eq!((&told.json()["sequence"], &told.json()["previous_sequence"]), (&json!(1), &json!(null)));

    let path = format!("/v1/customers/{}", ana.as_str().unwrap());
    recorder.answer(500);
    server.api.patch(&path, json!({"name": "Ana"})).await.expect(200);
    let line = people.line().await;
    assert!(line.contains("customer.updated") && line.contains("→ 500 in "), "{line}");
    let told = recorder.until(|told| told.is("customer.updated", &ana)).await;
    assert_eq!((&told.json()["sequence"], &told.json()["previous_sequence"]), (&json!(2), &json!(1)));
    people.signal("INT");
    people.end().await.expect(130);

    let mut program = person.start(&[&listen[..], &["--json"]].concat());
    assert_eq!(objects(&program.line().await)[0]["data"]["id"], ana);
    let wrong = person.run(&["webhooks", "listen", "--events", "massage.*", "--json"]).await.expect(4);
    assert_eq!(wrong.error()["details"][0]["field"], "types");
    let short = ["webhooks", "listen", "--forward-to", &recorder.url, "--secret", "whsec_short"];
    person.run(&short).await.expect(2);
}
