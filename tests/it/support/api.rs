//! A caller of the API.

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};

use super::PATIENCE;

/// A caller.
#[derive(Clone)]
pub struct Api {
    pub http: reqwest::Client,
    pub url: String,
    pub key: Option<String>,
}

/// What came back. The body is null when it is no JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Api {
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], None::<&str>).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body, &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, body, &[]).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, body, &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, &[], None::<&str>).await
    }

    /// A POST with an idempotency key.
    pub async fn post_once(&self, path: &str, body: Value, key: &str) -> Answer {
        self.json(Method::POST, path, body, &[("Idempotency-Key", key)]).await
    }

    pub async fn json(&self, method: Method, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = headers.iter().copied().chain([("Content-Type", "application/json")]).collect();
        self.call(method, path, &headers, Some(body.to_string())).await
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<impl Into<Body>>,
    ) -> Answer {
        self.try_call(method, path, headers, body).await.unwrap()
    }

    /// A call that may fail because the server is being killed.
    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<impl Into<Body>>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.timeout(PATIENCE).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, body })
    }

    /// Sends a text.
    pub async fn send(&self, channel: &str, to: &str, text: &str) -> Answer {
        self.post("/v1/messages/send", send_body(channel, to, text)).await
    }

    /// Looks until what is seen is as wanted, and gives it.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let seen = self.get(path).await;
            if wanted(&seen.body) {
                return seen.body;
            }
            assert!(begin.elapsed() < PATIENCE, "{path} did not become as wanted: {}", seen.text);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until a channel's connection is as wanted.
    pub async fn until_status(&self, channel: &str, wanted: &str) {
        let path = format!("/api/whatsapp/status/{channel}");
        self.until(&path, |body| body["instance"]["status"] == wanted).await;
    }
}

impl Answer {
    /// The body, when the status is as expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The body, when it is the documented error.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.body["success"], false, "{}", self.text);
        assert_eq!(self.body["error"]["code"], code, "{}", self.text);
        assert!(self.body["error"]["message"].is_string(), "{}", self.text);
        for detail in self.body["error"]["details"].as_array().unwrap() {
            assert!(detail["field"].is_string() && detail["message"].is_string(), "{}", self.text);
        }
        assert_eq!(self.header("content-type"), "application/json");
        assert!(!self.header("x-request-id").is_empty());
        self.body
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The body of a send.
pub fn send_body(channel: &str, to: &str, text: &str) -> Value {
    json!({"channel_id": channel, "to": to, "type": "text", "content": {"text": text}})
}

/// The fields an error lists.
pub fn fields(error: &Value) -> Vec<&str> {
    error["error"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["field"].as_str().unwrap())
        .collect()
}
