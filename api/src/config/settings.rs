//! The same settings from three sources, laid over each other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use interflow_application::webhook::address::{AllowList, Cidr};
use interflow_application::webhook::url::{self, UrlPolicy};
use interflow_domain::webhook::WebhookUrl;
use serde::Deserialize;

use super::{Config, Origin, Secret, Span};

/// What an operator said in one source. What nobody said has a default.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A file with settings; interflow.sample.toml documents them.
    #[arg(long, env = "INTERFLOW_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:3000]
    #[arg(long, env = "INTERFLOW_LISTEN", value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Where the embedded Postgres and the master key live [default: ./data]
    #[arg(long, env = "INTERFLOW_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// A Postgres 14 or later to use instead of the embedded one
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<Secret>,
    /// Most connections to the database at a time [default: 20]
    #[arg(long, env = "INTERFLOW_DATABASE_CONNECTIONS", value_name = "NUMBER")]
    database_connections: Option<u32>,
    /// Where `postgres` and `initdb` are, for the embedded one
    #[arg(long, env = "PG_BIN_DIR", value_name = "DIRECTORY")]
    pg_bin_dir: Option<PathBuf>,
    /// The admin key of the default workspace, instead of one that is made
    #[arg(long, env = "INTERFLOW_ADMIN_KEY", value_name = "KEY", hide_env_values = true)]
    admin_key: Option<Secret>,
    /// 32 bytes in hexadecimal or base64, instead of the key in the data directory
    #[arg(long, env = "INTERFLOW_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    master_key: Option<Secret>,
    /// What is logged [default: interflow=info,warn]
    #[arg(long, env = "INTERFLOW_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How it is logged [default: text]
    #[arg(long, env = "INTERFLOW_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// How long a send waits for WhatsApp's acknowledgement [default: 2s]
    #[arg(long, env = "INTERFLOW_SEND_WAIT", value_name = "TIME")]
    send_wait: Option<Span>,
    /// How long a message may wait before it is given up [default: 24h]
    #[arg(long, env = "INTERFLOW_SEND_DEADLINE", value_name = "TIME")]
    send_deadline: Option<Span>,
    /// How many bulk messages of a channel leave in a minute, on average [default: 30]
    #[arg(long, env = "INTERFLOW_BULK_RATE_PER_MINUTE", value_name = "NUMBER")]
    bulk_rate_per_minute: Option<u32>,
    /// How long `connect` waits for the first QR [default: 20s]
    #[arg(long, env = "INTERFLOW_CONNECT_TIMEOUT", value_name = "TIME")]
    connect_timeout: Option<Span>,
    /// How long a request may take [default: 30s]
    #[arg(long, env = "INTERFLOW_REQUEST_TIMEOUT", value_name = "TIME")]
    request_timeout: Option<Span>,
    /// How long a shutdown may take [default: 25s]
    #[arg(long, env = "INTERFLOW_SHUTDOWN_TIMEOUT", value_name = "TIME")]
    shutdown_timeout: Option<Span>,
    /// How long a node may be silent before its sessions are another's [default: 15s]
    #[arg(long, env = "INTERFLOW_LEASE_EXPIRY", value_name = "TIME")]
    lease_expiry: Option<Span>,
    /// Whether customers are told that their messages were read, when a chat is marked as read [default: true]
    #[arg(long, env = "INTERFLOW_SEND_READ_RECEIPTS", value_name = "BOOL")]
    send_read_receipts: Option<bool>,
    /// Whether accounts are shown as online while they are connected, so that WhatsApp tells who types [default: false]
    #[arg(long, env = "INTERFLOW_APPEAR_ONLINE", value_name = "BOOL")]
    appear_online: Option<bool>,
    /// The largest body of a request, in bytes [default: 1048576]
    #[arg(long, env = "INTERFLOW_BODY_LIMIT", value_name = "BYTES")]
    body_limit: Option<usize>,
    /// Pages that may call from a browser: their origins, or * [default: none]
    #[arg(long, env = "INTERFLOW_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    cors_origins: Option<Vec<Origin>>,
    /// Where this server is reached, as receivers of webhooks are told [default: http:// and where it listens]
    #[arg(long, env = "INTERFLOW_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// An endpoint of the format `evolution` for everything that happens in the default workspace
    #[arg(long, env = "INTERFLOW_WEBHOOK_URL", value_name = "URL", hide_env_values = true)]
    webhook_url: Option<Secret>,
    /// Networks that webhooks may go to though they are not public [default: none]
    #[arg(long, env = "INTERFLOW_WEBHOOK_ALLOW", value_name = "NETWORKS", value_delimiter = ',')]
    webhook_allow: Option<Vec<String>>,
    /// How long attempts at deliveries, and what was delivered, are kept [default: 30d]
    #[arg(long, env = "INTERFLOW_WEBHOOK_RETENTION", value_name = "TIME")]
    webhook_retention: Option<Span>,
    /// How many webhooks a workspace may have [default: 100]
    #[arg(long, env = "INTERFLOW_WEBHOOKS_PER_WORKSPACE", value_name = "NUMBER")]
    webhooks_per_workspace: Option<u64>,
    /// How long browsers are to insist on TLS, behind a proxy that speaks it [default: 0s, not at all]
    #[arg(long, env = "INTERFLOW_HSTS_MAX_AGE", value_name = "TIME")]
    hsts_max_age: Option<Span>,
    /// The file that says who was erased, outside of the database [default: erasures.jsonl in the data directory]
    #[arg(long, env = "INTERFLOW_ERASURE_LIST", value_name = "FILE")]
    erasure_list: Option<PathBuf>,
    /// A file, outside of the database, that signed checkpoints of the logs are added to [default: none]
    #[arg(long, env = "INTERFLOW_AUDIT_ANCHOR_FILE", value_name = "FILE")]
    audit_anchor_file: Option<PathBuf>,
    /// How often checkpoints of the logs are anchored outside [default: 1h]
    #[arg(long, env = "INTERFLOW_AUDIT_ANCHOR_INTERVAL", value_name = "TIME")]
    audit_anchor_interval: Option<Span>,
    /// How many streams of events an API key may have open [default: 1000]
    #[arg(long, env = "INTERFLOW_STREAMS_PER_KEY", value_name = "NUMBER")]
    streams_per_key: Option<usize>,
    /// Proxies in front that are believed whom they call for (X-Forwarded-For): addresses or networks [default: none]
    #[arg(long, env = "INTERFLOW_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    trusted_proxies: Option<Vec<String>>,
    /// Whether it is noted who has seen what [default: true]
    #[arg(long, env = "INTERFLOW_AUDIT_READS", value_name = "BOOL")]
    audit_reads: Option<bool>,
    /// How long who has seen what is kept, and the addresses of callers, which go by months [default: 365d]
    #[arg(long, env = "INTERFLOW_AUDIT_RETENTION", value_name = "TIME")]
    audit_retention: Option<Span>,
    /// How often a stream on which nothing happens is sent something [default: 15s]
    #[arg(long, env = "INTERFLOW_STREAM_HEARTBEAT", value_name = "TIME")]
    stream_heartbeat: Option<Span>,
    /// Whether GraphQL tells of its own schema when it is asked to [default: true]
    #[arg(long, env = "INTERFLOW_GRAPHQL_INTROSPECTION", value_name = "BOOL")]
    graphql_introspection: Option<bool>,
    /// Whether GraphiQL, a page to write queries on, is served at /graphiql [default: true]
    #[arg(long, env = "INTERFLOW_GRAPHIQL", value_name = "BOOL")]
    graphiql: Option<bool>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not say what it may say.
    #[error("the configuration file {path} is not right: {message}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// Two settings do not go together.
    #[error("{0}")]
    Contradiction(&'static str),
}

