//! Use cases on the real log: what spans several streams, claims and read models.

mod customers;
mod inbound;
mod webhooks;

use std::sync::Arc;

use interflow_application::gateway::Leases;
use interflow_application::read::{
    Chat, ChatFilter, Customer, CustomerFilter, Listing, Message, MessageFilter,
};
use interflow_application::{
    Actor, ConnectInstance, Context, Core, CreateCustomer, Error, Ids, RecordConnection, UseCase,
};
use interflow_domain::customer::ProfileDraft;
use interflow_domain::instance::InstanceCommand;
use interflow_domain::{ChatId, CustomerId, InstanceId, WorkspaceId};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::leases::PgLeases;
use interflow_infrastructure::read_models::PgReads;
use interflow_vault::MasterKey;

use crate::support::database::Database;

/// A workspace with a linked instance whose lease this node holds.
struct Desk {
    core: Core,
    context: Context,
    instance: InstanceId,
    epoch: i64,
    leases: PgLeases,
    _database: Database,
}

impl Desk {
    async fn open() -> Self {
        let database = Database::new().await;
        let master = MasterKey::parse(&"07".repeat(32)).unwrap();
        let log = PgEventLog::start(database.pool.clone(), &master, Arc::new(SystemIds), Settings::default());
        let core = Core {
            log: Arc::new(log),
            reads: Arc::new(PgReads::new(database.pool.clone())),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        };
        let workspace = WorkspaceId::new(SystemIds.next());
        let context = Context::internal(workspace, Actor::System("test"), "req_test".to_owned());
        let connect = ConnectInstance { name: "shop".parse().unwrap() };
        let instance = core.run(&context, &connect).await.unwrap().output;
        let paired =
            InstanceCommand::RecordPaired { phone: Some("5511888888888".parse().unwrap()), lid: None };
        let paired = RecordConnection { instance, command: paired, epoch: None };
        core.run(&context, &paired).await.unwrap();
        let leases = PgLeases::new(database.pool.clone(), SystemIds.next());
        leases.heartbeat().await.unwrap();
        let epoch = leases.acquire(workspace, instance).await.unwrap().unwrap();
        Self { core, context, instance, epoch, leases, _database: database }
    }

    async fn run<U: UseCase>(&self, use_case: &U) -> Result<U::Output, Error> {
        self.core.run(&self.context, use_case).await.map(|done| done.output)
    }

    async fn create(&self, profile: ProfileDraft) -> Result<CustomerId, Error> {
        self.run(&CreateCustomer { profile }).await
    }

    async fn customer(&self, id: CustomerId) -> Option<Customer> {
        self.core.reads.customer(self.context.workspace, id).await.unwrap()
    }

    async fn customers(&self) -> Vec<Customer> {
        self.core
            .reads
            .customers(self.context.workspace, &Listing::first(CustomerFilter::default(), 100))
            .await
            .unwrap()
            .items
    }

    async fn chats(&self) -> Vec<Chat> {
        self.core
            .reads
            .chats(self.context.workspace, &Listing::first(ChatFilter::default(), 100))
            .await
            .unwrap()
            .items
    }

    async fn messages(&self, chat: ChatId) -> Vec<Message> {
        let filter = MessageFilter { chat: Some(chat), ..MessageFilter::default() };
        self.core.reads.messages(self.context.workspace, &Listing::first(filter, 100)).await.unwrap().items
    }
}

fn profile(phone: Option<&str>, email: Option<&str>) -> ProfileDraft {
    ProfileDraft {
        phone: phone.map(|phone| phone.parse().unwrap()),
        email: email.map(|email| email.parse().unwrap()),
        ..ProfileDraft::default()
    }
}
