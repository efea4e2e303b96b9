//! A log on a database of its own, and short words for what the tests append.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::join_all;
use interflow_application::log::{
    Append, AppendError, ClaimChange, Event, EventLog, RecordedEvent, Rider, StreamAppend, StreamId,
};
use interflow_application::{Actor, Claim, Clock, Command, Context, Ids};
use interflow_domain::chat::ChatEvent;
use interflow_domain::customer::{CustomerEvent, ProfileDraft};
use interflow_domain::message::{Content, ContentType, MessageEvent, Participants};
use interflow_domain::{
    ChatId, CustomerId, DisplayName, InstanceId, MessageId, Personal, PhoneNumber, Subject, WorkspaceId,
};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_vault::MasterKey;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::support::database::Database;

pub type Answer = Result<Vec<RecordedEvent>, AppendError>;

pub struct Fixture {
    pub database: Database,
    pub pool: PgPool,
    pub log: PgEventLog,
    pub workspace: WorkspaceId,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Settings::default(), Arc::new(SystemIds)).await
    }

    pub async fn with(settings: Settings, ids: Arc<dyn Ids>) -> Self {
        let database = Database::new().await;
        let pool = database.pool.clone();
        let log = PgEventLog::start(pool.clone(), &master(), ids, settings);
        Self { database, pool, log, workspace: WorkspaceId::new(SystemIds.next()) }
    }

    /// The same log as another process has it: nothing is shared but the database.
    pub async fn another_process(&self) -> PgEventLog {
        let pool = self.database.another_pool().await;
        PgEventLog::start(pool, &master(), Arc::new(SystemIds), Settings::default())
    }

    pub async fn append(&self, append: Append) -> Answer {
        self.log.append(append).await
    }

    /// Appends all of these in one group: while somebody else holds the head lock, a first append waits for it, and
    /// these gather behind it.
    pub async fn append_together(&self, appends: Vec<Append>) -> Vec<Answer> {
        self.append_behind(self.opened(new_chat()), appends).await
    }

    /// The same behind a given first append.
    pub async fn append_behind(&self, first: Append, appends: Vec<Append>) -> Vec<Answer> {
        let holder = self.lock_head().await;
        let first = self.log.append(first);
        tokio::pin!(first);
        assert!((&mut first).now_or_never().is_none());
        self.wait_for_waiter().await;
        let together = join_all(appends.into_iter().map(|append| self.log.append(append)));
        tokio::pin!(together);
        assert!((&mut together).now_or_never().is_none());
        drop(holder);
        first.await.unwrap();
        together.await
    }

    /// A session that holds the lock on the workspace's head until it is dropped.
    pub async fn lock_head(&self) -> PgConnection {
        let mut holder = self.database.connection().await;
        let head = "INSERT INTO heads (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING";
        sqlx::query(head).bind(self.workspace.uuid()).execute(&mut holder).await.unwrap();
        sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
        let lock = "SELECT FROM heads WHERE workspace_id = $1 FOR UPDATE";
        sqlx::query(lock).bind(self.workspace.uuid()).execute(&mut holder).await.unwrap();
        holder
    }

    /// Returns once a session of this database waits for a lock; gives its process id.
    pub async fn wait_for_waiter(&self) -> i32 {
        loop {
            let waiting: Option<i32> = sqlx::query_scalar(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_optional(&self.pool)
            .await
            .unwrap();
            match waiting {
                Some(waiting) => return waiting,
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }

    pub fn empty(&self) -> Append {
        empty(self.workspace)
    }

    /// A new chat's first event.
    pub fn opened(&self, chat: ChatId) -> Append {
        self.empty().on(StreamId::Chat(chat), 0, [opened(chat)])
    }

    pub fn created(&self, customer: CustomerId, phone: &str) -> Append {
        let claim = Claim::customer_phone(&phone.parse().unwrap());
        self.empty()
            .on(StreamId::Customer(customer), 0, [created(customer, "Ana Maria", phone)])
            .taking(claim, StreamId::Customer(customer))
    }

    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).bind(self.workspace.uuid()).fetch_one(&self.pool).await.unwrap()
    }

    /// How many events the log has, after it was found to be whole: positions without a gap, versions that add up.
    pub async fn sound(&self) -> i64 {
        let events = self.count("SELECT count(*) FROM events WHERE workspace_id = $1").await;
        let last = self.count("SELECT coalesce(max(position), 0) FROM events WHERE workspace_id = $1").await;
        let head = self.count("SELECT coalesce(max(position), 0) FROM heads WHERE workspace_id = $1").await;
        let versions =
            self.count("SELECT coalesce(sum(version), 0)::bigint FROM streams WHERE workspace_id = $1").await;
        assert_eq!((events, events, events), (last, head, versions));
        events
    }
}

