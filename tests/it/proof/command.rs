//! `interflow audit …` as an operator runs it, and the file that checkpoints are anchored in.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use interflow_infrastructure::proof::read_anchors;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::lab::KEY;
use crate::support::lab::{NetworkProcess, built};

/// What a command said.
pub struct Said {
    pub success: bool,
    pub lines: Vec<Value>,
    pub text: String,
}

pub fn audit(data: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(built("interflow-lab"))
        .arg("audit")
        .args(arguments)
        .args(["--data-dir", data.to_str().unwrap()])
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let lines = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let text = format!("{out}{}", String::from_utf8(output.stderr).unwrap());
    Said { success: output.status.success(), lines, text }
}

pub(super) fn sql(data: &Path, sql: &str) {
    let url = format!("postgres:///interflow?host={}&user=interflow", data.join("postgres/socket").display());
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runtime.block_on(async {
            use sqlx::{Connection, Executor};
            sqlx::PgConnection::connect(&url).await.unwrap().execute(sql).await.unwrap();
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_verifies_rotates_and_finds_what_was_changed() {
    let network = NetworkProcess::start();
    let data = tempfile::tempdir().unwrap();
    let anchors = data.path().join("anchors.jsonl");
    let environment = [
        ("INTERFLOW_AUDIT_ANCHOR_FILE", anchors.to_str().unwrap()),
        ("INTERFLOW_AUDIT_ANCHOR_INTERVAL", "1s"),
    ];
    let (mut server, url) = network.serve(data.path(), &environment);
    let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
    for number in 0..10 {
        let customer = json!({"name": "Ana", "email": format!("ana.{number}@example.com")});
        api.post("/v1/customers", customer).await.expect(201);
    }
    let head =
        api.get("/v1/events?after=end&limit=1").await.expect(200)["meta"]["next_after"].as_u64().unwrap();
    let begin = Instant::now();
    while !anchors.exists()
        || read_anchors(&anchors, None).unwrap().last().is_none_or(|last| last.size < head)
    {
        assert!(begin.elapsed() < PATIENCE, "nothing was anchored");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let with = ["--anchors", anchors.to_str().unwrap(), "--json"];
    let said = audit(data.path(), &[&["verify"], &with[..]].concat());
    assert!(said.success, "{}", said.text);
    assert_eq!(said.lines[0]["ok"], true);
    assert!(said.lines[0]["events"].as_u64().unwrap() >= head, "what was anchored is told in the log");
    assert!(said.lines[0]["checkpoints"].as_u64().unwrap() >= 2, "{}", said.text);

    let rotated = audit(data.path(), &["rotate-key", "--overlap", "1h", "--json"]);
    assert!(rotated.success, "{}", rotated.text);
    let keys = api.get("/v1/audit/log/keys").await.expect(200)["data"].clone();
    assert_eq!(keys[0]["key"], rotated.lines[0]["key"]);
    assert_eq!(keys[1]["retires_at"], rotated.lines[0]["previous_retires_at"]);
    assert_eq!(
        api.get("/v1/audit/log/checkpoint").await.text,
        rotated.lines[0]["checkpoint"].as_str().unwrap()
    );

    // An erasure changes nothing of it.
    let customer = api.get("/v1/customers").await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned();
    api.post(&format!("/v1/customers/{customer}/erase"), json!({})).await.expect(200);
    assert!(server.terminate().success());
    let said = audit(data.path(), &[&["verify"], &with[..]].concat());
    assert!(said.success, "{}", said.text);
    assert_eq!(said.lines[0]["sealed"], said.lines[0]["events"], "a server that stops has sealed everything");

    let (mut server, _) = network.serve(data.path(), &environment);
    sql(
        data.path(),
        "ALTER TABLE events DISABLE TRIGGER ALL; UPDATE events SET metadata = '{}' WHERE position = 4; \
         ALTER TABLE events ENABLE ALWAYS TRIGGER events_are_append_only",
    );
    let said = audit(data.path(), &[&["verify"], &with[..]].concat());
    assert!(!said.success);
    let faults = &said.lines[0]["faults"];
    assert_eq!(
        (&said.lines[0]["ok"], &faults[0]["kind"], &faults[0]["position"]),
        (&json!(false), &json!("changed"), &json!(4))
    );
    let said = audit(data.path(), &["verify", "--workspace", "default"]);
    assert!(!said.success);
    assert!(
        said.text.contains("NOT as it was sealed") && said.text.contains("changed    event 4 ("),
        "{}",
        said.text
    );
    assert!(said.text.contains("a log is not the one that was sealed"), "{}", said.text);
    let wrong = audit(data.path(), &["verify", "--key", "nonsense"]);
    assert!(!wrong.success && wrong.text.contains("must be a key"), "{}", wrong.text);
    let missing = audit(data.path(), &["verify", "--anchors", "/nowhere/anchors.jsonl"]);
    assert!(!missing.success && missing.text.contains("/nowhere/anchors.jsonl"), "{}", missing.text);
    assert!(server.terminate().success());
}
