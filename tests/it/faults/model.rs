//! Random interleavings against a model that fits on a page.
//!
//! Some processes that share nothing but the database run random commands on few chats and few numbers, many at a time,
//! while connections are lost now and then. What the log has afterwards, event by event in the order of positions,
//! must be a story that the model allows; and every answer must have been true at some moment between its question
//! and its end: an acknowledged event is where it was said to be, a refusal or a "nothing to do" was right in at
//! least one of the states that the model went through meanwhile. So a stale cache never gives a wrong refusal.
//!
//! `INTERFLOW_TEST_SEED` repeats a run, `INTERFLOW_TEST_ROUNDS` makes it longer (`make model`).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use interflow_application::log::{Event, EventLog, RecordedEvent, StreamId};
use interflow_application::{Claim, Context, Core, CreateCustomer, Decision, Error, Ids, UseCase};
use interflow_domain::chat::{Chat, ChatCommand, ChatEvent};
use interflow_domain::customer::{CustomerEvent, ProfileDraft};
use interflow_domain::{ChatId, CustomerId, InstanceId, WorkspaceId};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{Seam, Settings, Step};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::PgPool;

use super::load::{fixed, opens, process};
use super::neighbours::core;
use crate::event_log::fixture::empty;
use crate::support::database::Database;
use crate::support::{invariants, say};

const CHATS: u128 = 4;
const NUMBERS: u128 = 12;
const AGENTS: u32 = 3;
const PROCESSES: usize = 3;

/// What the model knows: who is in charge of a chat and whether it is closed; who has a number.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    chats: HashMap<ChatId, (Option<String>, bool)>,
    numbers: HashMap<String, CustomerId>,
    /// The last event it follows.
    position: u64,
}

#[derive(Debug, Clone)]
enum Op {
    Assign(ChatId, String),
    Close(ChatId),
    Reopen(ChatId),
    Create(String),
}

/// What an op comes to, from the state it finds.
#[derive(Debug, PartialEq)]
enum Verdict {
    Changes,
    Nothing,
    Refused,
}

impl Model {
    fn judge(&self, op: &Op) -> Verdict {
        let chat = |chat: &ChatId| self.chats[chat].clone();
        match op {
            Op::Assign(id, agent) => match chat(id) {
                (_, true) => Verdict::Refused,
                (Some(present), false) if present == *agent => Verdict::Nothing,
                _ => Verdict::Changes,
            },
            Op::Close(id) if chat(id).1 => Verdict::Nothing,
            Op::Reopen(id) if !chat(id).1 => Verdict::Nothing,
            Op::Create(number) if self.numbers.contains_key(number) => Verdict::Refused,
            Op::Close(_) | Op::Reopen(_) | Op::Create(_) => Verdict::Changes,
        }
    }

    /// The op that makes this event.
    fn op(recorded: &RecordedEvent) -> Op {
        match (&recorded.event, recorded.stream) {
            (Event::Chat(ChatEvent::ChatAssigned { assignee }), StreamId::Chat(id)) => {
                Op::Assign(id, assignee.as_ref().unwrap().to_string())
            }
            (Event::Chat(ChatEvent::ChatClosed {}), StreamId::Chat(id)) => Op::Close(id),
            (Event::Chat(ChatEvent::ChatReopened {}), StreamId::Chat(id)) => Op::Reopen(id),
            (Event::Customer(CustomerEvent::CustomerCreated { profile, .. }), _) => {
                Op::Create(profile.phone.as_ref().unwrap().get().unwrap().as_str().to_owned())
            }
            other => panic!("no op makes {other:?}"),
        }
    }

    /// Follows an event that the state allows.
    fn follow(&mut self, recorded: &RecordedEvent) {
        let op = Self::op(recorded);
        self.position += 1;
        assert_eq!(recorded.position, self.position);
        assert_eq!(self.judge(&op), Verdict::Changes, "the log has {op:?}, which its state did not allow");
        match (op, recorded.stream) {
            (Op::Assign(id, agent), _) => self.chats.get_mut(&id).unwrap().0 = Some(agent),
            (Op::Close(id), _) => self.chats.get_mut(&id).unwrap().1 = true,
            (Op::Reopen(id), _) => self.chats.get_mut(&id).unwrap().1 = false,
            (Op::Create(number), StreamId::Customer(id)) => drop(self.numbers.insert(number, id)),
            (op, stream) => panic!("{op:?} on {stream:?}"),
        }
    }
}

/// A chat's command with its claim.
struct Change<'a>(&'a Op);

#[async_trait]
impl UseCase for Change<'_> {
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let claim = |chat: ChatId| Claim::open_chat(InstanceId::default(), CustomerId::new(chat.uuid()));
        let (chat, command) = match self.0 {
            Op::Assign(chat, agent) => {
                (*chat, ChatCommand::AssignChat { assignee: Some(agent.parse().unwrap()) })
            }
            Op::Close(chat) => (*chat, ChatCommand::CloseChat),
            Op::Reopen(chat) => (*chat, ChatCommand::ReopenChat),
            Op::Create(_) => unreachable!("a customer has its own use case"),
        };
        let stream = StreamId::Chat(chat);
        let changed = decision.execute::<Chat>(stream, command).await?;
        match self.0 {
            Op::Close(chat) if changed => decision.release(claim(*chat), stream),
            Op::Reopen(chat) if changed => decision.take(claim(*chat), stream),
            _ => {}
        }
        Ok(changed)
    }
}

