//! Stock cqrs-es and postgres-es, with the same aggregate and a view written by their generic query.
//!
//! In its favour: every command makes a customer, so there is no stream to load and no row to change, and its events
//! are in clear.

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::persist::GenericQuery;
use cqrs_es::{EventEnvelope, Query, View};
use interflow_application::Ids;
use interflow_domain::CustomerId;
use interflow_domain::customer::{Customer, CustomerCommand, CustomerEvent, ProfileDraft};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::database::{self, Options};
use postgres_es::{PostgresCqrs, PostgresViewRepository, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx::{Executor, PgPool};

use crate::machine::Machine;
use crate::measure::{Sample, drive};

/// The tables that postgres-es asks for.
const TABLES: [&str; 2] = [
    "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL, \
         sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL, \
         payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))",
    "CREATE TABLE customer_view (view_id text NOT NULL, version bigint CHECK (version >= 0) NOT NULL, \
         payload json NOT NULL, PRIMARY KEY (view_id))",
];

pub struct Stock(Arc<PostgresCqrs<Customer>>);

/// A row of the read model.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Row {
    name: Option<String>,
    version: usize,
}

impl View<Customer> for Row {
    fn update(&mut self, event: &EventEnvelope<Customer>) {
        self.version = event.sequence;
        if let CustomerEvent::CustomerCreated { profile, .. } = &event.payload {
            self.name = profile.name.as_ref().and_then(|name| name.get()).map(ToString::to_string);
        }
    }
}

impl Stock {
    pub async fn new(machine: &Machine, pool: &PgPool) -> Self {
        pool.execute("CREATE DATABASE stock").await.unwrap();
        let url = machine.postgres.connection().url();
        let mut options = Options::parse(&url).unwrap();
        options.connect = options.connect.database("stock");
        options.max_connections = 20;
        options.acquire_timeout = Duration::from_secs(60);
        let pool = database::connect(options).await.unwrap();
        for table in TABLES {
            pool.execute(table).await.unwrap();
        }
        let view = PostgresViewRepository::<Row, Customer>::new("customer_view", pool.clone());
        let queries: Vec<Box<dyn Query<Customer>>> = vec![Box::new(GenericQuery::new(Arc::new(view)))];
        Self(Arc::new(postgres_cqrs(pool, queries, ())))
    }

    pub async fn round(&self, machine: &Machine, clients: usize, time: Duration) -> Sample {
        let stock = Arc::clone(&self.0);
        drive(machine, clients, time, 1, move |_, _| command(Arc::clone(&stock))).await
    }
}

/// One event of about the size that ours has, and one row of the view.
async fn command(stock: Arc<PostgresCqrs<Customer>>) {
    let id = CustomerId::new(SystemIds.next());
    let profile = ProfileDraft {
        name: Some(format!("{:a>130}", "Ana Maria ").parse().unwrap()),
        ..ProfileDraft::default()
    };
    let lid = Some(format!("{}", 10_000_000_000 + id.uuid().as_u128() % 10_000_000_000).parse().unwrap());
    let create = CustomerCommand::CreateCustomer { customer_id: id, profile, lid };
    stock.execute(&id.to_string(), create).await.unwrap();
}
