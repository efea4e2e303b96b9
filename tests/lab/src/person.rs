//! The people of the demo: an operator with curl, and phones on the simulated network.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What went wrong in a step.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Somebody who talks to the server's API with a key, and moves the simulated phones.
pub struct Person {
    http: reqwest::Client,
    api: String,
    control: String,
    key: String,
}

impl Person {
    /// Somebody who knows both addresses and a key.
    pub fn new(api: String, control: String, key: String) -> Self {
        Self { http: reqwest::Client::new(), api, control, key }
    }

    /// Asks the server.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        let request = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.key);
        answer(path, request).await
    }

    /// Tells the server.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        let request = self.http.post(format!("{}{path}", self.api)).bearer_auth(&self.key).json(&body);
        answer(path, request).await
    }

    /// Moves a phone.
    pub async fn phone(&self, path: &str, body: Value) -> Result<Value, Failure> {
        answer(path, self.http.post(format!("{}{path}", self.control)).json(&body)).await
    }

    /// What a phone has received and decrypted.
    pub async fn received(&self, number: &str) -> Result<Vec<Value>, Failure> {
        let path = format!("/phones/{number}/messages");
        let messages = answer(&path, self.http.get(format!("{}{path}", self.control))).await?;
        Ok(messages.as_array().cloned().unwrap_or_default())
    }

    /// Looks at something until it is as wanted, or fails after ten seconds.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let begin = Instant::now();
        loop {
            let seen = self.get(path).await?;
            if wanted(&seen) {
                return Ok(seen);
            }
            if begin.elapsed() > Duration::from_secs(10) {
                return Err(format!("{path} did not become as wanted within ten seconds: {seen}").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Scans a QR with the phone of a number.
    pub async fn scan(&self, qr: &str, phone: &str, name: &str) -> Result<Value, Failure> {
        self.phone("/scan", json!({"qr": qr, "phone": phone, "name": name})).await
    }
}

async fn answer(path: &str, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
    let response = request.send().await?;
    let status = response.status();
    let body = response.text().await?;
    if !status.is_success() {
        return Err(format!("{path} answered {status}: {body}").into());
    }
    Ok(serde_json::from_str(&body).unwrap_or(Value::String(body)))
}