/// Every process of a test has the same.
pub fn master() -> MasterKey {
    MasterKey::parse(&"17".repeat(32)).unwrap()
}

pub fn empty(workspace: WorkspaceId) -> Append {
    Append {
        context: Context::internal(workspace, Actor::System("test"), "req-1".to_owned()),
        recorded_at: SystemClock.now(),
        streams: vec![],
        claims: vec![],
        riders: vec![],
    }
}

/// Building an append part by part.
pub trait Build: Sized {
    fn on(self, stream: StreamId, expected: u64, events: impl IntoIterator<Item = Event>) -> Self;
    fn taking(self, claim: Claim, owner: StreamId) -> Self;
    fn releasing(self, claim: Claim, owner: StreamId) -> Self;
    fn with(self, rider: Rider) -> Self;
}

impl Build for Append {
    fn on(mut self, stream: StreamId, expected: u64, events: impl IntoIterator<Item = Event>) -> Self {
        let events = events.into_iter().collect();
        self.streams.push(StreamAppend { stream, expected, events, cause: None });
        self
    }

    fn taking(mut self, claim: Claim, owner: StreamId) -> Self {
        self.claims.push(ClaimChange::Take { claim, owner });
        self
    }

    fn releasing(mut self, claim: Claim, owner: StreamId) -> Self {
        self.claims.push(ClaimChange::Release { claim, owner });
        self
    }

    fn with(mut self, rider: Rider) -> Self {
        self.riders.push(rider);
        self
    }
}

fn uuid() -> Uuid {
    SystemIds.next()
}

pub fn new_chat() -> ChatId {
    ChatId::new(uuid())
}

pub fn new_customer() -> CustomerId {
    CustomerId::new(uuid())
}

pub fn new_message() -> MessageId {
    MessageId::new(uuid())
}

pub fn new_instance() -> InstanceId {
    InstanceId::new(uuid())
}

pub fn phone(text: &str) -> Claim {
    Claim::customer_phone(&text.parse().unwrap())
}

pub fn opened(chat_id: ChatId) -> Event {
    let (instance_id, customer_id) = (InstanceId::default(), CustomerId::default());
    ChatEvent::ChatOpened { chat_id, instance_id, customer_id }.into()
}

/// One of many events a chat may have after it was opened.
pub fn assigned(to: &str) -> Event {
    ChatEvent::ChatAssigned { assignee: Some(to.parse::<DisplayName>().unwrap()) }.into()
}

pub fn created(customer_id: CustomerId, name: &str, phone: &str) -> Event {
    let draft = ProfileDraft {
        name: Some(name.parse().unwrap()),
        phone: Some(phone.parse().unwrap()),
        email: Some("ana.maria@example.com".parse().unwrap()),
        ..ProfileDraft::default()
    };
    CustomerEvent::CustomerCreated { customer_id, profile: draft.belonging_to(customer_id), lid: None }.into()
}

pub fn queued(message_id: MessageId, chat_id: ChatId, customer_id: CustomerId, text: &str) -> Event {
    let subject = Subject::Customer(customer_id);
    let to: PhoneNumber = "5511999990000".parse().unwrap();
    MessageEvent::MessageQueued {
        message_id,
        participants: Participants { chat_id, instance_id: InstanceId::default(), customer_id },
        to: Personal::new(subject, to),
        content: Personal::new(subject, Content::Text { text: text.parse().unwrap() }),
        content_type: ContentType::Text,
        whatsapp_id: format!("3EB0{}", message_id.uuid().simple()),
        reply_to: None,
        deadline: later(60),
        job_id: None,
    }
    .into()
}

pub fn later(seconds: i64) -> DateTime<Utc> {
    SystemClock.now() + TimeDelta::seconds(seconds)
}

pub fn command(number: u8) -> Command {
    Command { id: [number; 32], request_hash: [number; 32], expires_at: later(3600) }
}
