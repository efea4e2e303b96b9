//! What must hold of a database, whatever has happened to it.
//!
//! [`hold`] checks all of it, for every workspace, in a database that is at rest:
//! - positions are 1..n without a gap, and the head names the last;
//! - a stream's version is the number of its events, and its events are numbered 1..version;
//! - the claims are those that the states have, folded from the log, and nobody else's;
//! - the outbox holds the messages that are queued, and no others;
//! - the read models are those that a rebuild of the whole log makes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use interflow_application::Claim;
use interflow_application::log::{EventLog, RecordedEvent, State, StreamId};
use interflow_domain::chat::ChatStatus;
use interflow_domain::message::{Direction, MessageStatus};
use interflow_domain::{MessageId, WorkspaceId};
use interflow_infrastructure::event_log::PgEventLog;
use interflow_infrastructure::read_models;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A generation that no workspace ever reaches.
const REBUILT: i32 = 999_999;
/// How many events a reader takes at a time.
const PAGE: u32 = 500;

/// The logs of a database that was found sound.
#[derive(Debug, Default)]
pub struct Census {
    logs: BTreeMap<WorkspaceId, Vec<RecordedEvent>>,
}

impl Census {
    /// A workspace's events, in the order of their positions.
    pub fn of(&self, workspace: WorkspaceId) -> &[RecordedEvent] {
        self.logs.get(&workspace).map_or(&[], Vec::as_slice)
    }

    /// Checks that what a caller was told is in the log, at the position it was told and nowhere else.
    #[track_caller]
    pub fn has_once(&self, workspace: WorkspaceId, acknowledged: &[RecordedEvent]) {
        let log = self.of(workspace);
        let ids: BTreeSet<_> = log.iter().map(|event| event.id).collect();
        assert_eq!(ids.len(), log.len(), "an event is in the log twice");
        for told in acknowledged {
            let index = usize::try_from(told.position).unwrap() - 1;
            assert_eq!(log.get(index), Some(told), "an acknowledged event is not where it was said to be");
        }
    }
}

/// Checks everything, and gives the logs.
pub async fn hold(pool: &PgPool, log: &PgEventLog) -> Census {
    let workspaces: Vec<Uuid> =
        sqlx::query_scalar("SELECT workspace_id FROM heads UNION SELECT workspace_id FROM events")
            .fetch_all(pool)
            .await
            .unwrap();
    let mut census = Census::default();
    for workspace in workspaces.into_iter().map(WorkspaceId::new) {
        let events = whole(log, workspace).await;
        positions(pool, workspace, &events).await;
        let states = states(pool, workspace, &events).await;
        claims(pool, log, workspace, &states).await;
        outbox(pool, workspace, &states).await;
        rebuild(pool, workspace, &events).await;
        census.logs.insert(workspace, events);
    }
    census
}