impl Settings {
    /// The configuration: these settings, over those of the file they name, over the defaults.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let file = match self.config.as_deref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        self.over(file).complete()
    }

    /// Where a server listens that has this file, and is told this beside it.
    pub fn listening(config: Option<PathBuf>, listen: Option<String>) -> Result<String, ConfigError> {
        Ok(Self { config, listen, ..Self::default() }.resolve()?.listen)
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            message: error.message().to_owned(),
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    fn over(self, lower: Self) -> Self {
        Self {
            config: None,
            listen: text(self.listen).or(text(lower.listen)),
            data_dir: path(self.data_dir).or(path(lower.data_dir)),
            database_url: secret(self.database_url).or(secret(lower.database_url)),
            database_connections: self.database_connections.or(lower.database_connections),
            pg_bin_dir: path(self.pg_bin_dir).or(path(lower.pg_bin_dir)),
            admin_key: secret(self.admin_key).or(secret(lower.admin_key)),
            master_key: secret(self.master_key).or(secret(lower.master_key)),
            log: text(self.log).or(text(lower.log)),
            log_format: self.log_format.or(lower.log_format),
            send_wait: self.send_wait.or(lower.send_wait),
            send_deadline: self.send_deadline.or(lower.send_deadline),
            bulk_rate_per_minute: self.bulk_rate_per_minute.or(lower.bulk_rate_per_minute),
            connect_timeout: self.connect_timeout.or(lower.connect_timeout),
            request_timeout: self.request_timeout.or(lower.request_timeout),
            shutdown_timeout: self.shutdown_timeout.or(lower.shutdown_timeout),
            lease_expiry: self.lease_expiry.or(lower.lease_expiry),
            send_read_receipts: self.send_read_receipts.or(lower.send_read_receipts),
            appear_online: self.appear_online.or(lower.appear_online),
            body_limit: self.body_limit.or(lower.body_limit),
            cors_origins: self.cors_origins.or(lower.cors_origins),
            public_url: text(self.public_url).or(text(lower.public_url)),
            webhook_url: secret(self.webhook_url).or(secret(lower.webhook_url)),
            webhook_allow: self.webhook_allow.or(lower.webhook_allow),
            webhook_retention: self.webhook_retention.or(lower.webhook_retention),
            webhooks_per_workspace: self.webhooks_per_workspace.or(lower.webhooks_per_workspace),
            hsts_max_age: self.hsts_max_age.or(lower.hsts_max_age),
            erasure_list: self.erasure_list.or(lower.erasure_list),
            audit_anchor_file: path(self.audit_anchor_file).or(path(lower.audit_anchor_file)),
            audit_anchor_interval: self.audit_anchor_interval.or(lower.audit_anchor_interval),
            streams_per_key: self.streams_per_key.or(lower.streams_per_key),
            trusted_proxies: self.trusted_proxies.or(lower.trusted_proxies),
            audit_reads: self.audit_reads.or(lower.audit_reads),
            audit_retention: self.audit_retention.or(lower.audit_retention),
            stream_heartbeat: self.stream_heartbeat.or(lower.stream_heartbeat),
            graphql_introspection: self.graphql_introspection.or(lower.graphql_introspection),
            graphiql: self.graphiql.or(lower.graphiql),
        }
    }

    fn complete(self) -> Result<Config, ConfigError> {
        let default = Config::default();
        let config = Config {
            listen: self.listen.unwrap_or(default.listen),
            data_dir: self.data_dir.unwrap_or(default.data_dir),
            database_url: self.database_url,
            database_connections: self.database_connections.unwrap_or(default.database_connections),
            pg_bin_dir: self.pg_bin_dir,
            admin_key: self.admin_key,
            master_key: self.master_key,
            log: self.log.unwrap_or(default.log),
            log_format: self.log_format.unwrap_or(default.log_format),
            send_wait: self.send_wait.map_or(default.send_wait, |span| span.0),
            send_deadline: self.send_deadline.map_or(default.send_deadline, |span| span.0),
            bulk_rate_per_minute: self.bulk_rate_per_minute.unwrap_or(default.bulk_rate_per_minute),
            connect_timeout: self.connect_timeout.map_or(default.connect_timeout, |span| span.0),
            request_timeout: self.request_timeout.map_or(default.request_timeout, |span| span.0),
            shutdown_timeout: self.shutdown_timeout.map_or(default.shutdown_timeout, |span| span.0),
            lease_expiry: self.lease_expiry.map_or(default.lease_expiry, |span| span.0),
            send_read_receipts: self.send_read_receipts.unwrap_or(default.send_read_receipts),
            appear_online: self.appear_online.unwrap_or(default.appear_online),
            body_limit: self.body_limit.unwrap_or(default.body_limit),
            cors_origins: self.cors_origins.unwrap_or(default.cors_origins),
            public_url: self.public_url,
            webhook_url: self.webhook_url.map(|url| webhook_url(&url)).transpose()?,
            webhook_allow: self.webhook_allow.map_or(Ok(default.webhook_allow), |list| {
                networks(&list, "webhook_allow must be addresses or networks, such as 10.0.0.0/8")
                    .map(AllowList::new)
            })?,
            webhook_retention: self.webhook_retention.map_or(default.webhook_retention, |span| span.0),
            webhooks_per_workspace: self.webhooks_per_workspace.unwrap_or(default.webhooks_per_workspace),
            hsts_max_age: self.hsts_max_age.map_or(default.hsts_max_age, |span| span.0),
            erasure_list: self.erasure_list.or(default.erasure_list),
            audit_anchor_file: self.audit_anchor_file,
            audit_anchor_interval: self
                .audit_anchor_interval
                .map_or(default.audit_anchor_interval, |span| span.0),
            streams_per_key: self.streams_per_key.unwrap_or(default.streams_per_key),
            trusted_proxies: self.trusted_proxies.map_or(Ok(vec![]), |list| {
                networks(&list, "trusted_proxies must be addresses or networks, such as 10.0.0.0/8")
            })?,
            audit_reads: self.audit_reads.unwrap_or(default.audit_reads),
            audit_retention: self.audit_retention.map_or(default.audit_retention, |span| span.0),
            stream_heartbeat: self.stream_heartbeat.map_or(default.stream_heartbeat, |span| span.0),
            graphql_introspection: self.graphql_introspection.unwrap_or(default.graphql_introspection),
            graphiql: self.graphiql.unwrap_or(default.graphiql),
        };
        if config.audit_retention < Duration::from_secs(24 * 3600) {
            return Err(ConfigError::Contradiction("audit_retention must be at least a day"));
        }
        if config.connect_timeout >= config.request_timeout || config.send_wait >= config.request_timeout {
            return Err(ConfigError::Contradiction(
                "connect_timeout and send_wait must be shorter than request_timeout",
            ));
        }
        if config.lease_expiry < Duration::from_secs(1) {
            return Err(ConfigError::Contradiction("lease_expiry must be at least a second"));
        }
        if config.audit_anchor_interval < Duration::from_secs(1) {
            return Err(ConfigError::Contradiction("audit_anchor_interval must be at least a second"));
        }
        if config.stream_heartbeat < Duration::from_secs(1) {
            return Err(ConfigError::Contradiction("stream_heartbeat must be at least a second"));
        }
        if !(1..=60_000).contains(&config.bulk_rate_per_minute) {
            return Err(ConfigError::Contradiction("bulk_rate_per_minute must be from 1 to 60000"));
        }
        if !(2..=1000).contains(&config.database_connections) {
            return Err(ConfigError::Contradiction("database_connections must be from 2 to 1000"));
        }
        Ok(config)
    }
}

