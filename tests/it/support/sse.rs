//! A client of server-sent events: it takes them as they come, and can go on where it stopped.

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;
use super::api::Api;

/// A stream that is open.
pub struct Sse {
    response: Response,
    text: String,
    /// The last `id` that came.
    pub last_id: String,
}

/// What was sent: a block of lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    pub event: String,
    pub data: Value,
}

impl Sse {
    /// Opens a stream, after an event if one is shown.
    pub async fn open(api: &Api, query: &str, last_id: Option<&str>) -> Self {
        let response = Self::ask(api, query, last_id).await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        let mut opened = Self { response, text: String::new(), last_id: String::new() };
        // The first thing that is sent tells nothing but where it begins.
        while opened.last_id.is_empty() {
            assert!(opened.fill().await, "the stream ended before it began");
            let blank = opened.take();
            assert_eq!(blank.unwrap_or_default(), Frame::default());
        }
        opened
    }

    /// Asks for a stream; the server may be being killed.
    pub async fn ask(api: &Api, query: &str, last_id: Option<&str>) -> reqwest::Result<Response> {
        let mut request = api.http.get(format!("{}/v1/events/stream?{query}", api.url));
        if let Some(key) = &api.key {
            request = request.bearer_auth(key);
        }
        if let Some(last_id) = last_id {
            request = request.header("Last-Event-ID", last_id);
        }
        request.send().await
    }

    /// The next event, signal or error; nothing when the stream has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some(frame) = self.take() {
                if frame != Frame::default() {
                    return Some(frame);
                }
            }
            if !timeout(PATIENCE, self.fill()).await.expect("nothing was sent") {
                return None;
            }
        }
    }

    /// The next event's position.
    pub async fn position(&mut self) -> Option<u64> {
        let frame = self.next().await?;
        assert_eq!(frame.event, "", "{frame:?}");
        Some(frame.data["position"].as_u64().unwrap())
    }

    /// A block that has come, if a whole one has.
    fn take(&mut self) -> Option<Frame> {
        let (block, rest) = self.text.split_once("\n\n")?;
        let mut frame = Frame::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap();
            match (field, value.trim_start()) {
                ("id", id) => id.clone_into(&mut self.last_id),
                ("event", event) => event.clone_into(&mut frame.event),
                ("data", data) => frame.data = serde_json::from_str(data).unwrap(),
                ("" | "retry", _) => {}
                _ => panic!("{line}"),
            }
        }
        self.text = rest.to_owned();
        Some(frame)
    }

    /// Waits for more; false when there is none. A server that was killed ends it too.
    async fn fill(&mut self) -> bool {
        match self.response.chunk().await {
            Ok(Some(bytes)) => {
                // A chunk ends with a block, so never within a character.
                self.text.push_str(std::str::from_utf8(&bytes).unwrap());
                true
            }
            Ok(None) | Err(_) => false,
        }
    }
}
