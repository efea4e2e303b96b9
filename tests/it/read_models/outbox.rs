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
    assert_eq!(outbox.next_due(MINE, INSTANCE, now()).await.unwrap(), None);
    let leases = PgLeases::new(pool.clone(), Uuid::from_u128(1));
    assert_eq!(leases.acquire(MINE, INSTANCE).await.unwrap(), Some(LEASED.epoch));
    let (later, soon) = (now() + Duration::seconds(60), now() + Duration::seconds(5));
    outbox.postpone(LEASED, message(1), later).await.unwrap();
    outbox.postpone(LEASED, message(3), soon).await.unwrap();
    assert_eq!(due(&outbox, now(), 10).await, [message(5)]);
    assert_eq!(outbox.next_due(MINE, INSTANCE, now()).await.unwrap(), Some(soon));

    assert_eq!(due(&outbox, soon, 10).await, [message(3), message(5)]);
    assert_eq!(due(&outbox, later, 10).await, [message(1), message(3), message(5)]);
    assert_eq!(outbox.due(MINE, INSTANCE, later, 1).await.unwrap()[0].attempts, 1);

    done(&pool, 3).await;
    assert_eq!(outbox.next_due(MINE, INSTANCE, now()).await.unwrap(), Some(later));
    // Another workspace's message of the same id is not ours to postpone.
    outbox.postpone(LEASED, message(7), later).await.unwrap();
    assert_eq!(outbox.due(workspace(2), INSTANCE, now(), 10).await.unwrap().len(), 1);

    // Who lost the lease postpones nothing.
    leases.acquire(MINE, INSTANCE).await.unwrap();
    outbox.postpone(LEASED, message(5), later).await.unwrap();
    assert_eq!(due(&outbox, now(), 10).await, [message(5)]);
}

/// A bulk message that an append asked for at this position, to be given up a minute after its turn.
async fn put_bulk(pool: &PgPool, chat: ChatId, position: i64) {
    put(pool, MINE, INSTANCE, chat, position).await;
    let sql = "UPDATE outbox SET waits_turn = true, patience_ms = 60000, deadline = $2 WHERE message_id = $1";
    let query = sqlx::query(sql).bind(message(position).uuid()).bind(now() + Duration::days(7));
    query.execute(pool).await.unwrap();
}

/// An outbox with these bulk messages, each to a chat of its own, and the lease to send them.
async fn with_bulk(positions: std::ops::RangeInclusive<i64>) -> (PgPool, PgOutbox) {
    let pool = Database::new().await.pool;
    for position in positions {
        put_bulk(&pool, chat(position as u128), position).await;
    }
    let leases = PgLeases::new(pool.clone(), Uuid::from_u128(1));
    assert_eq!(leases.acquire(MINE, INSTANCE).await.unwrap(), Some(LEASED.epoch));
    let outbox = PgOutbox::new(pool.clone());
    (pool, outbox)
}

