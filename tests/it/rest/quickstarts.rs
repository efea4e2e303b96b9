//! The quick starts of docs/, run as they are printed, by somebody who puts in an address and a key of their own, and
//! scans the QR when there is one.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::server::{ACCOUNT, Server};
use crate::support::page::{blocks, is_there, run};

/// The channel that all of them connect, and whom they write to.
const CHANNEL: &str = "shop";
const CUSTOMER: &str = "5511999999999";

/// A page's program, for this server.
fn program(server: &Server, page: &str, language: &str) -> String {
    let page = fs::read_to_string(format!("{}/../docs/{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let program = blocks(&page, language).join("\n");
    assert!(program.contains("http://localhost:3000") && program.contains("flowcore123"), "{program}");
    program
        .replace("http://localhost:3000", &server.api.url)
        .replace("flowcore123", server.api.key.as_deref().unwrap())
}

/// Waits for the channel's QR, and scans it.
async fn scan(server: &Server) {
    loop {
        let shown = server.api.get(&format!("/v1/channels/{CHANNEL}/qr")).await;
        if let Some(qr) = shown.body["data"]["qr"].as_str() {
            let scanned = json!({"qr": qr, "phone": ACCOUNT, "name": "Shop"});
            assert!(server.phones.post("/scan", scanned).await.0.is_success());
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs a page, and looks at what it printed and at the customer's phone.
async fn follow(page: &str, language: &str, runner: &[&str], file: &str) {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file);
    fs::write(&path, program(&server, page, language)).unwrap();
    let arguments: Vec<&str> = runner[1..].iter().copied().chain([path.to_str().unwrap()]).collect();
    let (printed, ()) = tokio::join!(run(runner[0], &arguments), scan(&server));
    for word in ["connecting", "2@", "open", "msg_", "sent", "Hello"] {
        assert!(printed.contains(word), "{page} does not show {word}: {printed}");
    }
    server.phones.until_received(CUSTOMER, 1).await;
    assert_eq!(server.phones.texts(CUSTOMER).await, ["Hello from Interflow!"], "{page}");
}

#[tokio::test]
async fn the_quick_start_with_curl_does_what_it_says() {
    if is_there("curl", &["--version"]).await {
        follow("quickstart-curl.md", "sh", &["sh", "-eu"], "start.sh").await;
    }
}

#[tokio::test]
async fn the_quick_start_in_python_does_what_it_says() {
    if is_there("python3", &["--version"]).await {
        follow("quickstart-python.md", "python", &["python3"], "start.py").await;
    }
}

#[tokio::test]
async fn the_quick_start_in_typescript_does_what_it_says() {
    let runner = ["node", "--experimental-strip-types", "--no-warnings"];
    if is_there("node", &["--experimental-strip-types", "--eval", ""]).await {
        follow("quickstart-typescript.md", "ts", &runner, "start.mts").await;
    }
}
