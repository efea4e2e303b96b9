//! A server for a test, on a WhatsApp network of its own, all in this process.

use std::sync::Arc;
use std::time::Duration;

use interflow::auth::generate_key;
use interflow::config::Config;
use interflow::{Brought, EngineFactory, Running, serve};
use interflow_application::webhook::address::AllowList;
use interflow_application::{Actor, Clock, Context, EnsureWorkspace, IssueKey, workspace_id};
use interflow_domain::workspace::{KeyOrigin, Plan, Scope};
use interflow_simulator::{Network, NetworkConfig};
use interflow_whatsapp_web::{Settings, WhatsAppWeb};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tempfile::TempDir;

use crate::support::api::Api;
use crate::support::database::{Database, Leave};
use crate::support::phones::Phones;

/// The number of the account that channels are linked to.
pub const ACCOUNT: &str = "5511900000000";

/// A number that nobody has.
pub const NOBODY: &str = "5500000000000";

pub struct Server {
    pub api: Api,
    pub phones: Phones,
    pub running: Running,
    config: Config,
    database: PgConnectOptions,
    _network: Network,
    _data: TempDir,
    _leave: Leave,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|config| config).await
    }

    pub async fn with(adjust: impl FnOnce(Config) -> Config) -> Self {
        let options = Database::empty_options(Some("interflow_template")).await;
        let socket = options.get_socket().unwrap().display().to_string();
        let (database, user) = (options.get_database().unwrap(), options.get_username());
        let url = format!("postgres:///{database}?host={socket}&user={user}&port={}", options.get_port());
        let data = tempfile::tempdir().unwrap();
        let config = adjust(Config {
            listen: "127.0.0.1:0".to_owned(),
            data_dir: data.path().to_owned(),
            database_url: Some(url.as_str().into()),
            database_connections: 6,
            // Receivers of tests are on this machine.
            webhook_allow: AllowList::new(vec!["127.0.0.0/8".parse().unwrap()]),
            ..Config::default()
        });
        let network = Network::start(NetworkConfig::default()).await.unwrap();
        let running = serve(config.clone(), engine(network.ws_url())).await.unwrap();
        let key = running.admin_key().map(str::to_owned);
        let http = reqwest::Client::new();
        let phones = Phones { http: http.clone(), url: network.control_url() };
        let api = Api { http, url: format!("http://{}", running.address), key };
        let _leave = Leave::of(&options);
        let server =
            Self { api, phones, running, config, database: options, _network: network, _data: data, _leave };
        server.acknowledge_after(Duration::ZERO).await;
        server.phones.leave(NOBODY).await;
        server
    }

    /// From now on the network acknowledges a send after so long. No phone sends receipts, so that it stays sent.
    pub async fn acknowledge_after(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_millis()).unwrap();
        self.phones.faults(json!({"ack_delay_ms": wait, "receipts": "none"})).await;
    }

    /// The same server, stopped and started again.
    pub async fn restarted(self) -> Self {
        self.restarted_by(None).await
    }

    /// The same, by this clock, where there is one.
    pub async fn restarted_by(self, clock: Option<Arc<dyn Clock>>) -> Self {
        let Self { api, phones, running, config, database, _network, _data, _leave } = self;
        running.shutdown().await;
        let brought = Brought { clock, ..engine(_network.ws_url()).into() };
        let running = serve(config.clone(), brought).await.unwrap();
        let api = Api { url: format!("http://{}", running.address), ..api };
        Self { api, phones, running, config, database, _network, _data, _leave }
    }

    /// The same caller with a new key, of this workspace, with these scopes, working for so long.
    pub async fn another(&self, workspace: &str, scopes: &[Scope], lasts: Option<Duration>) -> Api {
        let slug: interflow_domain::WorkspaceSlug = workspace.parse().unwrap();
        let core = self.running.core();
        let context = Context::internal(workspace_id(&slug), Actor::Operator, "req_test".to_owned());
        core.run(&context, &EnsureWorkspace { slug, plan: Plan::Unlimited }).await.unwrap();
        let secret = generate_key();
        let key = IssueKey {
            name: "Test".parse().unwrap(),
            scopes: scopes.to_vec(),
            secret: secret.clone(),
            expires_at: lasts.map(|lasts| core.clock.now() + lasts),
            origin: KeyOrigin::Issued,
        };
        core.run(&context, &key).await.unwrap();
        Api { key: Some(secret), ..self.api.clone() }
    }

    /// Does something to the database behind the server's back.
    pub async fn execute(&self, sql: &str) {
        PgConnection::connect_with(&self.database).await.unwrap().execute(sql).await.unwrap();
    }

    /// The database, beside the server.
    pub async fn pool(&self) -> PgPool {
        PgPool::connect_with(self.database.clone()).await.unwrap()
    }

    /// Takes the database away.
    pub async fn lose_database(&self) {
        let name = self.database.get_database().unwrap();
        let mut connection =
            PgConnection::connect_with(&self.database.clone().database("postgres")).await.unwrap();
        let locked = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        connection.execute(locked.as_str()).await.unwrap();
        let ended =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        connection.execute(ended.as_str()).await.unwrap();
    }

    /// Links a channel to the account, by the QR that it gives.
    pub async fn pair(&self, name: &str) -> String {
        self.phones.pair(&self.api, name, ACCOUNT).await
    }

    /// A channel that is open.
    pub async fn open_channel(&self, name: &str) -> String {
        self.pair(name).await;
        let channel = self.api.get(&format!("/v1/channels/{name}")).await.expect(200);
        channel["data"]["id"].as_str().unwrap().to_owned()
    }
}

/// The engine, on a network.
pub fn engine(url: String) -> EngineFactory {
    Box::new(move |parts| Arc::new(WhatsAppWeb::new(Settings::new(parts.pool, parts.key).at(url))))
}
