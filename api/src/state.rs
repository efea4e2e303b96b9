//! What every handler can reach.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use interflow_application::audit::{AuditReads, ReadAudit};
use interflow_application::gateway::Gateway;
use interflow_application::past::PastReads;
use interflow_application::proof::TransparencyLog;
use interflow_application::usage::UsageMeter;
use interflow_application::wakeups::Wakeups;
use interflow_application::webhook::address::Cidr;
use interflow_application::webhook::ports::Resolver;
use interflow_application::webhook::url::UrlPolicy;
use interflow_application::webhook::{Dispatcher, WebhookReads};
use interflow_application::{AnswerStore, Core, Erasures};

use crate::auth::{Crowd, KeyUses, Secrets};
use crate::config::Origin;
use crate::graphql;
use crate::idempotency::InFlight;
use crate::limits::Limits;
use crate::streams::Streams;
use crate::turns::Turns;

/// The ports and the settings of a server, shared by its handlers.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// Runs use cases and answers questions.
    pub core: Core,
    /// Answers questions about the past.
    pub past: Arc<dyn PastReads>,
    /// The WhatsApp sessions of this node.
    pub gateway: Gateway,
    /// Where repeated commands find their answers.
    pub answers: Arc<dyn AnswerStore>,
    /// The idempotency keys that are being worked on.
    pub in_flight: InFlight,
    /// The calls that are being served, by key.
    pub crowd: Crowd,
    /// The requests that the plans allow.
    pub limits: Limits,
    /// What keys and workspaces need.
    pub tenants: Tenants,
    /// What webhooks need.
    pub webhooks: Webhooks,
    /// What auditors look into.
    pub audit: Arc<dyn AuditReads>,
    /// Who has seen what.
    pub reads: ReadAudit,
    /// What stays open.
    pub streams: Streams,
    /// Answers GraphQL.
    pub graphql: graphql::Schema,
    /// The documents that GraphQL's clients show the hashes of.
    pub persisted: graphql::Persisted,
    /// Bounds.
    pub settings: Settings,
}

/// What a program brings to its handlers, as [`Parts`] tells of it.
pub struct Ports {
    pub core: Core,
    pub past: Arc<dyn PastReads>,
    pub gateway: Gateway,
    pub answers: Arc<dyn AnswerStore>,
    pub limits: Limits,
    pub tenants: Tenants,
    pub webhooks: Webhooks,
    pub audit: Audit,
    pub settings: Settings,
}

/// What keys and workspaces need.
#[derive(Clone)]
pub struct Tenants {
    /// Makes the secrets of keys.
    pub secrets: Secrets,
    /// When keys were last shown.
    pub key_uses: KeyUses,
    /// What workspaces use.
    pub usage: Arc<dyn UsageMeter>,
    /// What makes the log forget their customers.
    pub erasures: Arc<dyn Erasures>,
    /// What proves their logs.
    pub proofs: Arc<dyn TransparencyLog>,
}

/// What auditors need.
#[derive(Clone)]
pub struct Audit {
    /// What is in the logs.
    pub events: Arc<dyn AuditReads>,
    /// Who has seen what.
    pub reads: ReadAudit,
}

/// What webhooks need.
#[derive(Clone)]
pub struct Webhooks {
    /// Makes the deliveries of this node.
    pub dispatcher: Dispatcher,
    /// What is known of endpoints and deliveries.
    pub reads: Arc<dyn WebhookReads>,
    /// Which addresses endpoints may have.
    pub policy: UrlPolicy,
    /// Resolves their names.
    pub resolver: Arc<dyn Resolver>,
    /// Says when there is more to tell, to callers that wait for it.
    pub wakeups: Arc<dyn Wakeups>,
    /// How many endpoints a workspace may have.
    pub most: u64,
    /// Taken while one is created: each must count the one before it.
    pub creating: Arc<Turns>,
}

/// Bounds of the HTTP face.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a request may take.
    pub request_timeout: Duration,
    /// The largest body, in bytes, where a route sets no other bound.
    pub body_limit: usize,
    /// The pages that may call from a browser.
    pub cors_origins: Vec<Origin>,
    /// How long browsers are to insist on TLS; zero says nothing of it.
    pub hsts_max_age: Duration,
    /// How long a message may wait for WhatsApp before it is given up.
    pub send_deadline: Duration,
    /// How many streams a key may have open.
    pub streams_per_key: usize,
    /// The proxies that are believed whom they call for.
    pub trusted_proxies: Vec<Cidr>,
    /// How often a stream on which nothing happens is sent something.
    pub stream_heartbeat: Duration,
    /// Whether GraphQL tells of its own schema when it is asked to.
    pub graphql_introspection: bool,
    /// Whether GraphiQL is served.
    pub graphiql: bool,
}

impl App {
    /// An app on these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let Ports { core, past, gateway, answers, limits, tenants, webhooks, audit, settings } = ports;
        let in_flight = InFlight::default();
        let streams = Streams::new(gateway.live().clone(), settings.streams_per_key);
        Self(Arc::new(Parts {
            core,
            past,
            gateway,
            answers,
            in_flight,
            crowd: Crowd::default(),
            limits,
            tenants,
            webhooks,
            audit: audit.events,
            reads: audit.reads,
            streams,
            graphql: graphql::schema(settings.graphql_introspection),
            persisted: graphql::Persisted::new(),
            settings,
        }))
    }

    /// From now on the server is not ready, and what is open ends.
    pub fn stop(&self) {
        self.streams.stopping.cancel();
    }

    /// Whether the server is on its way down.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.streams.stopping.is_cancelled()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
