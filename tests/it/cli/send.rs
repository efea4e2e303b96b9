//! `interflow send` and `interflow messages`.

use interflow_domain::workspace::Scope;
use serde_json::json;

use super::Person;
use crate::rest::server::{NOBODY, Server};

const ANA: &str = "5511999999999";
const TEXT: &str = "Olá, 東京 👋\nsecond line";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_and_waited_for() {
    let server = Server::start().await;
    let person = Person::of(&server);
    server.open_channel("shop").await;
    let sent = person.told(&["send", "shop", ANA, TEXT, "--wait", "sent"]).await;
    let (id, rest) = sent.split_once(' ').unwrap();
    assert!(id.starts_with("msg_"), "{sent}");
    assert_eq!(rest, format!("to {ANA}: ✓ sent\n"));
    let late = person.run(&["send", "shop", ANA, "x", "--wait", "read", "--timeout", "1s"]).await.expect(6);
    assert!(late.complaint.contains("is sent and was not read within 1 s"), "{}", late.complaint);

    server.phones.faults(json!({})).await;
    let read = person.data(&["send", "shop", ANA, "-x", "--wait", "read", "--reply-to", id]).await;
    assert_eq!((&read[0]["status"], &read[0]["reply_to"]), (&json!("read"), &json!(id)));
    let piped = person.pipe(&["send", "shop", ANA, "-"], "from a pipe\n").await.expect(0);
    assert!(piped.out.starts_with("msg_"), "{}", piped.out);
    let mut texts = server.phones.until_received(ANA, 4).await;
    texts.sort_by_key(|message| message["text"].as_str().unwrap().len());
    let texts: Vec<_> = texts.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["x", "-x", "from a pipe", TEXT]);

    let shown = person.told(&["messages", "show", id]).await;
    assert!(shown.contains("text         Olá, 東京 👋⏎second line\n"), "{shown}");
    let data = person.data(&["messages", "show", id]).await;
    let path = format!("/v1/messages/{id}");
    assert_eq!(data[0], server.api.get(&path).await.expect(200)["data"]);
    let other = Person::with(&server.another("second", &[Scope::All], None).await);
    other.run(&["messages", "show", id]).await.expect(4);
    other.run(&["send", "shop", ANA, "x"]).await.expect(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_with_the_same_key_sends_once() {
    let server = Server::start().await;
    let person = Person::of(&server);
    server.open_channel("shop").await;
    let once = ["send", "shop", ANA, "once", "--idempotency-key", "order-7"];
    let (first, again) = (person.data(&once).await, person.data(&once).await);
    assert_eq!(first[0]["id"], again[0]["id"]);
    let other = ["send", "shop", ANA, "twice", "--idempotency-key", "order-7"];
    let refused = person.run(&other).await.expect(4);
    assert!(refused.complaint.contains("IDEMPOTENCY_KEY_REUSED"), "{}", refused.complaint);
    assert_eq!(server.phones.texts(ANA).await, ["once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_said_with_every_field() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let none = person.run(&["send", "shop", ANA, "x"]).await.expect(4);
    assert!(none.complaint.starts_with("interflow: "), "{}", none.complaint);
    let wrong = person.run(&["send", "no channel", "ana", "", "--json"]).await.expect(4);
    let fields: Vec<_> =
        wrong.error()["details"].as_array().unwrap().iter().map(|detail| detail["field"].clone()).collect();
    assert_eq!(wrong.error()["code"], "VALIDATION_ERROR");
    assert!(fields.contains(&json!("to")) && fields.contains(&json!("content.text")), "{fields:?}");
    server.open_channel("shop").await;
    let nobody = person.run(&["send", "shop", NOBODY, "x", "--wait", "read"]).await;
    assert!(matches!(nobody.code, Some(1 | 4)), "{nobody:?}");
    assert!(nobody.complaint.contains("NUMBER_NOT_ON_WHATSAPP"), "{}", nobody.complaint);
}
