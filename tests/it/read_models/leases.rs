//! One node at a time owns an instance, and the epoch says which.

use std::time::Duration;

use interflow_application::gateway::{LEASE_EXPIRY, Leases};
use interflow_domain::{InstanceId, WorkspaceId};
use interflow_infrastructure::leases::PgLeases;
use sqlx::PgPool;
use uuid::Uuid;

use super::{make_head, workspace};
use crate::support::database::Database;

const MINE: WorkspaceId = workspace(1);
const INSTANCE: InstanceId = InstanceId::new(Uuid::from_u128(10));
const ANA: Uuid = Uuid::from_u128(100);
const BEA: Uuid = Uuid::from_u128(200);

async fn nodes(pool: &PgPool) -> (PgLeases, PgLeases) {
    let (ana, bea) = (PgLeases::new(pool.clone(), ANA), PgLeases::new(pool.clone(), BEA));
    ana.heartbeat().await.unwrap();
    bea.heartbeat().await.unwrap();
    (ana, bea)
}

/// What the fences of the append and of the key store ask.
async fn may_write(pool: &PgPool, epoch: i64) -> bool {
    let sql =
        "SELECT EXISTS (SELECT FROM leases WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3)";
    let query = sqlx::query_scalar(sql).bind(MINE.uuid()).bind(INSTANCE.uuid()).bind(epoch);
    query.fetch_one(pool).await.unwrap()
}

