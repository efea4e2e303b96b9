//! The command line beside a server and without one, on an embedded Postgres.

use std::path::Path;
use std::process::{Command, Output};

use interflow::config::Config;
use interflow::{Running, serve};

use super::server::engine;
use crate::support::api::Api;
use crate::support::lab::built;

/// Where no WhatsApp is: nothing is connected here.
const NOWHERE: &str = "ws://127.0.0.1:9/ws/chat";

async fn start(data: &Path, adjust: impl FnOnce(Config) -> Config) -> (Running, Api) {
    let config = Config { listen: "127.0.0.1:0".to_owned(), data_dir: data.to_owned(), ..Config::default() };
    let running = serve(adjust(config), engine(NOWHERE.to_owned())).await.unwrap();
    let key = running.admin_key().map(str::to_owned);
    let api = Api { http: reqwest::Client::new(), url: format!("http://{}", running.address), key };
    (running, api)
}

fn interflow(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(built("interflow"));
    command.args(arguments).env_remove("DATABASE_URL").env_remove("INTERFLOW_ADMIN_KEY");
    command.env("INTERFLOW_DATA_DIR", data).output().unwrap()
}

fn made(data: &Path, arguments: &[&str]) -> String {
    let output = interflow(data, arguments);
    let (told, complained) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{complained}");
    let key = told.trim_end().to_owned();
    assert!(
        key.starts_with("ifl_live_") && key.len() == 45,
        "nothing but the key is on standard output: {told}"
    );
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_before_a_server_beside_it_and_after() {
    let data = tempfile::tempdir().unwrap();
    let before = made(data.path(), &["key", "create"]);
    let (running, api) = start(data.path(), |config| config).await;
    assert_eq!(running.admin_key(), None, "there is a key already");
    let beside =
        made(data.path(), &["key", "create", "--name", "Reports", "--scope", "customers:read,chats:read"]);
    let other = made(data.path(), &["key", "create", "--workspace", "second"]);
    let with = |key: &str| Api { key: Some(key.to_owned()), ..api.clone() };
    with(&before).post("/v1/customers", serde_json::json!({"phone": "5511988887777"})).await.expect(201);
    with(&beside).get("/v1/customers").await.expect(200);
    with(&beside).get("/v1/channels").await.refused(403, "FORBIDDEN");
    assert_eq!(with(&other).get("/v1/customers").await.expect(200)["meta"]["total"], 0);
    running.shutdown().await;

    let brief = made(data.path(), &["key", "create", "--expires-in", "0s"]);
    let (running, api) = start(data.path(), |config| config).await;
    let with = |key: &str| Api { key: Some(key.to_owned()), ..api.clone() };
    with(&brief).get("/v1/customers").await.refused(401, "UNAUTHORIZED");
    assert_eq!(
        with(&before).get("/v1/customers").await.expect(200)["meta"]["total"],
        1,
        "all is there again"
    );
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_made_may_be_given_and_one_that_was_given_be_replaced() {
    let data = tempfile::tempdir().unwrap();
    let (running, api) = start(data.path(), |config| config).await;
    let first = api.key.clone().unwrap();
    running.shutdown().await;
    for (given, gone) in [(first.as_str(), None), ("flowcore123", None), ("flowcore124", Some("flowcore123"))]
    {
        let (running, api) =
            start(data.path(), |config| Config { admin_key: Some(given.into()), ..config }).await;
        assert_eq!(running.admin_key(), None);
        let with = |key: &str| Api { key: Some(key.to_owned()), ..api.clone() };
        with(given).get("/v1/customers").await.expect(200);
        with(&first).get("/v1/customers").await.expect(200);
        if let Some(gone) = gone {
            with(gone).get("/v1/customers").await.refused(401, "UNAUTHORIZED");
        }
        running.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_told_so() {
    let data = tempfile::tempdir().unwrap();
    let (running, _) = start(data.path(), |config| config).await;
    let config =
        Config { listen: "127.0.0.1:0".to_owned(), data_dir: data.path().to_owned(), ..Config::default() };
    let second = serve(config, engine(NOWHERE.to_owned())).await;
    let told = second.err().unwrap().to_string();
    assert!(told.contains("another Interflow") && told.contains("INTERFLOW_DATA_DIR"), "{told}");
    let config = Config { listen: running.address.to_string(), ..Config::default() };
    let third = serve(config, engine(NOWHERE.to_owned())).await;
    assert!(third.err().unwrap().to_string().contains("cannot listen on"));
    running.shutdown().await;
}

#[test]
fn what_the_program_cannot_do_it_says_in_words() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("interflow.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\nlisen = \"x\"\n").unwrap();
    let complaint = |arguments: &[&str]| {
        let output = interflow(data.path(), arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(complaint(&["key", "create", "--config", file.to_str().unwrap()]).contains("lisen"));
    assert!(complaint(&["key", "create", "--scope", "everything"]).contains("customers:read"));
    assert!(complaint(&["key", "create", "--workspace", "No Slug"]).contains("a-z"));
    assert!(complaint(&["migrate", "--database-url", "nonsense"]).contains("postgres://"));
    assert!(
        !complaint(&["migrate", "--database-url", "postgres://x:secret@127.0.0.1:1/y"]).contains("secret")
    );
    let version = interflow(data.path(), &["version"]);
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("interflow 0."));
}
