//! What goes wrong, and the exit code that says what.

use interflow_domain::workspace::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Person, Said};
use crate::rest::server::Server;

const SECRET: &str = "ifl_live_thisIsNotAKeyOfAnybodyAtAll000000000000";

fn silent(said: &Said) {
    assert!(!said.complaint.contains(SECRET) && !said.out.contains(SECRET), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_failure_has_its_exit_code_and_none_shows_the_key() {
    let server = Server::start().await;
    let mut person = Person::of(&server);
    let wrong = Person { key: Some(SECRET.to_owned()), ..Person::of(&server) };
    let refused = wrong.run(&["channels", "list", "--json"]).await.expect(4);
    assert_eq!(refused.error()["code"], "UNAUTHORIZED");
    assert!(refused.error()["request_id"].is_string());
    silent(&refused);
    let given = Person { key: None, ..Person::of(&server) };
    silent(&given.run(&["channels", "list", "--api-key", SECRET]).await.expect(4));
    silent(&given.run(&["channels", "list", "--api-key", &format!("{SECRET}\n{SECRET}")]).await.expect(2));
    let none = given.run(&["channels", "list"]).await.expect(2);
    assert!(none.complaint.contains("INTERFLOW_API_KEY"), "{}", none.complaint);

    let weak = Person::with(&server.another("default", &[Scope::ChatsRead], None).await);
    let forbidden = weak.run(&["channels", "list"]).await.expect(4);
    assert!(forbidden.complaint.contains("channels:read") && forbidden.complaint.contains("FORBIDDEN"));
    for arguments in [&["channels", "lsit"][..], &["send", "shop"], &["channels", "show", ".."]] {
        person.run(arguments).await.expect(2);
    }
    person.url = "http://user:password@127.0.0.1".to_owned();
    let refused = person.run(&["channels", "list"]).await.expect(2);
    assert!(!refused.complaint.contains("password@"), "{}", refused.complaint);

    person.url = "http://127.0.0.1:9".to_owned();
    let gone = person.run(&["channels", "list", "--json"]).await.expect(3);
    assert_eq!(gone.error()["code"], "UNREACHABLE");
    assert!(!gone.complaint.contains("idempotency"), "nothing was sent");
    person.url = server.phones.url.clone();
    let other = person.run(&["channels", "list"]).await.expect(3);
    assert!(other.complaint.contains("is not Interflow"), "{}", other.complaint);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_breaks_off_tells_how_to_repeat_it() {
    let (url, deaf) = scripted(vec![None; 3]).await;
    let person = Person { url, key: Some(SECRET.to_owned()), home: tempfile::tempdir().unwrap() };
    let broken =
        person.run(&["send", "shop", "5511999999999", "x", "--idempotency-key", "k-1"]).await.expect(3);
    assert!(broken.complaint.contains("--idempotency-key k-1"), "{}", broken.complaint);
    deaf.await.unwrap();
    silent(&broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_bears_with_a_server_that_is_away_once_it_was_there() {
    let job = |finished_at: &str| {
        let progress = r#"{"queued":0,"sent":1}"#;
        let fields =
            format!(r#""id":"job_1","accepted":1,"progress":{progress},"finished_at":{finished_at}"#);
        Some(("200 OK", format!(r#"{{"success":true,"data":{{{fields}}}}}"#)))
    };
    let busy = r#"{"success":false,"error":{"code":"UNAVAILABLE","message":"Busy","details":[]}}"#;
    let busy = Some(("503 Service Unavailable", busy.to_owned()));
    let (url, server) =
        scripted(vec![job("null"), None, busy.clone(), job("\"2026-01-31T12:00:00Z\"")]).await;
    let person = |url| Person { url, key: Some(SECRET.to_owned()), home: tempfile::tempdir().unwrap() };
    let said = person(url).run(&["jobs", "wait", "job_1"]).await.expect(0);
    server.await.unwrap();
    assert_eq!(said.complaint.matches("trying again").count(), 1, "{}", said.complaint);
    assert!(said.complaint.contains("The server answers again."), "{}", said.complaint);

    let (url, server) = scripted(vec![busy]).await;
    let refused = person(url).run(&["jobs", "wait", "job_1", "--json"]).await.expect(5);
    server.await.unwrap();
    assert_eq!(refused.error()["code"], "UNAVAILABLE");
}

/// Answers one connection after the other with a status and a body, or, where there is none, breaks it off.
async fn scripted(script: Vec<Option<(&'static str, String)>>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        for answer in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            if let Some((status, body)) = answer {
                let head = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
                let text = format!("HTTP/1.1 {status}\r\n{head}\r\nConnection: close\r\n\r\n{body}");
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        }
    });
    (url, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_and_the_key_are_found_where_they_were_put() {
    let server = Server::start().await;
    let key = server.api.key.clone().unwrap();
    let address = server.api.url.strip_prefix("http://").unwrap();
    let person = Person { key: None, ..Person::of(&server) };
    let file = person.home.path().join("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let file = file.to_str().unwrap();
    person.run(&["channels", "list", "--api-key-file", file]).await.expect(0);
    person.run(&["--help"]).await.expect(0);
    let missing = person.run(&["channels", "list", "--api-key-file", "/nowhere/key"]).await.expect(1);
    assert!(missing.complaint.contains("/nowhere/key cannot be read"), "{}", missing.complaint);

    let own = person.home.path().join(".config/interflow");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("api-key"), &key).unwrap();
    person.run(&["channels", "list"]).await.expect(0);
    let wrong = Person { key: Some(SECRET.to_owned()), ..Person::of(&server) };
    wrong.run(&["channels", "list"]).await.expect(4);
    wrong.run(&["channels", "list", "--api-key-file", file]).await.expect(0);

    let config = person.home.path().join("interflow.toml");
    std::fs::write(&config, format!("listen = \"{address}\"\n")).unwrap();
    for (name, value) in [("INTERFLOW_LISTEN", address), ("INTERFLOW_CONFIG", config.to_str().unwrap())] {
        let mut command = person.command(&["channels", "list"]);
        command.env_remove("INTERFLOW_URL").env(name, value);
        assert!(command.status().await.unwrap().success(), "{name}");
    }
    let mut nowhere = person.command(&["channels", "list"]);
    nowhere.env_remove("INTERFLOW_URL").env("INTERFLOW_LISTEN", "127.0.0.1:0");
    assert_eq!(nowhere.status().await.unwrap().code(), Some(2));
}