async fn run(core: &Core, context: &Context, op: &Op) -> Result<Vec<RecordedEvent>, Error> {
    match op {
        Op::Create(number) => {
            let profile = ProfileDraft { phone: Some(number.parse().unwrap()), ..ProfileDraft::default() };
            core.run(context, &CreateCustomer { profile }).await.map(|done| done.events)
        }
        op => core.run(context, &Change(op)).await.map(|done| done.events),
    }
}

/// Holds groups up for a random while, and now and then takes all connections away.
#[derive(Debug)]
struct Mischief {
    pool: PgPool,
    chance: std::sync::Mutex<StdRng>,
}

#[async_trait]
impl Seam for Mischief {
    async fn reached(&self, _: Step, _: WorkspaceId) {
        let (yields, cut) = {
            let mut chance = self.chance.lock().unwrap();
            (chance.random_range(0..4), chance.random_ratio(1, 150))
        };
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        if cut {
            let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                          WHERE datname = current_database() AND pid <> pg_backend_pid()";
            // It may be this connection that somebody else takes.
            drop(sqlx::query(others).execute(&self.pool).await);
        }
    }
}

/// A number that the environment may choose.
pub fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Says how to repeat a run that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&format!("repeat it with INTERFLOW_TEST_SEED={}", self.0));
        }
    }
}

fn random_op(chance: &mut StdRng) -> Op {
    let chat = ChatId::new(fixed(1, chance.random_range(0..CHATS)));
    match chance.random_range(0..10) {
        0..=3 => Op::Assign(chat, format!("agent {}", chance.random_range(0..AGENTS))),
        4..=5 => Op::Close(chat),
        6..=7 => Op::Reopen(chat),
        _ => Op::Create(format!("55119999900{:02}", chance.random_range(0..NUMBERS))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_interleaving_is_a_story_that_the_model_allows() {
    // The last bits of a new id are random.
    let seed = from_environment("INTERFLOW_TEST_SEED", SystemIds.next().as_u64_pair().1 & 0xffff_ffff);
    let rounds = from_environment("INTERFLOW_TEST_ROUNDS", 120);
    let told_on_failure = Seed(seed);
    let mut chance = StdRng::seed_from_u64(seed);
    let database = Database::new().await;
    let mischief = Arc::new(Mischief {
        pool: database.another_pool().await,
        chance: std::sync::Mutex::new(StdRng::seed_from_u64(seed ^ 1)),
    });
    let mut cores = vec![];
    for number in 0..PROCESSES {
        let pool = database.another_pool().await;
        // A process with a seam takes the path that has steps; the first one writes ahead of the lock where it can.
        let seam = (number > 0).then(|| Arc::clone(&mischief) as Arc<dyn Seam>);
        let log = process(&pool, Settings { group: 8, seam, ..Settings::default() });
        cores.push(core(&pool, &log));
    }
    let reader = process(&database.pool, Settings::default());
    // A workspace for some rounds, so that numbers run out and are new again.
    for number in 0..rounds.div_ceil(30) {
        let workspace = WorkspaceId::new(fixed(9, number.into()));
        let mut model = Model::default();
        for chat in (0..CHATS).map(|n| ChatId::new(fixed(1, n))) {
            while reader.append(opens(empty(workspace), chat)).await.is_err() {}
            model.chats.insert(chat, (None, false));
            model.position += 1;
        }
        let context = empty(workspace).context;
        for _ in 0..rounds.min(30) {
            round(&mut chance, &cores, &context, &reader, &mut model).await;
        }
    }
    let rested = database.another_pool().await;
    invariants::hold(&rested, &process(&rested, Settings::default())).await;
    drop(told_on_failure);
}

async fn round(
    chance: &mut StdRng,
    cores: &[Core],
    context: &Context,
    reader: &impl EventLog,
    model: &mut Model,
) {
    let ops: Vec<_> = (0..chance.random_range(2..24))
        .map(|_| (random_op(chance), chance.random_range(0..cores.len()), chance.random_range(0..6)))
        .collect();
    let answers = join_all(ops.iter().map(|(op, process, pause)| async move {
        for _ in 0..*pause {
            tokio::task::yield_now().await;
        }
        run(&cores[*process], context, op).await
    }))
    .await;
    // The states that the log went through meanwhile.
    let known = news(reader, context.workspace, model.position).await;
    let mut states = vec![model.clone()];
    for event in &known {
        model.follow(event);
        states.push(model.clone());
    }
    for ((op, ..), answer) in ops.iter().zip(answers) {
        let was = |verdict| states.iter().any(|state| state.judge(op) == verdict);
        match answer {
            Ok(events) if events.is_empty() => {
                assert!(was(Verdict::Nothing), "{op:?} was answered as done already, and never was");
            }
            Ok(events) => {
                assert!(
                    events.iter().all(|told| known.contains(told)),
                    "{op:?} was acknowledged and is lost"
                );
            }
            Err(Error::Unavailable(_)) => {}
            Err(Error::Conflict(why)) if why.contains("being changed by others") => {}
            Err(Error::Conflict(why)) => {
                assert!(was(Verdict::Refused), "{op:?} was refused ({why}) and never had to be");
            }
            Err(error) => panic!("{op:?}: {error}"),
        }
    }
}

/// The events after this position. The reader may lose its connections like everybody else.
async fn news(reader: &impl EventLog, workspace: WorkspaceId, after: u64) -> Vec<RecordedEvent> {
    loop {
        if let Ok(events) = reader.read(workspace, after, 10_000).await {
            return events;
        }
    }
}
