//! `interflow chats`.

use std::time::Duration;

use interflow_domain::workspace::Scope;
use serde_json::{Value, json};

use super::{Person, objects, waited};
use crate::rest::server::{ACCOUNT, Server};

const ANA: &str = "5511999999999";

/// A channel, and a chat in which Ana has written.
async fn chat(server: &Server) -> String {
    server.open_channel("shop").await;
    server.phones.write(ANA, "Ana 東京", ACCOUNT, "Hi\x1b[2J there").await;
    let chats = server.api.until("/v1/chats", |chats| chats["data"][0]["unread_count"] == 1).await;
    chats["data"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_followed_both_ways() {
    let server = Server::start().await;
    let person = Person::of(&server);
    let chat = chat(&server).await;
    let mut people = person.start(&["chats", "tail", &chat, "--every", "100ms"]);
    let mut program = person.start(&["chats", "tail", &chat, "--every", "100ms", "--json"]);
    let line = people.line().await;
    assert!(line.starts_with("20") && line.ends_with("  ←  Ana 東京: Hi\u{fffd}[2J there"), "{line}");
    assert_eq!(objects(&program.line().await)[0]["content"]["text"], "Hi\x1b[2J there");

    server.api.send("shop", ANA, "Hello").await.expect(201);
    let line = people.until("Hello").await.pop().unwrap();
    assert!(line.contains("  →  you: Hello  "), "{line}");
    server.phones.faults(json!({})).await;
    person.told(&["send", "shop", ANA, "How are you?", "--wait", "read"]).await;
    let line = people.until("✓✓ read  How are you?").await.pop().unwrap();
    assert!(line.starts_with("20") && line.contains("  ·  "), "{line}");
    let seen = loop {
        let message: Value = objects(&program.line().await).remove(0);
        if message["status"] == "read" {
            break message;
        }
    };
    assert_eq!(seen["content"]["text"], "How are you?");

    people.signal("INT");
    people.end().await.expect(130);
    program.signal("INT");
    program.end().await.expect(130);
    let last = person.start(&["chats", "tail", &chat, "--last", "1"]).line().await;
    assert!(last.contains("How are you?"), "{last}");

    let listed = person.told(&["chats", "list", "--status", "open", "--unread"]).await;
    let row = listed.lines().nth(1).unwrap();
    assert!(row.starts_with(&chat) && row.contains("→ How are you?"), "{listed}");
    assert_eq!(person.told(&["chats", "list", "--status", "closed"]).await, "");
    assert_eq!(person.data(&["chats", "list", "--channel", "shop", "--assignee", "none"]).await.len(), 1);
    let wrong = person.run(&["chats", "list", "--channel", "", "--json"]).await.expect(4);
    assert_eq!(wrong.error()["details"][0]["field"], "channel_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_the_tail_quietly() {
    let server = Server::start().await;
    let chat = chat(&server).await;
    let mut tail = Person::of(&server).start(&["chats", "tail", &chat, "--every", "100ms"]);
    tail.line().await;
    let child = tail.close();
    server.phones.write(ANA, "Ana", ACCOUNT, "Is anybody there?").await;
    let (status, complaint) = waited(child).await;
    assert_eq!((status.code(), complaint.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_may_be_written_between_two_looks() {
    let server = Server::start().await;
    let chat = chat(&server).await;
    let mut tail =
        Person::of(&server).start(&["chats", "tail", &chat, "--last", "0", "--every", "4s", "--json"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for number in 0..60 {
        server.phones.write(ANA, "Ana", ACCOUNT, &format!("{number}")).await;
    }
    let mut texts = vec![];
    while texts.len() < 60 {
        texts.push(objects(&tail.line().await)[0]["content"]["text"].as_str().unwrap().to_owned());
    }
    texts.sort_by_key(|text| text.parse::<u32>().unwrap());
    assert_eq!(texts, (0..60).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_followed_by_its_own_workspace_alone_and_without_the_customers_name_where_that_is_closed() {
    let server = Server::start().await;
    let chat = chat(&server).await;
    let other = Person::with(&server.another("second", &[Scope::All], None).await);
    assert_eq!(other.told(&["chats", "list"]).await, "");
    other.run(&["chats", "tail", &chat]).await.expect(4);
    let reader = server.another("default", &[Scope::ChatsRead, Scope::MessagesRead], None).await;
    let line = Person::with(&reader).start(&["chats", "tail", &chat]).line().await;
    assert!(line.contains(&format!("←  {ANA}: Hi")), "{line}");
}