/// An empty environment variable says nothing: container tools set what was left out to that.
fn text(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.trim().is_empty())
}

/// The operator's own endpoint is read as one that may be anywhere.
fn webhook_url(url: &Secret) -> Result<WebhookUrl, ConfigError> {
    let target = url::parse(url.expose(), &UrlPolicy::exempt());
    target.map(|target| target.url).map_err(|_| {
        ConfigError::Contradiction("webhook_url must be an http or https address without a login")
    })
}

fn networks(list: &[String], rule: &'static str) -> Result<Vec<Cidr>, ConfigError> {
    let networks = list.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).map(str::parse);
    networks.collect::<Result<_, _>>().map_err(|_| ConfigError::Contradiction(rule))
}

fn path(value: Option<PathBuf>) -> Option<PathBuf> {
    value.filter(|path| !path.as_os_str().is_empty())
}

fn secret(value: Option<Secret>) -> Option<Secret> {
    value.filter(|secret| !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SAMPLE: &str = include_str!("../../interflow.sample.toml");

    /// The sample with its settings put in force: a line `# key = value` says the default.
    fn uncommented() -> String {
        let setting = |line: &&str| {
            line.strip_prefix("# ").is_some_and(|rest| {
                rest.split_once(" = ")
                    .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            })
        };
        SAMPLE.lines().filter(setting).map(|line| format!("{}\n", &line[2..])).collect()
    }

    #[test]
    fn the_sample_documents_every_key_with_its_default() {
        let table: toml::Table = uncommented().parse().unwrap();
        let sample = Settings::parse(&uncommented()).unwrap();
        let settings = Settings::augment_args(clap::Command::new("settings"));
        let named = |argument: &clap::Arg| argument.get_id().to_string();
        let keys: BTreeSet<_> = settings.get_arguments().map(named).filter(|key| key != "config").collect();
        assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), keys, "the keys of the sample");
        let (from_sample, default) = (sample.complete().unwrap(), Config::default());
        let unset = |config: Config| Config {
            database_url: None,
            pg_bin_dir: None,
            admin_key: None,
            master_key: None,
            public_url: None,
            webhook_url: None,
            erasure_list: None,
            audit_anchor_file: None,
            ..config
        };
        assert_eq!(format!("{:?}", unset(from_sample)), format!("{default:?}"));
        for key in table.keys() {
            let name = match key.as_str() {
                "database_url" => "DATABASE_URL".to_owned(),
                "pg_bin_dir" => "PG_BIN_DIR".to_owned(),
                other => format!("INTERFLOW_{}", other.to_uppercase()),
            };
            assert!(SAMPLE.contains(&name), "{name} is not mentioned");
        }
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error_that_names_it() {
        let error = Settings::parse("lisen = \"0.0.0.0:80\"").unwrap_err();
        assert!(error.message().contains("lisen"), "{error}");
    }

    #[test]
    fn what_is_said_first_wins_and_empty_says_nothing() {
        let upper =
            Settings { listen: Some(String::new()), log: Some("debug".to_owned()), ..Settings::default() };
        let lower = Settings::parse("listen = \"0.0.0.0:80\"\nlog = \"warn\"\nsend_wait = \"5s\"").unwrap();
        let config = upper.over(lower).complete().unwrap();
        assert_eq!((config.listen.as_str(), config.log.as_str()), ("0.0.0.0:80", "debug"));
        assert_eq!(config.send_wait.as_secs(), 5);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(Settings::parse("connect_timeout = \"31s\"").unwrap().complete().is_err());
        assert!(Settings::parse("database_connections = 1").unwrap().complete().is_err());
        assert!(Settings::parse("lease_expiry = \"10ms\"").unwrap().complete().is_err());
        assert!(Settings::parse("audit_anchor_interval = \"10ms\"").unwrap().complete().is_err());
        assert!(Settings::parse("stream_heartbeat = \"10ms\"").unwrap().complete().is_err());
        assert!(Settings::parse("bulk_rate_per_minute = 0").unwrap().complete().is_err());
        assert!(Settings::parse("webhook_url = \"ftp://localhost/\"").unwrap().complete().is_err());
        assert!(Settings::parse("webhook_allow = [\"10.0.0.1/8\"]").unwrap().complete().is_err());
        assert!(Settings::parse("audit_retention = \"1h\"").unwrap().complete().is_err());
        assert!(Settings::parse("trusted_proxies = [\"proxy\"]").unwrap().complete().is_err());
    }
}
