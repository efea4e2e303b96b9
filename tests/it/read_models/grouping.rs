//! Any grouping of the same events leaves the same rows, and the rows are those that the events amount to.

use interflow_application::log::{Event, RecordedEvent, StreamId};
use interflow_domain::chat::ChatEvent;
use interflow_domain::message::MessageEvent;
use interflow_domain::{ChatId, MessageId};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestRunner};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::history::{Attempt, History};
use super::{apply, workspace};
use crate::support::database::Database;

const TABLES: [&str; 8] =
    ["customers", "chats", "messages", "channels", "api_keys", "workspaces", "jobs", "webhooks"];
const ONE_BY_ONE: u128 = 1_000_001;
const GROUPED: u128 = 1_000_002;

/// The rows of every table.
pub(super) type Rows = Vec<(&'static str, Vec<String>)>;

/// Every row of a workspace, but for whose it is.
pub(super) async fn rows(connection: &mut PgConnection, number: u128) -> Rows {
    let mut all = vec![];
    for table in TABLES {
        let sql = format!(
            "SELECT replace(to_json(entry)::text, workspace_id::text, '') FROM {table} AS entry \
             WHERE workspace_id = $1 ORDER BY id"
        );
        let query = sqlx::query_scalar(&sql).bind(workspace(number).uuid());
        all.push((table, query.fetch_all(&mut *connection).await.unwrap()));
    }
    all
}

async fn unread(connection: &mut PgConnection) -> Vec<(Uuid, i64)> {
    let query = sqlx::query_as("SELECT id, unread_count FROM chats WHERE workspace_id = $1 ORDER BY id");
    query.bind(workspace(GROUPED).uuid()).fetch_all(connection).await.unwrap()
}

/// The unread count of every chat by its definition: what came after the message it was last read up to.
fn unread_by_definition(events: &[RecordedEvent]) -> Vec<(Uuid, i64)> {
    let mut chats: Vec<ChatId> = events.iter().filter_map(opened).collect();
    chats.sort();
    let of = |chat: ChatId| {
        let inbound = |before: u64, after: u64| {
            events.iter().filter(|event| event.position < before && event.position > after).filter(
                move |event| matches!(&event.event, Event::Message(MessageEvent::MessageReceived { participants, .. }) if participants.chat_id == chat),
            ).count() as i64
        };
        let mut unread = 0;
        for event in events {
            unread += inbound(event.position + 1, event.position - 1);
            if let (StreamId::Chat(id), Event::Chat(ChatEvent::ChatRead { up_to })) =
                (event.stream, &event.event)
                && id == chat
                && let Some(begun) = events.iter().find(|event| begins(event, *up_to, chat))
                && begun.position < event.position
            {
                unread = inbound(event.position, begun.position);
            }
        }
        (chat.uuid(), unread)
    };
    chats.into_iter().map(of).collect()
}

fn opened(event: &RecordedEvent) -> Option<ChatId> {
    if let Event::Chat(ChatEvent::ChatOpened { chat_id, .. }) = event.event { Some(chat_id) } else { None }
}

fn begins(event: &RecordedEvent, message: MessageId, chat: ChatId) -> bool {
    use MessageEvent as E;

    matches!(
        &event.event,
        Event::Message(
            E::MessageQueued { message_id, participants, .. }
            | E::MessageReceived { message_id, participants, .. }
            | E::MessageEchoed { message_id, participants, .. },
        ) if *message_id == message && participants.chat_id == chat
    )
}

/// The rows after one event at a time, the rows after these groups, and the unread counts; nothing of it stays.
async fn play(pool: &PgPool, events: &[RecordedEvent], groups: &[usize]) -> (Rows, Rows, Vec<(Uuid, i64)>) {
    let mut transaction = pool.begin().await.unwrap();
    for event in events {
        apply(&mut transaction, workspace(ONE_BY_ONE), std::slice::from_ref(event)).await;
    }
    let mut rest = events;
    for size in groups.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (group, later) = rest.split_at((*size).min(rest.len()));
        apply(&mut transaction, workspace(GROUPED), group).await;
        rest = later;
    }
    let (single, grouped) = (rows(&mut transaction, ONE_BY_ONE).await, rows(&mut transaction, GROUPED).await);
    let unread = unread(&mut transaction).await;
    transaction.rollback().await.unwrap();
    (single, grouped, unread)
}

#[test]
fn any_grouping_of_the_same_events_leaves_the_same_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Database::new());
    let config = Config { cases: 25, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let strategy = (vec(any::<Attempt>(), 1..160), vec(1_usize..60, 1..10));
    let outcome = TestRunner::new(config).run(&strategy, |(attempts, groups)| {
        let events = History::of(&attempts).events;
        let (single, grouped, unread) = runtime.block_on(play(&database.pool, &events, &groups));
        prop_assert_eq!(single, grouped);
        prop_assert_eq!(unread, unread_by_definition(&events));
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn one_group_holds_everything_that_can_happen() {
    // Long enough for every kind of event: what the property relies on to mean anything.
    let attempts: Vec<Attempt> = (0..6_000_u32)
        .map(|n| (n as u8, (n / 7) as u8, (n.wrapping_mul(2_654_435_761) >> 20) as u8))
        .collect();
    let events = History::of(&attempts).events;
    let kinds: std::collections::BTreeSet<_> = events.iter().map(|event| event.event.event_type()).collect();
    assert_eq!(kinds.len(), 49, "{kinds:?}");

    let database = Database::new().await;
    let (single, grouped, unread) = play(&database.pool, &events[..500], &[500]).await;
    assert_eq!(single, grouped);
    assert_eq!(unread, unread_by_definition(&events[..500]));
    // The one webhook of this history has just been deleted.
    let empty: Vec<_> = single.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| *table).collect();
    assert_eq!(empty, ["webhooks"]);
}
