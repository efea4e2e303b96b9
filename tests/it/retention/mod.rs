//! Contents of messages are forgotten when they are so old as their workspace says, and nothing else is.

mod broken_off;
mod contents;
mod face;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use interflow_application::read::{Listing, Message, MessageFilter};
use interflow_application::{
    ChangeWorkspace, ChannelRef, Clock, ConnectInstance, Context, Core, EnsureWorkspace, Keeper,
    RecordConnection, Retention, SendMessage, workspace_id,
};
use interflow_domain::instance::InstanceCommand;
use interflow_domain::message::Content;
use interflow_domain::workspace::{MessageRetention, Plan};
use interflow_domain::{InstanceId, MessageId, WorkspaceSlug};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_vault::MasterKey;
use sqlx::PgPool;

use crate::webhook::{Build, MASTER, Node};

/// A clock that stands where a test puts it.
pub struct MovedClock(Mutex<DateTime<Utc>>);

impl MovedClock {
    pub fn at(time: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(time.parse().unwrap())))
    }

    pub fn put(&self, time: &str) {
        *self.0.lock().unwrap() = time.parse().unwrap();
    }
}

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A workspace with a channel, whose messages wait to be sent for a long time.
pub struct Shop {
    pub node: Node,
    pub instance: InstanceId,
}

impl Shop {
    pub async fn open(build: Build, clock: &Arc<MovedClock>, slug: &str) -> Self {
        let slug: WorkspaceSlug = slug.parse().unwrap();
        let build = Build { clock: Arc::clone(clock) as Arc<dyn Clock>, ..build };
        let node = build.node(workspace_id(&slug));
        node.run(&EnsureWorkspace { slug, plan: Plan::Unlimited }).await;
        let instance = node.run(&ConnectInstance { name: "shop".parse().unwrap() }).await;
        let command = InstanceCommand::RecordPaired { phone: None, lid: None };
        node.run(&RecordConnection { instance, command, epoch: None }).await;
        Self { node, instance }
    }

    pub async fn keep(&self, days: Option<u16>) {
        let message_retention = Some(days.map(|days| MessageRetention::try_new(days).unwrap()));
        let change = ChangeWorkspace { name: None, plan: None, message_retention, expected: None };
        self.node.run(&change).await;
    }

    pub async fn send(&self, phone: &str, text: &str) -> MessageId {
        let send = SendMessage {
            channel: ChannelRef::id(self.instance),
            to: phone.parse().unwrap(),
            content: Content::Text { text: text.parse().unwrap() },
            reply_to: None,
            patience: std::time::Duration::from_secs(400 * 24 * 3600),
        };
        self.node.run(&send).await
    }

    /// One to each of so many customers.
    pub async fn send_to_many(&self, customers: usize, text: &str) {
        let numbers: Vec<_> = (0..customers).map(|n| format!("55119{n:08}")).collect();
        join_all(numbers.iter().map(|number| self.send(number, text))).await;
    }

    pub async fn message(&self, id: MessageId) -> Message {
        self.node.core.reads.message(self.context().workspace, id).await.unwrap().unwrap()
    }

    pub async fn messages(&self) -> Vec<Message> {
        let listing = Listing::first(MessageFilter::default(), 100);
        self.node.core.reads.messages(self.context().workspace, &listing).await.unwrap().items
    }

    pub fn context(&self) -> &Context {
        &self.node.context
    }

    pub fn pool(&self) -> &PgPool {
        &self.node.database.pool
    }

    pub fn core(&self) -> &Core {
        &self.node.core
    }

    /// The log as another process has it, which hears nothing of this one.
    pub async fn another_log(&self, settings: Settings) -> PgEventLog {
        let master = MasterKey::parse(MASTER).unwrap();
        let pool = self.node.database.another_pool().await;
        PgEventLog::start(pool, &master, Arc::new(SystemIds), settings)
    }

    pub fn keeper(&self, retention: impl Retention + 'static) -> Keeper {
        Keeper::new(self.core().clone(), Arc::new(retention))
    }

    /// The certificates: how many keys and messages each speaks of.
    pub async fn certificates(&self) -> Vec<(i64, i64)> {
        let sql = "SELECT (payload->>'data_keys')::bigint, (payload->>'messages')::bigint FROM events \
             WHERE workspace_id = $1 AND event_type = 'workspace.messages_expired' ORDER BY position";
        let query = sqlx::query_as(sql).bind(self.context().workspace.uuid());
        query.fetch_all(self.pool()).await.unwrap()
    }
}
