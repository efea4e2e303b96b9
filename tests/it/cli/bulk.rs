//! `interflow bulk` and `interflow jobs`.

use interflow::Config;
use interflow_domain::workspace::Scope;
use serde_json::json;

use super::{Person, objects};
use crate::rest::server::Server;

const ANA: &str = "5511999999999";

async fn server(rate: u32) -> Server {
    Server::with(|config| Config { bulk_rate_per_minute: rate, ..config }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_sent_and_the_lines_that_are_wrong_are_named() {
    let server = server(60_000).await;
    server.open_channel("shop").await;
    let person = Person::of(&server);
    let file = person.home.path().join("list.csv");
    let table = format!("Name,To,text\nAna,{ANA},\"Olá,\nAna\"\nBea,nobody,?\nCarla,{ANA},東京\n");
    std::fs::write(&file, table).unwrap();
    let file = file.to_str().unwrap();
    let said = person.run(&["bulk", "shop", file]).await.expect(1);
    assert!(said.complaint.contains("line 4: ") && said.complaint.contains("VALIDATION_ERROR"), "{said:?}");
    assert!(said.complaint.contains("1 of 3 messages were not accepted"), "{said:?}");
    assert!(said.out.starts_with("2 of 3 messages are accepted: job_"), "{said:?}");
    assert!(said.out.lines().last().unwrap().ends_with("is completed: 2 sent"), "{said:?}");
    assert_eq!(server.phones.texts(ANA).await, ["Olá,\nAna", "東京"]);

    let lines = format!("{{\"to\":\"{ANA}\",\"text\":\"three\"}}\n");
    let arguments = ["bulk", "shop", "-", "--format", "jsonl", "--idempotency-key", "b-1", "--json"];
    let first = objects(&person.pipe(&arguments, &lines).await.expect(0).out);
    let again = objects(&person.pipe(&arguments, &lines).await.expect(0).out);
    assert_eq!((&first[0]["accepted"], &first[1]["status"]), (&json!(1), &json!("completed")));
    assert_eq!(first[0], again[0], "a repetition is the same job");
    assert_eq!(server.phones.until_received(ANA, 3).await.len(), 3);

    let none = person.pipe(&["bulk", "shop", "-", "--format", "csv"], "to,text\nx,y\n").await.expect(4);
    assert!(none.complaint.contains("line 2 to: "), "{}", none.complaint);
    for (wrong, typed, code) in [
        (&["bulk", "shop", "-"][..], "", 2),
        (&["bulk", "shop", "-", "--format", "csv"], "to,body\n", 1),
        (&["bulk", "shop", "-", "--format", "jsonl"], "\n", 1),
        (&["bulk", "shop", "/nowhere/list.csv"], "", 1),
        (&["bulk", "nowhere", "-", "--format", "csv"], "to,text\n1234567890,y\n", 4),
    ] {
        person.pipe(wrong, typed).await.expect(code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_left_watched_and_cancelled() {
    let server = server(1).await;
    server.open_channel("shop").await;
    let person = Person::of(&server);
    let table = format!("to,text\n{ANA},one\n{ANA},two\n{ANA},three\n");
    let taken = person.pipe(&["bulk", "shop", "-", "--format", "csv", "--detach", "--json"], &table).await;
    let job = objects(&taken.expect(0).out)[0]["id"].as_str().unwrap().to_owned();
    let listed = person.told(&["jobs", "list"]).await;
    assert!(listed.lines().nth(1).unwrap().starts_with(&format!("{job}  running  ")), "{listed}");
    assert!(person.told(&["jobs", "show", &job]).await.contains("status     running"));
    let late = person.run(&["jobs", "wait", &job, "--timeout", "500ms"]).await.expect(6);
    assert!(late.complaint.contains("was not finished within"), "{}", late.complaint);

    let mut waiting = person.start(&["jobs", "wait", &job]);
    let cancelled = person.told(&["jobs", "cancel", &job]).await;
    assert!(cancelled.contains("is cancelled"), "{cancelled}");
    let line = waiting.line().await;
    assert!(line.contains("cancelled"), "{line}");
    let ended = waiting.end().await.expect(1);
    assert!(ended.complaint.contains("were not sent"), "{}", ended.complaint);
    let other = Person::with(&server.another("second", &[Scope::All], None).await);
    for verb in ["show", "wait", "cancel"] {
        other.run(&["jobs", verb, &job]).await.expect(4);
    }
    assert_eq!(other.told(&["jobs", "list"]).await, "");
}
