//! Callers as they should be: each gives its commands a key, asks again when it is not answered, and keeps what it
//! was told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_application::log::{
    Append, AppendError, Event, EventLog, LogError, RecordedEvent, Rider, StreamId,
};
use interflow_application::{Claim, Command, ResourceRef};
use interflow_domain::chat::ChatEvent;
use interflow_domain::customer::{CustomerEvent, ProfileDraft};
use interflow_domain::{ChatId, CustomerId, InstanceId, WorkspaceId};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use sqlx::PgPool;
use uuid::Uuid;

use crate::event_log::fixture::{Build, assigned, empty, later, master, phone};
use crate::support::PATIENCE;
use crate::support::invariants::{self, Census};

/// The chats that everybody changes at the same time.
const HOT: u128 = 3;

/// A log of its own on this database, as another process has one.
pub fn process(pool: &PgPool, settings: Settings) -> PgEventLog {
    PgEventLog::start(pool.clone(), &master(), Arc::new(SystemIds), settings)
}

/// An id that is the same in every process of a test.
pub fn fixed(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128((kind << 96) | (0x7000_8000 << 64) | number)
}

/// A chat's opening, with the claim that comes with it.
pub fn opens(append: Append, chat: ChatId) -> Append {
    let (instance_id, customer_id) = (InstanceId::default(), CustomerId::new(chat.uuid()));
    let event: Event = ChatEvent::ChatOpened { chat_id: chat, instance_id, customer_id }.into();
    let stream = StreamId::Chat(chat);
    append.on(stream, 0, [event]).taking(Claim::open_chat(instance_id, customer_id), stream)
}

/// A customer's first event. Only the number is claimed.
pub fn customer_created(customer_id: CustomerId, phone: &str) -> Event {
    let draft = ProfileDraft {
        name: Some("Ana Maria".parse().unwrap()),
        phone: Some(phone.parse().unwrap()),
        ..ProfileDraft::default()
    };
    CustomerEvent::CustomerCreated { customer_id, profile: draft.belonging_to(customer_id), lid: None }.into()
}

pub fn hot(number: u128) -> ChatId {
    ChatId::new(fixed(1, number % HOT))
}

/// Some callers, a round of commands each, and all that they were told.
pub struct Load {
    pub workspace: WorkspaceId,
    pub callers: u128,
    /// Commands of each caller: half of them create a customer, half change a hot chat.
    pub commands: u128,
}

impl Load {
    pub fn of(round: u128) -> Self {
        Self { workspace: WorkspaceId::new(fixed(9, round)), callers: 8, commands: 12 }
    }

    /// Runs it to its end over these processes. Gives everything that was acknowledged.
    pub async fn run(&self, processes: &[PgEventLog]) -> Vec<RecordedEvent> {
        let mut told = vec![];
        for number in 0..HOT {
            let open = || opens(empty(self.workspace), hot(number));
            told.extend(insist(&processes[0], key(u128::MAX, number), hot(number), |_| open()).await);
        }
        let callers = (0..self.callers).map(|caller| {
            let log = &processes[usize::try_from(caller).unwrap() % processes.len()];
            self.call(log, caller)
        });
        told.extend(join_all(callers).await.into_iter().flatten());
        told
    }

    async fn call(&self, log: &PgEventLog, caller: u128) -> Vec<RecordedEvent> {
        let mut told = vec![];
        for number in 0..self.commands {
            let key = key(caller, number);
            if number % 2 == 0 {
                let unique = caller * self.commands + number;
                let customer = CustomerId::new(fixed(2, unique));
                let stream = StreamId::Customer(customer);
                let number = format!("5511{:09}", 900_000_000 + unique);
                let create = |_| {
                    let append = empty(self.workspace).on(stream, 0, [customer_created(customer, &number)]);
                    append.taking(phone(&number), stream)
                };
                told.extend(insist(log, key, hot(0), create).await);
            } else {
                let chat = hot(caller + number);
                let label = label(caller, number);
                let assign =
                    |version| empty(self.workspace).on(StreamId::Chat(chat), version, [assigned(&label)]);
                told.extend(insist(log, key, chat, assign).await);
            }
        }
        told
    }

    /// Checks the database, and that every command was carried out exactly once.
    pub async fn check(&self, pool: &PgPool, told: &[RecordedEvent]) -> Census {
        let census = invariants::hold(pool, &process(pool, Settings::default())).await;
        census.has_once(self.workspace, told);
        let log = census.of(self.workspace);
        let done: BTreeSet<String> =
            log.iter().map(|event| format!("{:?} {:?}", event.stream, event.event)).collect();
        let expected = HOT + self.callers * self.commands;
        assert_eq!((log.len() as u128, done.len() as u128), (expected, expected), "lost or doubled");
        census
    }
}

fn label(caller: u128, number: u128) -> String {
    format!("caller {caller} command {number}")
}

fn key(caller: u128, number: u128) -> Command {
    let mut id = [0; 32];
    id[..16].copy_from_slice(&caller.to_be_bytes());
    id[16..].copy_from_slice(&number.to_be_bytes());
    Command { id, request_hash: id, expires_at: later(3600) }
}

/// Appends until it is there. A caller that was not answered does not know, and its key is how it finds out.
async fn insist(
    log: &PgEventLog,
    key: Command,
    chat: ChatId,
    append: impl Fn(u64) -> Append,
) -> Vec<RecordedEvent> {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "a command was never carried out");
        let workspace = append(0).context.workspace;
        let answer = match log.load(workspace, StreamId::Chat(chat)).await {
            Ok(loaded) => {
                let rider = Rider::Command { command: key.clone(), resource: ResourceRef::Chat(chat) };
                log.append(append(loaded.version).with(rider)).await
            }
            Err(error) => Err(AppendError::Log(error)),
        };
        match answer {
            Ok(events) => return events,
            // It was carried out, and nobody could say so then.
            Err(AppendError::Repeated(_)) => return vec![],
            Err(AppendError::Conflict) => {}
            Err(AppendError::Overloaded | AppendError::Log(LogError::Unavailable(_))) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
