//! Our log: one-event commands with their read model, and `SendMessage`, both through their whole use cases.
//!
//! The one-event command changes a customer's name: its state is loaded, the command decided, the event sealed and
//! appended under a check of the version, and the customer's row changed, all before the command is answered. The
//! send goes to a known customer: message, chat, outbox and their rows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::{
    Actor, ChannelRef, ConnectInstance, Context, Core, Decision, Error, Ids, PatchCustomer, ProfilePatch,
    RecordConnection, SendMessage, UseCase, log::StreamId,
};
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};
use interflow_domain::instance::InstanceCommand;
use interflow_domain::message::Content;
use interflow_domain::{CustomerId, InstanceId, PhoneNumber, WorkspaceId};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::read_models::PgReads;
use interflow_vault::MasterKey;
use sqlx::PgPool;

use crate::machine::Machine;
use crate::measure::{Sample, drive};

pub fn log(pool: &PgPool) -> PgEventLog {
    let master = MasterKey::parse(&"07".repeat(32)).unwrap();
    PgEventLog::start(pool.clone(), &master, Arc::new(SystemIds), Settings::default())
}

pub fn core(pool: &PgPool) -> Core {
    Core {
        log: Arc::new(log(pool)),
        reads: Arc::new(PgReads::new(pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

/// A workspace with customers to be changed and numbers to send to.
struct Desk {
    context: Context,
    instance: InstanceId,
    customers: Vec<CustomerId>,
    phones: Vec<PhoneNumber>,
}

/// Workspaces that the clients take in turn.
#[derive(Clone)]
pub struct Desks {
    core: Core,
    desks: Arc<Vec<Desk>>,
}

impl Desks {
    /// So many workspaces with so many customers each.
    pub async fn new(core: Core, workspaces: usize, customers: usize) -> Self {
        let mut desks = Vec::new();
        while desks.len() < workspaces {
            let opening =
                (desks.len()..workspaces.min(desks.len() + 64)).map(|_| Desk::open(&core, customers));
            desks.extend(futures::future::join_all(opening).await);
        }
        Self { core, desks: Arc::new(desks) }
    }

    pub async fn commands(&self, machine: &Machine, clients: usize, time: Duration) -> Sample {
        let desks = self.clone();
        drive(machine, clients, time, 1, move |client, done| {
            desks.clone().rename(client + done * clients, done)
        })
        .await
    }

    pub async fn sends(&self, machine: &Machine, clients: usize, time: Duration) -> Sample {
        let desks = self.clone();
        drive(machine, clients, time, 1, move |client, done| desks.clone().send(client + done * clients))
            .await
    }

    /// Turns go over the workspaces first, and then over their customers: no two commands in flight meet.
    fn turn(&self, turn: usize) -> (&Desk, usize) {
        (&self.desks[turn % self.desks.len()], turn / self.desks.len())
    }

    async fn rename(self, turn: usize, done: usize) {
        let (desk, number) = self.turn(turn);
        let name = format!("Ana Maria {:0>20} {done:0>20}", SystemIds.next().as_u128() % 1_000_000_007);
        let patch = ProfilePatch { name: Some(Some(name.parse().unwrap())), ..ProfilePatch::default() };
        let id = desk.customers[number % desk.customers.len()];
        let done = self.core.run(&desk.context, &PatchCustomer { id, patch, expected: None }).await.unwrap();
        assert_eq!(done.events.len(), 1);
    }

    async fn send(self, turn: usize) {
        let (desk, number) = self.turn(turn);
        let send = SendMessage {
            channel: ChannelRef::id(desk.instance),
            to: desk.phones[number % desk.phones.len()].clone(),
            content: Content::Text {
                text: "The parcel with your order is on its way to you.".parse().unwrap(),
            },
            reply_to: None,
            patience: Duration::from_secs(3600),
        };
        self.core.run(&desk.context, &send).await.unwrap();
    }
}

impl Desk {
    async fn open(core: &Core, customers: usize) -> Self {
        let workspace = WorkspaceId::new(SystemIds.next());
        let context = Context::internal(workspace, Actor::System("bench"), "req_bench".to_owned());
        let connect = ConnectInstance { name: "shop".parse().unwrap() };
        let instance = core.run(&context, &connect).await.unwrap().output;
        let paired =
            InstanceCommand::RecordPaired { phone: Some("5511888888888".parse().unwrap()), lid: None };
        core.run(&context, &RecordConnection { instance, command: paired, epoch: None }).await.unwrap();
        let mut desk = Self { context, instance, customers: vec![], phones: vec![] };
        let made = (0..customers).map(|_| async {
            let id = CustomerId::new(SystemIds.next());
            core.run(&desk.context, &Introduce(id)).await.unwrap();
            id
        });
        let made = futures::future::join_all(made).await;
        let phones = (0..customers).map(|number| format!("5511{:09}", 900_000_000 + number).parse().unwrap());
        let phones: Vec<PhoneNumber> = phones.collect();
        let opened = phones.iter().map(|phone| async {
            let text = "Hello".parse().unwrap();
            let send = SendMessage {
                channel: ChannelRef::id(instance),
                to: phone.clone(),
                content: Content::Text { text },
                reply_to: None,
                patience: Duration::from_secs(3600),
            };
            core.run(&desk.context, &send).await.unwrap();
        });
        futures::future::join_all(opened).await;
        (desk.customers, desk.phones) = (made, phones);
        desk
    }
}

/// Makes a customer that WhatsApp introduced, so that its profile is nothing but its name.
struct Introduce(CustomerId);

#[async_trait]
impl UseCase for Introduce {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        let lid = format!("{}", 10_000_000_000 + self.0.uuid().as_u128() % 10_000_000_000);
        let create = CustomerCommand::CreateCustomer {
            customer_id: self.0,
            profile: ProfileDraft::default(),
            lid: Some(lid.parse().unwrap()),
        };
        decision.execute::<Customer>(StreamId::Customer(self.0), create).await?;
        Ok(())
    }
}