async fn whole(log: &PgEventLog, workspace: WorkspaceId) -> Vec<RecordedEvent> {
    let mut events: Vec<RecordedEvent> = vec![];
    loop {
        let page = log.read(workspace, events.len() as u64, PAGE).await.unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

async fn positions(pool: &PgPool, workspace: WorkspaceId, events: &[RecordedEvent]) {
    let expected = 1..=events.len() as u64;
    assert!(events.iter().map(|event| event.position).eq(expected), "positions have a gap in {workspace}");
    let head: i64 = sqlx::query_scalar("SELECT position FROM heads WHERE workspace_id = $1")
        .bind(workspace.uuid())
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(head.unsigned_abs(), events.len() as u64, "the head of {workspace} is not the last position");
}

/// Folds the log, and compares the versions with those of the streams' own table.
async fn states(pool: &PgPool, workspace: WorkspaceId, events: &[RecordedEvent]) -> HashMap<StreamId, State> {
    let mut versions: HashMap<StreamId, u64> = HashMap::new();
    let mut states: HashMap<StreamId, State> = HashMap::new();
    for event in events {
        let version = versions.entry(event.stream).or_default();
        *version += 1;
        assert_eq!(event.version, *version, "{:?} of {workspace} has a gap", event.stream);
        let state = states.entry(event.stream).or_insert_with(|| State::initial(event.stream));
        state.apply(event.event.clone());
    }
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT aggregate_type, aggregate_id, version FROM streams WHERE workspace_id = $1")
            .bind(workspace.uuid())
            .fetch_all(pool)
            .await
            .unwrap();
    let stored: HashMap<StreamId, u64> = rows
        .into_iter()
        .map(|(kind, id, version)| (StreamId::parse(&kind, &id).unwrap(), version.unsigned_abs()))
        .collect();
    assert_eq!(stored, versions, "the streams of {workspace} are not those of its log");
    states
}

async fn claims(pool: &PgPool, log: &PgEventLog, workspace: WorkspaceId, states: &HashMap<StreamId, State>) {
    let mut expected = 0;
    for (stream, state) in states {
        for claim in claimed(state) {
            let holder = log.holder(workspace, &claim).await.unwrap();
            assert_eq!(holder, Some(*stream), "{claim:?} is not held by whom the log says");
            expected += 1;
        }
    }
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM claims WHERE workspace_id = $1")
        .bind(workspace.uuid())
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(stored, expected, "{workspace} holds claims that its log does not know");
}

/// What a stream in this state has for itself alone.
fn claimed(state: &State) -> Vec<Claim> {
    match state {
        State::Customer(customer) if customer.exists() && !customer.is_deleted() => {
            let claims = [
                customer.phone().map(Claim::customer_phone),
                customer.lid().map(Claim::customer_lid),
                customer.email().map(Claim::customer_email),
            ];
            claims.into_iter().flatten().collect()
        }
        State::Instance(instance) if instance.exists() => {
            instance.name().map(Claim::instance_name).into_iter().collect()
        }
        State::Chat(chat) if chat.status().is_some_and(|status| status != ChatStatus::Closed) => chat
            .instance_id()
            .zip(chat.customer_id())
            .map(|(i, c)| Claim::open_chat(i, c))
            .into_iter()
            .collect(),
        _ => vec![],
    }
}

async fn outbox(pool: &PgPool, workspace: WorkspaceId, states: &HashMap<StreamId, State>) {
    let stored: Vec<Uuid> = sqlx::query_scalar("SELECT message_id FROM outbox WHERE workspace_id = $1")
        .bind(workspace.uuid())
        .fetch_all(pool)
        .await
        .unwrap();
    let stored: BTreeSet<MessageId> = stored.into_iter().map(MessageId::new).collect();
    let waiting = states.values().filter_map(|state| match state {
        State::Message(message)
            if message.direction() == Some(Direction::Outbound)
                && message.status() == Some(MessageStatus::Queued) =>
        {
            message.id()
        }
        _ => None,
    });
    assert_eq!(stored, waiting.collect(), "the outbox of {workspace} is not what is queued");
}

/// Makes the read models again aside, in a transaction that is rolled back, and compares row by row.
async fn rebuild(pool: &PgPool, workspace: WorkspaceId, events: &[RecordedEvent]) {
    let mut transaction = pool.begin().await.unwrap();
    for page in events.chunks(PAGE as usize) {
        read_models::apply(&mut transaction, workspace, REBUILT, page).await.unwrap();
    }
    for table in generations(&mut transaction).await {
        let row = |generation: &str| {
            format!(
                "SELECT replace(to_json(t)::text, '\"generation\":' || t.generation, '') FROM {table} t \
                 WHERE t.workspace_id = $1 AND t.generation = {generation}"
            )
        };
        let (live, rebuilt) =
            (row("(SELECT generation FROM heads WHERE workspace_id = $1)"), row(&REBUILT.to_string()));
        let differing: Vec<String> = sqlx::query_scalar(&format!(
            "(SELECT 'only live: ' || d.row FROM ({live} EXCEPT {rebuilt}) d(row)) \
             UNION ALL (SELECT 'only rebuilt: ' || d.row FROM ({rebuilt} EXCEPT {live}) d(row))"
        ))
        .bind(workspace.uuid())
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
        assert!(differing.is_empty(), "{table} of {workspace} is not what a rebuild makes: {differing:#?}");
    }
    transaction.rollback().await.unwrap();
}

/// The tables whose rows belong to a generation.
async fn generations(connection: &mut PgConnection) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c \
         JOIN pg_attribute g ON g.attrelid = c.oid AND g.attname = 'generation' \
         JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = 'created_position' \
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    assert!(tables.len() >= 5, "the read models are not found: {tables:?}");
    tables
}