/// Makes a node's last heartbeat so much older.
async fn age(pool: &PgPool, node: Uuid, by: Duration) {
    let sql = "UPDATE nodes SET heartbeat_at = heartbeat_at - make_interval(secs => $2) WHERE node_id = $1";
    sqlx::query(sql).bind(node).bind(by.as_secs_f64()).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_lease_is_one_nodes_until_it_gives_it_back() {
    let database = Database::new().await;
    let (ana, bea) = nodes(&database.pool).await;
    assert_eq!(ana.acquire(MINE, INSTANCE).await.unwrap(), Some(1));
    assert_eq!(bea.acquire(MINE, INSTANCE).await.unwrap(), None);
    // Another instance, and the same one of another workspace, are other leases.
    assert_eq!(bea.acquire(MINE, InstanceId::new(Uuid::from_u128(11))).await.unwrap(), Some(1));
    assert_eq!(bea.acquire(workspace(2), INSTANCE).await.unwrap(), Some(1));

    ana.release(MINE, INSTANCE, 1).await.unwrap();
    assert!(!may_write(&database.pool, 1).await);
    assert_eq!(bea.acquire(MINE, INSTANCE).await.unwrap(), Some(3));
    assert_eq!(ana.acquire(MINE, INSTANCE).await.unwrap(), None);
}

#[tokio::test]
async fn taking_it_again_fences_what_ran_before() {
    let database = Database::new().await;
    let (ana, _) = nodes(&database.pool).await;
    assert_eq!(ana.acquire(MINE, INSTANCE).await.unwrap(), Some(1));
    assert!(may_write(&database.pool, 1).await);
    assert_eq!(ana.acquire(MINE, INSTANCE).await.unwrap(), Some(2));
    assert!(!may_write(&database.pool, 1).await);
    assert!(may_write(&database.pool, 2).await);

    // A release by right of the epoch before gives nothing back.
    ana.release(MINE, INSTANCE, 1).await.unwrap();
    assert!(may_write(&database.pool, 2).await);
}

#[tokio::test]
async fn a_node_that_is_not_heard_of_loses_its_leases_and_its_writes() {
    let database = Database::new().await;
    let (ana, bea) = nodes(&database.pool).await;
    let epoch = ana.acquire(MINE, INSTANCE).await.unwrap().unwrap();
    age(&database.pool, ANA, LEASE_EXPIRY - Duration::from_secs(5)).await;
    assert_eq!(bea.acquire(MINE, INSTANCE).await.unwrap(), None);
    ana.heartbeat().await.unwrap();
    age(&database.pool, ANA, LEASE_EXPIRY + Duration::from_secs(1)).await;
    let taken = bea.acquire(MINE, INSTANCE).await.unwrap().unwrap();
    assert!(taken > epoch && !may_write(&database.pool, epoch).await);

    // It wakes up: alive again, but no longer the owner.
    ana.heartbeat().await.unwrap();
    assert_eq!(ana.acquire(MINE, INSTANCE).await.unwrap(), None);
    ana.release(MINE, INSTANCE, epoch).await.unwrap();
    assert!(may_write(&database.pool, taken).await);
}

#[tokio::test]
async fn a_node_knows_what_it_holds_and_what_others_hold_that_are_alive() {
    let database = Database::new().await;
    let (ana, bea) = nodes(&database.pool).await;
    let epoch = ana.acquire(MINE, INSTANCE).await.unwrap().unwrap();
    assert_eq!(ana.held().await.unwrap(), [(INSTANCE, epoch)].into());
    assert_eq!(ana.held_by_others().await.unwrap(), [].into());
    assert_eq!(bea.held().await.unwrap(), [].into());
    assert_eq!(bea.held_by_others().await.unwrap(), [INSTANCE].into());

    // Of a node that is not heard of the others hear nothing; it may still hold what nobody took.
    age(&database.pool, ANA, Duration::from_secs(3)).await;
    let hasty = bea.clone().expiring_after(Duration::from_secs(2));
    assert_eq!(hasty.held_by_others().await.unwrap(), [].into());
    assert_eq!(ana.held().await.unwrap(), [(INSTANCE, epoch)].into());
    let taken = hasty.acquire(MINE, INSTANCE).await.unwrap().unwrap();
    assert_eq!(ana.held().await.unwrap(), [].into());
    assert_eq!(bea.held().await.unwrap(), [(INSTANCE, taken)].into());
    bea.release(MINE, INSTANCE, taken).await.unwrap();
    assert_eq!(ana.held_by_others().await.unwrap(), [].into());
}

#[tokio::test]
async fn a_node_that_never_said_it_was_alive_holds_nothing_for_long() {
    let database = Database::new().await;
    let (_, bea) = nodes(&database.pool).await;
    let silent = PgLeases::new(database.pool.clone(), Uuid::from_u128(300));
    assert_eq!(silent.acquire(MINE, INSTANCE).await.unwrap(), Some(1));
    assert_eq!(bea.acquire(MINE, INSTANCE).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_takeover_waits_for_the_append_that_is_under_way() {
    let database = Database::new().await;
    let (ana, bea) = nodes(&database.pool).await;
    make_head(&database.pool, MINE).await;
    let epoch = ana.acquire(MINE, INSTANCE).await.unwrap().unwrap();
    age(&database.pool, ANA, LEASE_EXPIRY * 2).await;

    let mut append = database.pool.begin().await.unwrap();
    let lock = sqlx::query("SELECT FROM heads WHERE workspace_id = $1 FOR UPDATE").bind(MINE.uuid());
    lock.execute(&mut *append).await.unwrap();
    let takeover = tokio::spawn(async move { bea.acquire(MINE, INSTANCE).await.unwrap() });
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&database.pool).await.unwrap() {
        assert!(!takeover.is_finished());
        tokio::task::yield_now().await;
    }
    assert!(may_write(&database.pool, epoch).await);
    append.commit().await.unwrap();
    assert_eq!(takeover.await.unwrap(), Some(2));
    assert!(!may_write(&database.pool, epoch).await);
}

#[tokio::test]
async fn of_nodes_that_take_at_the_same_time_one_gets_it() {
    let database = Database::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for node in 1..=8 {
        let leases = PgLeases::new(database.pool.clone(), Uuid::from_u128(node));
        leases.heartbeat().await.unwrap();
        tasks.spawn(async move { leases.acquire(MINE, INSTANCE).await.unwrap() });
    }
    let taken: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken, [1]);
}
