//! The checks of [`invariants`] are worth something: whatever is broken by hand is found, by the check that is there
//! for it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use interflow_application::{
    Actor, ChannelRef, ConnectInstance, Context, Core, CreateCustomer, EnsureWorkspace, IssueKey,
    RecordConnection, SendMessage, workspace_id,
};
use interflow_domain::WorkspaceId;
use interflow_domain::customer::ProfileDraft;
use interflow_domain::instance::InstanceCommand;
use interflow_domain::message::Content;
use interflow_domain::workspace::{KeyOrigin, Plan, Scope};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::read_models::PgReads;
use sqlx::{Executor, PgPool};

use super::load::process;
use crate::support::database::Database;
use crate::support::invariants::{self, Census};

/// A table, what is done to it, and what the check says of it.
type Breakage = (&'static str, &'static str, &'static str);

const LAST: &str = "(SELECT max(position) FROM events)";

const BREAKAGES: &[Breakage] = &[
    ("events", "DELETE FROM events WHERE position = 3", "events are missing from the log"),
    ("events", "DELETE FROM events WHERE position = 1", "events are missing from the log"),
    (
        "events",
        "UPDATE events SET position = 1000 WHERE position = {last}",
        "events are missing from the log",
    ),
    ("events", "DELETE FROM events WHERE position = {last}", "events are missing from the log"),
    ("heads", "UPDATE heads SET position = position + 1", "events are missing from the log"),
    (
        "events",
        "INSERT INTO events SELECT workspace_id, position + 1, event_id, aggregate_type, aggregate_id, sequence + 1, \
         event_type, event_version, payload, metadata, timestamp FROM events WHERE position = {last}",
        "events are missing from the log",
    ),
    ("events", "UPDATE events SET sequence = 7 WHERE position = {last}", "has a gap"),
    (
        "events",
        "UPDATE events SET position = position + 1000 WHERE aggregate_type = 'instance' AND sequence = 1; \
         UPDATE events SET position = position - 1 WHERE aggregate_type = 'instance' AND sequence = 2; \
         UPDATE events SET position = position - 999 WHERE aggregate_type = 'instance' AND sequence = 1",
        "has a gap",
    ),
    ("streams", "UPDATE streams SET version = version + 1 WHERE version = 2", "the streams of"),
    ("streams", "DELETE FROM streams WHERE aggregate_type = 'customer'", "the streams of"),
    (
        "claims",
        "DELETE FROM claims WHERE kind = (SELECT min(kind) FROM claims)",
        "is not held by whom the log says",
    ),
    (
        "claims",
        "UPDATE claims c SET owner_id = o.owner_id FROM claims o \
         WHERE o.owner_type = c.owner_type AND o.owner_id <> c.owner_id",
        "is not held by whom the log says",
    ),
    (
        "claims",
        "INSERT INTO claims SELECT workspace_id, kind, sha256(value_hash), owner_type, owner_id FROM claims LIMIT 1",
        "holds claims that its log does not know",
    ),
    ("outbox", "DELETE FROM outbox", "is not what is queued"),
    ("outbox", "UPDATE outbox SET message_id = gen_random_uuid()", "is not what is queued"),
    ("customers", "UPDATE customers SET name = 'Eve' WHERE name IS NOT NULL", "customers of"),
    ("customers", "UPDATE customers SET version = version + 1", "customers of"),
    ("chats", "UPDATE chats SET unread_count = unread_count + 1", "chats of"),
    ("chats", "DELETE FROM chats", "chats of"),
    ("messages", "UPDATE messages SET status = 'sent'", "messages of"),
    ("messages", "DELETE FROM messages", "messages of"),
    ("channels", "UPDATE channels SET linked = false", "channels of"),
    ("channels", "UPDATE channels SET updated_at = updated_at + interval '1 microsecond'", "channels of"),
    ("api_keys", "UPDATE api_keys SET scopes = '{}'", "api_keys of"),
    ("api_keys", "DELETE FROM api_keys", "api_keys of"),
];

/// A sound log with something of everything in it.
async fn written(pool: &PgPool) -> (PgEventLog, WorkspaceId) {
    let log = process(pool, Settings::default());
    let core = Core {
        log: Arc::new(log.clone()),
        reads: Arc::new(PgReads::new(pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    let slug = "acme".parse().unwrap();
    let workspace = workspace_id(&slug);
    let context = Context::internal(workspace, Actor::System("test"), "req_test".to_owned());
    core.run(&context, &EnsureWorkspace { slug, plan: Plan::Starter }).await.unwrap();
    let key = IssueKey {
        name: "tests".parse().unwrap(),
        scopes: vec![Scope::MessagesWrite],
        secret: "a secret".to_owned(),
        expires_at: None,
        origin: KeyOrigin::Issued,
    };
    core.run(&context, &key).await.unwrap();
    let ana = ProfileDraft {
        name: Some("Ana".parse().unwrap()),
        email: Some("ana@example.com".parse().unwrap()),
        ..ProfileDraft::default()
    };
    core.run(&context, &CreateCustomer { profile: ana }).await.unwrap();
    let instance =
        core.run(&context, &ConnectInstance { name: "shop".parse().unwrap() }).await.unwrap().output;
    let command = InstanceCommand::RecordPaired { phone: Some("5511888888888".parse().unwrap()), lid: None };
    core.run(&context, &RecordConnection { instance, command, epoch: None }).await.unwrap();
    let send = SendMessage {
        channel: ChannelRef::id(instance),
        to: "5511999999999".parse().unwrap(),
        content: Content::Text { text: "hello".parse().unwrap() },
        reply_to: None,
        patience: Duration::from_secs(3600),
    };
    core.run(&context, &send).await.unwrap();
    (log, workspace)
}

/// What the checks say, if they find anything.
async fn found(pool: &PgPool, log: &PgEventLog) -> Result<Census, String> {
    let checked = AssertUnwindSafe(invariants::hold(pool, log)).catch_unwind().await;
    checked.map_err(|panic| match panic.downcast::<String>() {
        Ok(said) => *said,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    })
}

#[tokio::test]
async fn whatever_is_broken_by_hand_is_found_by_the_check_that_is_there_for_it() {
    let database = Database::new().await;
    let pool = &database.pool;
    let (log, _) = written(pool).await;
    pool.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only").await.unwrap();
    found(pool, &log).await.unwrap();
    let mut missed = vec![];
    for (table, breaks, says) in BREAKAGES {
        let breaks = breaks.replace("{last}", LAST);
        pool.execute(format!("CREATE TABLE kept AS TABLE {table}; {breaks}").as_str()).await.unwrap();
        match found(pool, &log).await {
            Ok(_) => missed.push(format!("nobody has noticed: {breaks}")),
            Err(said) if said.contains(says) => {}
            Err(said) => missed.push(format!("{breaks}: {said}")),
        }
        let mend = format!("DELETE FROM {table}; INSERT INTO {table} TABLE kept; DROP TABLE kept");
        pool.execute(mend.as_str()).await.unwrap();
    }
    assert!(missed.is_empty(), "{missed:#?}");
    found(pool, &log).await.unwrap();
}

#[tokio::test]
async fn what_a_caller_was_told_is_looked_for_where_it_was_said_to_be() {
    let database = Database::new().await;
    let (log, workspace) = written(&database.pool).await;
    let census = found(&database.pool, &log).await.unwrap();
    let told = census.of(workspace).to_vec();
    assert!(told.len() > 6);
    let holds = |told: &[_]| std::panic::catch_unwind(AssertUnwindSafe(|| census.has_once(workspace, told)));
    holds(&told).unwrap();
    let mut moved = told.clone();
    moved[2].position += 1;
    holds(&moved).unwrap_err();
    let mut another = told;
    another[2].version += 1;
    holds(&another).unwrap_err();
    assert!(census.of(WorkspaceId::default()).is_empty());
}
