//! What an operator may set: by flag, by environment variable, in a file; in this order, the first that says wins.
//! `interflow.sample.toml` documents every key beside its default.

mod origin;
mod settings;
mod span;

use std::path::PathBuf;
use std::time::Duration;

use interflow_application::gateway::LEASE_EXPIRY;
use interflow_application::webhook::address::{AllowList, Cidr};
use interflow_domain::webhook::WebhookUrl;

pub use origin::{InvalidOrigin, Origin};
pub use settings::{ConfigError, LogFormat, Settings};
pub use span::Span;

/// A server's configuration, complete.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen: host and port.
    pub listen: String,
    /// Where the embedded Postgres, its lock and the master key live.
    pub data_dir: PathBuf,
    /// A Postgres the operator runs; `None` runs one under `data_dir`.
    pub database_url: Option<Secret>,
    /// Most connections to the database at a time.
    pub database_connections: u32,
    /// Where the programs of Postgres are; `None` searches the usual places.
    pub pg_bin_dir: Option<PathBuf>,
    /// The admin key of the default workspace; `None` makes one at the first start.
    pub admin_key: Option<Secret>,
    /// The master key; `None` keeps one in `data_dir`.
    pub master_key: Option<Secret>,
    /// What is logged, as a filter of `tracing`.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// How long a send waits for WhatsApp's acknowledgement.
    pub send_wait: Duration,
    /// How long a message may wait before it is given up.
    pub send_deadline: Duration,
    /// How many bulk messages of a channel leave in a minute, on average.
    pub bulk_rate_per_minute: u32,
    /// How long `connect` waits for the first QR.
    pub connect_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long a shutdown may take.
    pub shutdown_timeout: Duration,
    /// How long a node may be silent before its sessions are another's.
    pub lease_expiry: Duration,
    /// Whether customers are told that their messages were read, when a chat is marked as read.
    pub send_read_receipts: bool,
    /// Whether WhatsApp is told that accounts are online.
    pub appear_online: bool,
    /// The largest body of a request, in bytes, where its route sets no other bound.
    pub body_limit: usize,
    /// The pages that may call from a browser.
    pub cors_origins: Vec<Origin>,
    /// Where this server is reached; `None` is where it listens.
    pub public_url: Option<String>,
    /// An endpoint of the format `evolution` for the default workspace.
    pub webhook_url: Option<WebhookUrl>,
    /// Networks that webhooks may go to though they are not public.
    pub webhook_allow: AllowList,
    /// How long attempts at deliveries, and what was delivered, are kept.
    pub webhook_retention: Duration,
    /// How many webhooks a workspace may have.
    pub webhooks_per_workspace: u64,
    /// How long browsers are to insist on TLS; zero says nothing of it.
    pub hsts_max_age: Duration,
    /// The file that says who was erased; `None` is `erasures.jsonl` in the data directory.
    pub erasure_list: Option<PathBuf>,
    /// A file that checkpoints of the logs are added to; `None` adds them to none.
    pub audit_anchor_file: Option<PathBuf>,
    /// How often checkpoints are anchored outside.
    pub audit_anchor_interval: Duration,
    /// How many streams an API key may have open on this server.
    pub streams_per_key: usize,
    /// The proxies in front that are believed whom they call for.
    pub trusted_proxies: Vec<Cidr>,
    /// Whether it is noted who has seen what.
    pub audit_reads: bool,
    /// How long that is kept, and the addresses of callers.
    pub audit_retention: Duration,
    /// How often a stream on which nothing happens is sent something.
    pub stream_heartbeat: Duration,
    /// Whether GraphQL tells of its own schema when it is asked to.
    pub graphql_introspection: bool,
    /// Whether GraphiQL is served.
    pub graphiql: bool,
}

impl Config {
    /// Where the erasure list is.
    #[must_use]
    pub fn erasure_list(&self) -> PathBuf {
        self.erasure_list.clone().unwrap_or_else(|| self.data_dir.join("erasures.jsonl"))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:3000".to_owned(),
            data_dir: PathBuf::from("./data"),
            database_url: None,
            database_connections: 20,
            pg_bin_dir: None,
            admin_key: None,
            master_key: None,
            log: "interflow=info,warn".to_owned(),
            log_format: LogFormat::Text,
            send_wait: Duration::from_secs(2),
            send_deadline: Duration::from_secs(24 * 3600),
            bulk_rate_per_minute: 30,
            connect_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(25),
            lease_expiry: LEASE_EXPIRY,
            send_read_receipts: true,
            appear_online: false,
            body_limit: 1024 * 1024,
            cors_origins: vec![],
            public_url: None,
            webhook_url: None,
            webhook_allow: AllowList::default(),
            webhook_retention: Duration::from_secs(30 * 24 * 3600),
            webhooks_per_workspace: 100,
            hsts_max_age: Duration::ZERO,
            erasure_list: None,
            audit_anchor_file: None,
            audit_anchor_interval: Duration::from_secs(3600),
            streams_per_key: 1_000,
            trusted_proxies: vec![],
            audit_reads: true,
            audit_retention: Duration::from_secs(365 * 24 * 3600),
            stream_heartbeat: Duration::from_secs(15),
            graphql_introspection: true,
            graphiql: true,
        }
    }
}

/// A text that no log and no debug output shows.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// Never fails: any text may be a secret.
impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
