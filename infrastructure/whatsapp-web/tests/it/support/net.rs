//! A simulated network, an engine on a database, and sessions on it.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::whatsapp::{Acknowledged, Engine, OutboundText, SendError, Session, SessionSpec};
use interflow_simulator::{Network, NetworkConfig};
use interflow_whatsapp_web::{Settings, WhatsAppWeb};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::sink::Recorder;
use super::{database, key, leased};

pub const ACCOUNT: &str = "5511999990001";
pub const CUSTOMER: &str = "5511988880001";

pub struct Lab {
    pub network: Network,
    pub pool: PgPool,
    pub engine: WhatsAppWeb,
    pub spec: SessionSpec,
    http: reqwest::Client,
}

/// An open session and its sink.
pub struct Open {
    pub session: Arc<dyn Session>,
    pub sink: Arc<Recorder>,
}

fn engine(network: &Network, pool: &PgPool) -> WhatsAppWeb {
    let mut settings = Settings::new(pool.clone(), key()).at(network.ws_url());
    settings.send_timeout = Duration::from_secs(5);
    WhatsAppWeb::new(settings)
}

impl Lab {
    pub async fn start() -> Self {
        let pool = database().await;
        let network = Network::start(NetworkConfig::default()).await.unwrap();
        let spec = leased(&pool).await;
        let engine = engine(&network, &pool);
        Self { network, engine, spec, pool, http: reqwest::Client::new() }
    }

    /// The engine of another process, on the same database.
    pub fn another_process(&self) -> WhatsAppWeb {
        engine(&self.network, &self.pool)
    }

    pub async fn open(&self) -> Open {
        let sink = Arc::new(Recorder::default());
        let session = self.engine.open(self.spec, Arc::clone(&sink) as _).await.unwrap();
        Open { session, sink }
    }

    /// A session linked to the account and connected, whose signals so far are forgotten.
    pub async fn linked(&self) -> Open {
        let open = self.open().await;
        let (qr, _) = open.sink.qr().await;
        self.scan(&qr).await;
        open.sink.connected().await;
        open.sink.clear();
        open
    }

    pub async fn scan(&self, qr: &str) {
        self.call("/scan", json!({"qr": qr, "phone": ACCOUNT, "name": "Bakery"})).await;
    }

    pub async fn call(&self, path: &str, body: Value) -> Value {
        let answer =
            self.http.post(format!("{}{path}", self.network.control_url())).json(&body).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// A customer writes; returns the id.
    pub async fn write(&self, text: &str) -> String {
        let body = json!({"from": CUSTOMER, "name": "Ada", "to": ACCOUNT, "text": text});
        self.call("/messages", body).await["id"].as_str().unwrap().to_owned()
    }

    /// What a phone received.
    pub async fn received(&self, number: &str) -> Vec<Value> {
        let url = format!("{}/phones/{number}/messages", self.network.control_url());
        let rows: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        rows.as_array().unwrap().clone()
    }

    /// Waits until a query counts so many.
    pub async fn until_count(&self, query: &str, wanted: i64) {
        let wait = async {
            while sqlx::query_scalar::<_, i64>(query).fetch_one(&self.pool).await.unwrap() != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    }

    pub async fn faults(&self, faults: Value) {
        self.call("/faults", faults).await;
    }

    pub async fn cut(&self) {
        self.call("/cut", json!({"phone": ACCOUNT})).await;
    }
}

impl Open {
    pub async fn send(&self, id: &str, text: &str) -> Result<Acknowledged, SendError> {
        self.send_to(CUSTOMER, id, text).await
    }

    pub async fn send_to(&self, to: &str, id: &str, text: &str) -> Result<Acknowledged, SendError> {
        let message = OutboundText { whatsapp_id: id.into(), to: to.parse().unwrap(), text: text.into() };
        self.session.send_text(message).await
    }
}