#[tokio::test]
async fn a_bulk_message_waits_for_its_turn_and_holds_back_no_single_send() {
    let (pool, outbox) = with_bulk(10..=12).await;
    put(&pool, MINE, INSTANCE, chat(10), 20).await;
    put(&pool, MINE, INSTANCE, chat(30), 21).await;
    // The first bulk message has a single send of its chat before it, though it was written earlier.
    assert_eq!(due(&outbox, now(), 10).await, [message(20), message(21), message(11)]);
    assert_eq!(due(&outbox, now(), 2).await, [message(20), message(21)], "singles first");
    assert_eq!(outbox.waiting_turns(MINE, INSTANCE).await.unwrap(), 3);
    done(&pool, 20).await;
    assert_eq!(due(&outbox, now(), 10).await, [message(21), message(10)]);
    let found = outbox.due(MINE, INSTANCE, now(), 10).await.unwrap();
    assert_eq!(found.iter().map(|send| send.waits_turn).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn turns_are_a_pace_apart_and_a_pause_or_a_restart_is_not_made_up_for() {
    let (pool, outbox) = with_bulk(1..=4).await;
    let after = |seconds| now() + Duration::seconds(seconds);
    assert_eq!(outbox.next_due(MINE, INSTANCE, now()).await.unwrap(), None);
    assert!(outbox.take_turn(LEASED, message(1), now(), after(10)).await.unwrap().is_some());
    assert_eq!(due(&outbox, now(), 10).await, [message(1)], "its turn is not spent by looking");
    assert_eq!(outbox.take_turn(LEASED, message(2), after(9), after(19)).await.unwrap(), None, "too early");
    assert_eq!(outbox.next_due(MINE, INSTANCE, now()).await.unwrap(), Some(after(10)));

    // The same from another process, which has seen nothing of this.
    let outbox = PgOutbox::new(pool.clone());
    assert_eq!(due(&outbox, after(9), 10).await, [message(1)]);
    assert_eq!(due(&outbox, after(10), 10).await, [message(1), message(2)]);
    done(&pool, 1).await;
    // After an hour there is one turn, not hundreds.
    assert_eq!(due(&outbox, after(3600), 10).await, [message(2)]);
    assert!(outbox.take_turn(LEASED, message(2), after(3600), after(3610)).await.unwrap().is_some());
    assert_eq!(due(&outbox, after(3600), 10).await, [message(2)]);
    assert_eq!(outbox.take_turn(LEASED, message(3), after(3601), after(3611)).await.unwrap(), None);
    assert_eq!(outbox.waiting_turns(MINE, INSTANCE).await.unwrap(), 2);
}

#[tokio::test]
async fn the_deadline_of_a_bulk_message_counts_from_its_turn_and_ends_with_its_job() {
    let (_, outbox) = with_bulk(1..=2).await;
    let (turn, end) = (now() + Duration::days(3), now() + Duration::days(7));
    assert_eq!(outbox.overdue(turn, 10).await.unwrap(), [], "waiting for a turn is no delay");
    let deadline = outbox.take_turn(LEASED, message(1), turn, turn).await.unwrap().unwrap();
    assert_eq!(deadline, turn + Duration::minutes(1));
    assert_eq!(outbox.due(MINE, INSTANCE, turn, 10).await.unwrap()[0].deadline, deadline);
    assert_eq!(outbox.overdue(deadline, 10).await.unwrap(), [(MINE, INSTANCE, message(1))]);
    let late = outbox.take_turn(LEASED, message(2), end - Duration::seconds(1), end).await.unwrap();
    assert_eq!(late, Some(end), "the job's end is the last");
}

#[tokio::test]
async fn only_who_has_the_lease_gives_turns_and_only_to_what_waits() {
    let (pool, outbox) = with_bulk(1..=2).await;
    let fenced = SessionSpec { epoch: LEASED.epoch - 1, ..LEASED };
    assert_eq!(outbox.take_turn(fenced, message(1), now(), now()).await.unwrap(), None);
    let elsewhere = SessionSpec { workspace: workspace(2), ..LEASED };
    assert_eq!(outbox.take_turn(elsewhere, message(1), now(), now()).await.unwrap(), None);
    done(&pool, 1).await;
    assert_eq!(outbox.take_turn(LEASED, message(1), now(), now() + Duration::days(1)).await.unwrap(), None);
    // What was cancelled meanwhile has cost no turn.
    assert!(outbox.take_turn(LEASED, message(2), now(), now()).await.unwrap().is_some());
    assert_eq!(outbox.take_turn(LEASED, message(2), now(), now()).await.unwrap(), None, "it had its turn");
    assert_eq!(outbox.waiting_turns(workspace(2), INSTANCE).await.unwrap(), 0);
}

#[tokio::test]
async fn a_campaign_of_thousands_costs_a_single_send_nothing() {
    let (pool, outbox) = with_bulk(1..=1).await;
    let sql = "INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, deadline, patience_ms, \
             waits_turn) \
         SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), n, $3, 60000, true FROM generate_series(10, 10009) AS n";
    let query = sqlx::query(sql).bind(MINE.uuid()).bind(INSTANCE.uuid()).bind(now());
    query.execute(&pool).await.unwrap();
    put(&pool, MINE, INSTANCE, chat(6), 20_000).await;
    assert_eq!(due(&outbox, now(), 10).await, [message(20_000), message(1)]);
    assert_eq!(outbox.of_instance(MINE, INSTANCE).await.unwrap().len(), 10_002);
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
