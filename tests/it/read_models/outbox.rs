//! The sends of a chat go out in order, those of other chats past them.

use chrono::{DateTime, Duration, TimeZone, Utc};
use interflow_application::gateway::{Leases, Outbox};
use interflow_application::whatsapp::SessionSpec;
use interflow_domain::{ChatId, InstanceId, MessageId, WorkspaceId};
use interflow_infrastructure::leases::PgLeases;
use interflow_infrastructure::outbox::PgOutbox;
use sqlx::PgPool;
use uuid::Uuid;

use super::workspace;
use crate::support::database::Database;

const MINE: WorkspaceId = workspace(1);
const INSTANCE: InstanceId = InstanceId::new(Uuid::from_u128(10));
const LEASED: SessionSpec = SessionSpec { workspace: MINE, instance: INSTANCE, epoch: 1 };

fn now() -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000, 0).unwrap()
}

fn message(position: i64) -> MessageId {
    MessageId::new(Uuid::from_u128(position as u128))
}

fn chat(number: u128) -> ChatId {
    ChatId::new(Uuid::from_u128(1000 + number))
}

/// A send that an append asked for at this position.
async fn put(pool: &PgPool, workspace: WorkspaceId, instance: InstanceId, chat: ChatId, position: i64) {
    let sql = "INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, deadline) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(sql).bind(workspace.uuid()).bind(message(position).uuid()).bind(instance.uuid());
    let deadline = now() + Duration::hours(position);
    query.bind(chat.uuid()).bind(position).bind(deadline).execute(pool).await.unwrap();
}

async fn done(pool: &PgPool, position: i64) {
    let query = sqlx::query("DELETE FROM outbox WHERE message_id = $1").bind(message(position).uuid());
    query.execute(pool).await.unwrap();
}

async fn due(outbox: &PgOutbox, at: DateTime<Utc>, limit: u32) -> Vec<MessageId> {
    let due = outbox.due(MINE, INSTANCE, at, limit).await.unwrap();
    due.into_iter().map(|send| send.message).collect()
}

/// Chats 1, 1, 2, 1, 3 at the positions 1 to 5, and sends that are none of ours.
async fn filled() -> (PgPool, PgOutbox) {
    let pool = Database::new().await.pool;
    for (position, number) in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 3)] {
        put(&pool, MINE, INSTANCE, chat(number), position).await;
    }
    put(&pool, MINE, InstanceId::new(Uuid::from_u128(11)), chat(4), 6).await;
    put(&pool, workspace(2), INSTANCE, chat(1), 7).await;
    let outbox = PgOutbox::new(pool.clone());
    (pool, outbox)
}

#[tokio::test]
async fn the_first_send_of_each_chat_is_due_oldest_first() {
    let (pool, outbox) = filled().await;
    let first = outbox.due(MINE, INSTANCE, now(), 10).await.unwrap();
    assert_eq!(first[0].chat, chat(1));
    assert_eq!((first[0].attempts, first[0].deadline), (0, now() + Duration::hours(1)));
    assert_eq!(due(&outbox, now(), 10).await, [message(1), message(3), message(5)]);
    assert_eq!(due(&outbox, now(), 2).await, [message(1), message(3)]);
    done(&pool, 1).await;
    assert_eq!(due(&outbox, now(), 10).await, [message(2), message(3), message(5)]);
    done(&pool, 3).await;
    assert_eq!(due(&outbox, now(), 10).await, [message(2), message(5)]);
}

#[tokio::test]
async fn a_postponed_send_holds_back_its_chat_and_no_other() {
    let (pool, outbox) = filled().await;
    assert_eq!(outbox.next_due(MINE, INSTANCE).await.unwrap(), None);
    let leases = PgLeases::new(pool.clone(), Uuid::from_u128(1));
    assert_eq!(leases.acquire(MINE, INSTANCE).await.unwrap(), Some(LEASED.epoch));
    let (later, soon) = (now() + Duration::seconds(60), now() + Duration::seconds(5));
    outbox.postpone(LEASED, message(1), later).await.unwrap();
    outbox.postpone(LEASED, message(3), soon).await.unwrap();
    assert_eq!(due(&outbox, now(), 10).await, [message(5)]);
    assert_eq!(outbox.next_due(MINE, INSTANCE).await.unwrap(), Some(soon));

    assert_eq!(due(&outbox, soon, 10).await, [message(3), message(5)]);
    assert_eq!(due(&outbox, later, 10).await, [message(1), message(3), message(5)]);
    assert_eq!(outbox.due(MINE, INSTANCE, later, 1).await.unwrap()[0].attempts, 1);

    done(&pool, 3).await;
    assert_eq!(outbox.next_due(MINE, INSTANCE).await.unwrap(), Some(later));
    // Another workspace's message of the same id is not ours to postpone.
    outbox.postpone(LEASED, message(7), later).await.unwrap();
    assert_eq!(outbox.due(workspace(2), INSTANCE, now(), 10).await.unwrap().len(), 1);

    // Who lost the lease postpones nothing.
    leases.acquire(MINE, INSTANCE).await.unwrap();
    outbox.postpone(LEASED, message(5), later).await.unwrap();
    assert_eq!(due(&outbox, now(), 10).await, [message(5)]);
}

#[tokio::test]
async fn what_is_overdue_is_found_over_all_workspaces() {
    let (_, outbox) = filled().await;
    assert_eq!(outbox.overdue(now(), 10).await.unwrap(), []);
    let all = outbox.overdue(now() + Duration::hours(9), 10).await.unwrap();
    assert_eq!(
        all.iter().map(|(_, _, id)| *id).collect::<Vec<_>>(),
        (1..=7).map(message).collect::<Vec<_>>()
    );
    assert_eq!(all[6], (workspace(2), INSTANCE, message(7)));
    let two = outbox.overdue(now() + Duration::hours(2), 1).await.unwrap();
    assert_eq!(two, [(MINE, INSTANCE, message(1))]);
}

#[tokio::test]
async fn the_waiting_sends_of_an_instance_are_its_own() {
    let (_, outbox) = filled().await;
    let ids = outbox.of_instance(MINE, INSTANCE).await.unwrap();
    assert_eq!(ids, (1..=5).map(message).collect::<Vec<_>>());
    assert_eq!(outbox.of_instance(workspace(3), INSTANCE).await.unwrap(), []);
}

#[tokio::test]
async fn a_chat_with_thousands_of_sends_holds_back_no_other() {
    let (pool, outbox) = filled().await;
    let sql = "INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, deadline) \
         SELECT $1, gen_random_uuid(), $2, $3, n, $4 FROM generate_series(10, 10009) AS n";
    let query = sqlx::query(sql).bind(MINE.uuid()).bind(INSTANCE.uuid()).bind(chat(5).uuid()).bind(now());
    query.execute(&pool).await.unwrap();
    put(&pool, MINE, INSTANCE, chat(6), 20_000).await;
    let found = outbox.due(MINE, INSTANCE, now(), 10).await.unwrap();
    let chats: Vec<_> = found.iter().map(|send| send.chat).collect();
    assert_eq!(chats, [1, 2, 3, 5, 6].map(chat));
    assert_eq!(found[4].message, message(20_000));
}
