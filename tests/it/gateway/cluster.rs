//! Two servers on one database, each with a data directory of its own, against one network.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgPool};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::database::Database;
use crate::support::lab::{KEY, NetworkProcess, Process, signal};

pub const SHOP: &str = "5511888888888";

/// One server of the cluster.
pub struct Node {
    pub api: Api,
    pub process: Process,
    data: TempDir,
}

pub struct Cluster {
    pub network: NetworkProcess,
    pub pool: PgPool,
    database_url: String,
    lease_expiry: String,
}

impl Cluster {
    /// A network and an empty database, and nodes whose leases expire after this time.
    pub async fn new(lease_expiry: Duration) -> Self {
        let options = Database::empty_options(None).await;
        let database_url = options.to_url_lossy().to_string();
        Self::on(options, database_url, lease_expiry)
    }

    /// The same on this database, which the nodes reach by a URL of their own.
    pub fn on(options: PgConnectOptions, database_url: String, lease_expiry: Duration) -> Self {
        let pool = PgPool::connect_lazy_with(options);
        Self {
            network: NetworkProcess::start(),
            pool,
            database_url,
            lease_expiry: format!("{}ms", lease_expiry.as_millis()),
        }
    }

    pub fn node(&self) -> Node {
        self.start(tempfile::tempdir().unwrap())
    }

    /// Starts a node again, on its data directory.
    pub fn again(&self, node: Node) -> Node {
        let Node { process, data, .. } = node;
        drop(process);
        self.start(data)
    }

    fn start(&self, data: TempDir) -> Node {
        let (process, url) = self.serve(data.path());
        let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
        Node { api, process, data }
    }

    fn serve(&self, data: &Path) -> (Process, String) {
        let master = "07".repeat(32);
        let environment = [
            ("DATABASE_URL", self.database_url.as_str()),
            ("INTERFLOW_MASTER_KEY", &master),
            ("INTERFLOW_LEASE_EXPIRY", &self.lease_expiry),
            ("INTERFLOW_DATABASE_CONNECTIONS", "8"),
            // Shorter than the senders' own polls.
            ("INTERFLOW_SEND_WAIT", "20s"),
        ];
        self.network.serve(data, &environment)
    }

    pub async fn pair(&self, node: &Node) {
        self.network.phones.pair(&node.api, "shop", SHOP).await;
    }

    /// The node that has the lease on the one channel, and the epoch.
    pub async fn lease(&self) -> (Uuid, i64) {
        sqlx::query_as("SELECT node_id, epoch FROM leases").fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until a node other than this one has the lease, and the channel is open there.
    pub async fn until_taken_over(&self, from: (Uuid, i64), at: &Node) {
        let begin = Instant::now();
        while self.lease().await.0 == from.0 {
            assert!(begin.elapsed() < PATIENCE, "nobody took the channel over");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        // What the log still calls open is the session of the node before: the new one says that it ended first.
        let reason = |body: &serde_json::Value| body["data"]["last_disconnect"]["reason"] == "server_stopped";
        at.api.until("/v1/channels/shop", reason).await;
        at.api.until_status("shop", "open").await;
    }

    /// Everything a session may write: the log, and the digest of the keys.
    pub async fn written(&self) -> (i64, Option<String>) {
        let sql = "SELECT (SELECT count(*) FROM events), (SELECT md5(string_agg(wa_keys::text, '' ORDER BY wa_keys::text)) FROM wa_keys)";
        sqlx::query_as(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until nothing has been written for a while.
    pub async fn until_quiet(&self) -> (i64, Option<String>) {
        let mut before = self.written().await;
        loop {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let now = self.written().await;
            if now == before {
                return now;
            }
            before = now;
        }
    }

    /// How many sockets of a node lead to the network.
    pub fn sockets(&self, node: &Node) -> usize {
        self.network.sockets_of(node.process.id())
    }

    /// A customer writes.
    pub async fn write(&self, text: &str) {
        self.network.phones.write("5511999999999", "Ana", SHOP, text).await;
    }

    /// The texts customers wrote that are in the log, as a node shows them.
    pub async fn inbound(&self, node: &Node) -> Vec<String> {
        let chats = node.api.get("/v1/chats").await.expect(200);
        let Some(chat) = chats["data"][0]["id"].as_str() else { return vec![] };
        let messages = node.api.get(&format!("/v1/chats/{chat}/messages?per_page=100")).await.expect(200);
        let inbound = messages["data"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .filter(|message| message["direction"] == json!("inbound"));
        inbound.map(|message| message["content"]["text"].as_str().unwrap().to_owned()).collect()
    }
}

impl Node {
    /// Stops it where it is, as a machine that is suspended.
    pub fn pause(&self) {
        signal("STOP", self.process.id());
    }

    /// Lets it go on, as if nothing had happened.
    pub fn wake(&self) {
        signal("CONT", self.process.id());
    }
}
