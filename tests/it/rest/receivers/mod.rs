//! The receivers of docs/webhooks.md, as they are printed there, told what this server tells: the Rust one always, the
//! others by scripts/verify-webhooks, which brings the libraries of their languages.

#[expect(clippy::print_stdout, reason = "printed in the guide as it is")]
mod example;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use axum::Router;
use interflow_application::webhook::signing;
use interflow_domain::webhook::Secret;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::recorder::{Recorder, Request};
use super::server::Server;
use super::webhooks::{customer, made, path};

const EXAMPLE: &str = include_str!("example.rs");

/// A code block of the guide, by its language.
fn printed(language: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/webhooks.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, rest) = guide.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// A server, and what it told before and after a rotation of the secret.
struct Told {
    _server: Server,
    secrets: [String; 2],
    before: Request,
    during: Request,
}

impl Told {
    async fn new() -> Self {
        let (server, recorder) = (Server::start().await, Recorder::start().await);
        let api = &server.api;
        let webhook = made(api, json!({"url": recorder.url, "events": ["customer.created"]})).await;
        let first = customer(api, "5511988887777").await;
        let before = recorder.until(|told| told.is("customer.created", &first)).await;
        let rotated = api.post(&format!("{}/rotate-secret", path(&webhook)), json!({})).await.expect(200);
        let second = customer(api, "5511977776666").await;
        let during = recorder.until(|told| told.is("customer.created", &second)).await;
        assert_eq!(before.header("webhook-signature").split(' ').count(), 1);
        assert_eq!(during.header("webhook-signature").split(' ').count(), 2);
        let secret = |value: &Value| value.as_str().unwrap().to_owned();
        let secrets = [secret(&webhook["secret"]), secret(&rotated["data"]["secret"])];
        Self { _server: server, secrets, before, during }
    }

    /// What receivers with either secret make of what was told, of a changed byte, and of an old attempt.
    async fn verify(&self, old: &str, new: &str) {
        let Self { before, during, .. } = self;
        for url in [old, new] {
            assert_eq!(post(url, during, &during.body).await, 204, "both secrets sign during the overlap");
            assert_eq!(post(url, during, &during.body).await, 204, "a repetition is taken");
            assert_eq!(post(url, during, &changed(&during.body)).await, 401, "a changed byte");
            let renamed = with_header(during, "webhook-id", "dlv_01h455vb4pex5vsknk084sn02q");
            assert_eq!(post(url, &renamed, &during.body).await, 401, "another id");
        }
        assert_eq!(post(old, before, &before.body).await, 204);
        assert_eq!(post(new, before, &before.body).await, 401, "another secret");
        assert_eq!(post(old, &self.six_minutes_old(), &before.body).await, 401, "an old attempt");
        let unsigned = Request { headers: HeaderMap::new(), ..before.clone() };
        assert_eq!(post(old, &unsigned, &before.body).await, 401);
    }

    /// The first delivery as it was signed six minutes before.
    fn six_minutes_old(&self) -> Request {
        let secret: Secret = self.secrets[0].parse().unwrap();
        let id = self.before.header("webhook-id").parse().unwrap();
        let seconds: i64 = self.before.header("webhook-timestamp").parse().unwrap();
        let at = chrono::DateTime::from_timestamp(seconds - 360, 0).unwrap();
        let signed = signing::headers(&[&secret], id, at, &self.before.body);
        signed.iter().fold(self.before.clone(), |request, (name, value)| with_header(&request, name, value))
    }
}

fn with_header(request: &Request, name: &'static str, value: &str) -> Request {
    let mut request = request.clone();
    request.headers.insert(name, value.parse().unwrap());
    request
}

fn changed(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let other = text.replace("customer.created", "customer.creatEd");
    assert_ne!(text, other);
    other.into_bytes()
}

async fn post(url: &str, told: &Request, body: &[u8]) -> u16 {
    let mut request = reqwest::Client::new().post(url).body(body.to_vec());
    for name in ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"] {
        if let Some(value) = told.headers.get(name) {
            request = request.header(name, value);
        }
    }
    request.send().await.unwrap().status().as_u16()
}

async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test]
async fn the_receiver_in_rust_verifies_what_is_told_with_the_old_and_the_new_secret() {
    assert_eq!(printed("rust"), EXAMPLE, "docs/webhooks.md prints tests/it/rest/receivers/example.rs");
    let told = Told::new().await;
    let [old, new] = &told.secrets;
    let (old, new) = (served(example::receiver(old)).await, served(example::receiver(new)).await);
    told.verify(&old, &new).await;
}

/// A receiver as a process of its own.
struct Receiver {
    child: Child,
    url: String,
}

impl Receiver {
    fn start(program: &Path, script: Option<&Path>, secret: &str) -> Self {
        let mut command = Command::new(program);
        command.args(script).env("WEBHOOK_SECRET", secret).env("PORT", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let port = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}/") }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Ended already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Started by scripts/verify-webhooks, which says where the interpreters are (`RECEIVERS_PYTHON`, `RECEIVERS_NODE`,
/// `RECEIVERS_GO`) and prepared `RECEIVERS_DIR` for what they need.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/verify-webhooks brings the libraries"]
async fn the_printed_receivers_verify_what_is_told_with_the_old_and_the_new_secret() {
    let directory = PathBuf::from(std::env::var_os("RECEIVERS_DIR").unwrap());
    let told = Told::new().await;
    let [old, new] = &told.secrets;
    let scripts = [
        ("RECEIVERS_PYTHON", Some("receiver.py")),
        ("RECEIVERS_NODE", Some("receiver.js")),
        ("RECEIVERS_GO", None),
    ];
    for (variable, script) in scripts {
        let Some(program) = std::env::var_os(variable).map(PathBuf::from) else { continue };
        let script = script.map(|script| directory.join(script));
        let receivers = [old, new].map(|secret| Receiver::start(&program, script.as_deref(), secret));
        told.verify(&receivers[0].url, &receivers[1].url).await;
        crate::support::say(&format!("verified by {}", program.display()));
    }
}
