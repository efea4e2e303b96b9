//! The people behind the phones, over the control face of the simulated network.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::PATIENCE;
use super::api::Api;

/// The people behind the phones.
#[derive(Clone)]
pub struct Phones {
    pub http: reqwest::Client,
    pub url: String,
}

impl Phones {
    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let response = self.http.post(format!("{}{path}", self.url)).json(&body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Asks for what the network cannot refuse.
    async fn done(&self, path: &str, body: Value) {
        let (status, told) = self.post(path, body).await;
        assert!(status.is_success(), "{path}: {told}");
    }

    /// Connects a channel, scans its QR with an account's phone, waits until it is open; gives the QR.
    pub async fn pair(&self, api: &Api, channel: &str, account: &str) -> String {
        let connected = api.post("/api/whatsapp/connect", json!({"instanceName": channel})).await.expect(200);
        let qr = connected["qrcode"].as_str().unwrap();
        assert!(qr.starts_with("2@"), "{qr}");
        self.done("/scan", json!({"qr": qr, "phone": account, "name": "Shop"})).await;
        api.until_status(channel, "open").await;
        qr.to_owned()
    }

    /// Nobody has this number.
    pub async fn leave(&self, number: &str) {
        self.done("/phones", json!({"phone": number, "registered": false})).await;
    }

    /// What goes wrong from now on, instead of what did until now.
    pub async fn faults(&self, faults: Value) {
        self.done("/faults", faults).await;
    }

    /// A customer writes to an account.
    pub async fn write(&self, from: &str, name: &str, to: &str, text: &str) {
        self.done("/messages", json!({"from": from, "name": name, "to": to, "text": text})).await;
    }

    /// A customer types to an account, records, or has stopped.
    pub async fn activity(&self, from: &str, to: &str, state: &str) {
        self.done("/typing", json!({"from": from, "to": to, "state": state})).await;
    }

    /// A customer opens WhatsApp, or closes it.
    pub async fn presence(&self, from: &str, to: &str, online: bool, last_seen: Option<i64>) {
        let body = json!({"from": from, "to": to, "online": online, "last_seen": last_seen, "lid": true});
        self.done("/presence", body).await;
    }

    /// The connection of an account's devices breaks; it may not be there.
    pub async fn cut(&self, account: &str) {
        self.post("/cut", json!({"phone": account})).await;
    }

    /// Who connected how often, and who is online.
    pub async fn connections(&self) -> Value {
        self.http.get(format!("{}/connections", self.url)).send().await.unwrap().json().await.unwrap()
    }

    /// How often devices of an account logged in, or tried to.
    pub async fn logins(&self, account: &str) -> u64 {
        self.connections().await["logins"][account].as_u64().unwrap_or_default()
    }

    /// What a phone has received and decrypted.
    pub async fn received(&self, number: &str) -> Vec<Value> {
        let response = self.http.get(format!("{}/phones/{number}/messages", self.url)).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// The texts a phone has, in order.
    pub async fn texts(&self, number: &str) -> Vec<String> {
        self.received(number)
            .await
            .iter()
            .map(|message| message["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What a person wrote, and how far the account says it got.
    pub async fn written(&self, number: &str) -> Vec<Value> {
        let response = self.http.get(format!("{}/phones/{number}/sent", self.url)).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// Waits until so many of the messages a person wrote are read.
    pub async fn until_read(&self, number: &str, count: usize) {
        let begin = Instant::now();
        loop {
            let written = self.written(number).await;
            if written.iter().filter(|message| message["read"] == true).count() == count {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{number}: not {count} are read of {written:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until a phone has so many messages.
    pub async fn until_received(&self, number: &str, count: usize) -> Vec<Value> {
        let begin = Instant::now();
        loop {
            let received = self.received(number).await;
            if received.len() >= count {
                return received;
            }
            assert!(begin.elapsed() < PATIENCE, "{number} has {} of {count} messages", received.len());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}
