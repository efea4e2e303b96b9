//! A network, a client and the control face, as the tests want to hold them.

use std::sync::Arc;
use std::time::Duration;

use interflow_simulator::{Network, NetworkConfig};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::types::events::{Event, EventHandler, InboundMessage};
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::wacore::store::in_memory::InMemoryBackend;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Jid, SendOptions, TokioRuntime};

pub const ACCOUNT: &str = "4915112345678";
pub const CUSTOMER: &str = "4917098765432";
const PATIENCE: Duration = Duration::from_secs(20);

/// A network with its control face.
pub struct Net {
    pub network: Network,
    http: reqwest::Client,
}

impl Net {
    pub async fn start() -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        Self {
            network: Network::start(NetworkConfig::default()).await.unwrap(),
            http: reqwest::Client::new(),
        }
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.network.control_url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// A call that must succeed.
    pub async fn call(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.network.control_url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    pub async fn root(&self) -> String {
        let url = format!("{}/root", self.network.control_url());
        self.http.get(url).send().await.unwrap().text().await.unwrap()
    }

    pub async fn scan(&self, qr: &str, phone: &str) -> Value {
        let body = json!({"qr": qr, "phone": phone, "name": "Bakery"});
        self.call("/scan", body).await
    }

    /// A customer writes; returns the id.
    pub async fn write(&self, text: &str) -> String {
        let body = json!({"from": CUSTOMER, "name": "Ada", "to": ACCOUNT, "text": text});
        let answer = self.call("/messages", body).await;
        answer["id"].as_str().unwrap().to_owned()
    }

    /// What a phone received, once there are `count` rows.
    pub async fn received(&self, number: &str, count: usize) -> Vec<Value> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let rows = self.get(&format!("/phones/{number}/messages")).await;
            let rows = rows.as_array().unwrap().clone();
            if rows.len() >= count {
                return rows;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "only {} of {count} messages arrived",
                rows.len()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A client that is linked to `ACCOUNT` and connected.
    pub async fn linked_client(&self) -> Client {
        self.client_linked_to(ACCOUNT).await
    }

    pub async fn client_linked_to(&self, number: &str) -> Client {
        let mut client = Client::start(&self.network, Arc::new(InMemoryBackend::new())).await;
        let qr = client.qr().await;
        self.scan(&qr, number).await;
        client.connected().await;
        client
    }
}

struct Funnel(mpsc::UnboundedSender<Arc<Event>>);

impl EventHandler for Funnel {
    fn handle_event(&self, event: Arc<Event>) {
        let _ = self.0.send(event);
    }
}

struct NoHttp;

#[whatsapp_rust::async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, _request: HttpRequest) -> Result<HttpResponse, whatsapp_rust::anyhow::Error> {
        Ok(HttpResponse { status_code: 503, body: Vec::new() })
    }
}

/// The real client, and what it reports.
pub struct Client {
    pub handle: BotHandle,
    pub backend: Arc<InMemoryBackend>,
    events: mpsc::UnboundedReceiver<Arc<Event>>,
}

impl Client {
    pub async fn start(network: &Network, backend: Arc<InMemoryBackend>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let bot = Bot::builder()
            .with_backend_arc(Arc::clone(&backend) as Arc<dyn Backend>)
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(network.ws_url()))
            .with_http_client(NoHttp)
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 1_027_868_167))
            .with_wanted_pre_key_count(40)
            .with_event_handler(Funnel(sender))
            .build()
            .await
            .unwrap();
        Self { handle: bot.spawn(), backend, events }
    }

    /// Stops the client and keeps its keys.
    pub async fn stop(self) -> Arc<InMemoryBackend> {
        self.handle.shutdown().await;
        self.backend
    }

    /// The first event for which `pick` has an answer; those before it are forgotten.
    pub async fn event<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the client is gone");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub async fn qr(&mut self) -> String {
        self.event("a QR code", |event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        })
        .await
    }

    pub async fn connected(&mut self) {
        self.event("the connection", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    pub async fn logged_out(&mut self) {
        self.event("the logout", |event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
    }

    /// The next messages, in the order in which they came.
    pub async fn messages(&mut self, count: usize) -> Vec<InboundMessage> {
        let mut all = Vec::new();
        while all.len() < count {
            let batch = self
                .event("a message", |event| match event {
                    Event::Messages(batch) => Some(batch.messages.to_vec()),
                    _ => None,
                })
                .await;
            all.extend(batch);
        }
        all
    }

    pub async fn message(&mut self) -> InboundMessage {
        self.messages(1).await.remove(0)
    }

    pub async fn receipt(&mut self, id: &str, kind: ReceiptType) {
        let what = format!("the receipt {kind:?}");
        self.event(&what, |event| match event {
            Event::Receipt(receipt)
                if receipt.r#type == kind && receipt.message_ids.iter().any(|i| i == id) =>
            {
                Some(())
            }
            _ => None,
        })
        .await;
    }

    pub async fn acknowledged(&mut self, id: &str) {
        self.event("the acknowledgement", |event| match event {
            Event::ServerAck(ack) if ack.id == id => Some(()),
            _ => None,
        })
        .await;
    }

    pub async fn send(&self, to: &str, text: &str, id: &str) {
        let message = wa::Message { conversation: Some(text.to_owned()), ..Default::default() };
        let options = SendOptions::default().with_message_id(id);
        self.handle.client().send_message_with_options(Jid::pn(to), message, options).await.unwrap();
    }
}

pub fn text(message: &InboundMessage) -> &str {
    message.message.conversation.as_deref().unwrap_or_default()
}
