//! A rotation that is broken off, refused, or slept through.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::log::EventLog as _;
use interflow_application::{CreateCustomer, Error};
use interflow_domain::customer::ProfileDraft;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::keyring::rotation::{self, Begun, RotationError};
use interflow_infrastructure::keyring::{self, KeyringError};

use super::{NEW, data_keys, key, rotate, said, used};
use crate::support::database::Database;
use crate::support::say;
use crate::webhook::MASTER;

const OTHER: &str = "3131313131313131313131313131313131313131313131313131313131313131";

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_goes_on_and_ends_with_everything_under_the_new_key() {
    const CUSTOMERS: usize = 3_000;
    let (node, data) = (used(CUSTOMERS).await, tempfile::tempdir().unwrap());
    let pool = &node.database.pool;
    assert_eq!(data_keys(pool, &key(MASTER)).await, (CUSTOMERS, CUSTOMERS));
    let mut killed = 0;
    for millis in (40..).step_by(40) {
        let mut process = rotate(&node, data.path(), MASTER, NEW).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        match process.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success());
                break;
            }
            None => {
                process.kill().unwrap();
                process.wait().unwrap();
                killed += 1;
            }
        }
    }
    say(&format!("killed {killed} times"));
    assert!(killed > 2);
    assert_eq!(data_keys(pool, &key(MASTER)).await, (CUSTOMERS, 0), "the old key opens none");
    let left: Vec<(i16, i64)> = sqlx::query_as(
        "SELECT sealed_by, count(*) FROM data_keys JOIN root_keys ON generation = sealed_by GROUP BY sealed_by",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(left, [(2, CUSTOMERS as i64)]);
    // All there is to read is read.
    let keys = keyring::open(pool, &key(NEW), None).await.unwrap();
    let log =
        PgEventLog::start(node.database.another_pool().await, keys, Arc::new(SystemIds), Settings::default());
    let events = log.read(node.context.workspace, 0, 10_000).await.unwrap();
    assert_eq!(events.len(), CUSTOMERS);
    let open = events.iter().filter(|recorded| {
        let interflow_application::log::Event::Customer(event) = &recorded.event else { return false };
        matches!(event, interflow_domain::customer::CustomerEvent::CustomerCreated { profile, .. }
            if profile.email.as_ref().is_some_and(|email| email.get().is_some()))
    });
    assert_eq!(open.count(), CUSTOMERS);
    log.close().await;
    // Once more changes nothing; and from the new key to another one it goes as well.
    said(&rotate(&node, data.path(), MASTER, NEW).output().unwrap(), true);
    said(&rotate(&node, data.path(), NEW, OTHER).output().unwrap(), true);
    assert!(keyring::open(pool, &key(OTHER), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_keys_no_server_starts_and_neither_does_one_with_a_wrong_key() {
    let (node, data) = (used(3).await, tempfile::tempdir().unwrap());
    let pool = &node.database.pool;
    let silence = Duration::from_secs(1);
    let empty = Database::new().await;
    let unused = rotation::begin(&empty.pool, (&key(MASTER), &key(NEW)), silence).await;
    assert!(matches!(unused, Err(RotationError::NotUsed)));
    // It is from before there were root keys, and is not given any by whoever has another master key.
    let wrong = rotation::begin(pool, (&key(NEW), &key(OTHER)), silence).await;
    assert!(matches!(wrong, Err(RotationError::WrongMasterKey)));
    assert!(matches!(keyring::open(pool, &key(NEW), None).await, Err(KeyringError::WrongMasterKey)));
    keyring::open(pool, &key(MASTER), None).await.unwrap();
    assert!(matches!(keyring::open(pool, &key(NEW), None).await, Err(KeyringError::WrongMasterKey)));
    let wrong = rotation::begin(pool, (&key(NEW), &key(OTHER)), silence).await;
    assert!(matches!(wrong, Err(RotationError::WrongMasterKey)));
    let same = rotation::begin(pool, (&key(MASTER), &key(MASTER)), silence).await;
    assert!(matches!(same, Err(RotationError::Same)));

    // As a kill right after the beginning leaves it.
    assert!(matches!(
        rotation::begin(pool, (&key(MASTER), &key(NEW)), silence).await,
        Ok(Begun::UnderWay(_))
    ));
    assert!(matches!(keyring::open(pool, &key(NEW), None).await, Err(KeyringError::BrokenOff)));
    assert!(matches!(keyring::open(pool, &key(MASTER), None).await, Err(KeyringError::WrongMasterKey)));
    let Ok(Begun::UnderWay(rotation)) = rotation::begin(pool, (&key(MASTER), &key(NEW)), silence).await
    else {
        panic!("it goes on")
    };
    assert!(matches!(rotation.finish().await, Err(RotationError::Left(3))), "not before all is done");
    said(&rotate(&node, data.path(), MASTER, NEW).output().unwrap(), true);
    assert!(keyring::open(pool, &key(NEW), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_servers_to_be_gone_and_who_slept_through_it_writes_nothing() {
    let (mut node, data) = (used(3).await, tempfile::tempdir().unwrap());
    keyring::open(&node.database.pool, &key(MASTER), None).await.unwrap();
    node = node.started().await;
    let refused = said(&rotate(&node, data.path(), MASTER, NEW).output().unwrap(), false);
    assert!(refused.contains("1 servers use this database"), "{refused}");
    let (core, context, database) = (node.core.clone(), node.context.clone(), Arc::clone(&node.database));
    node.dispatcher.stop().await;
    let url = rotate(&node, data.path(), MASTER, NEW);
    // Its heartbeats end with it.
    drop(node);
    let mut command = url;
    let rotated = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    said(&rotated, true);
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&database.pool).await.unwrap()
    };
    let before = count().await;
    // What is left of that server in this process has the old keys in memory.
    for n in 0..3 {
        let email = Some(format!("{n}@sleeper.example").parse().unwrap());
        let profile = ProfileDraft { email, ..ProfileDraft::default() };
        let refused = core.run(&context, &CreateCustomer { profile }).await;
        assert!(matches!(refused, Err(Error::Internal(_) | Error::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(count().await, before, "nothing was sealed under a key that is gone");
}
