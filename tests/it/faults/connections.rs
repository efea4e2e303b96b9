//! Connections that are lost, statements that take too long, locks that are not let go.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use interflow_application::log::{AppendError, EventLog, LogError, StreamId};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::event_log::{Settings, Step};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::Semaphore;

use super::load::{Load, customer_created, fixed, opens, process};
use super::trap::Trap;
use crate::event_log::fixture::{Build, Fixture, empty, new_chat, new_customer, phone};
use crate::support::database::Database;
use crate::support::invariants;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_at_any_step_of_an_append_loses_and_doubles_nothing() {
    let database = Database::new().await;
    for (round, step) in (0..).zip(Step::ALL) {
        let options = database.options.clone();
        let trap = Trap::at(step, 5, move || {
            let options = options.clone();
            async move {
                let mut killer = PgConnection::connect_with(&options).await.unwrap();
                let everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
                killer.execute(everybody).await.unwrap();
            }
        });
        let load = Load::of(round);
        let (trapped, other) =
            (process(&database.pool, trap.settings()), process(&database.pool, Settings::default()));
        let told = load.run(&[trapped, other]).await;
        assert!(trap.sprung(), "nothing was lost at {step:?}");
        load.check(&database.pool, &told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_takes_its_group_back_and_the_next_one_is_none_the_worse() {
    let fixture = Fixture::new().await;
    // The first customer's row never gets done within the time that the insert before it leaves.
    let slow = "CREATE FUNCTION hurry() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM set_config('statement_timeout', '100ms', true); RETURN NULL; END $$; \
                CREATE TRIGGER hurry AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION hurry(); \
                CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$; \
                CREATE TRIGGER dawdle AFTER INSERT ON customers FOR EACH STATEMENT EXECUTE FUNCTION dawdle()";
    fixture.pool.execute(slow).await.unwrap();
    let number = |n: usize| format!("551199999{n:04}");
    let create = |n: usize| {
        let customer = new_customer();
        let stream = StreamId::Customer(customer);
        let append = fixture.empty().on(stream, 0, [customer_created(customer, &number(n))]);
        append.taking(phone(&number(n)), stream)
    };
    let refused = join_all((0..20).map(|n| fixture.append(create(n)))).await;
    for answer in refused {
        assert!(matches!(answer, Err(AppendError::Log(LogError::Unavailable(_)))), "{answer:?}");
    }
    fixture.pool.execute("DROP TRIGGER dawdle ON customers").await.unwrap();
    let answers = join_all((0..20).map(|n| fixture.append(create(n)))).await;
    let told: Vec<_> = answers.into_iter().flat_map(Result::unwrap).collect();
    let census = invariants::hold(&fixture.pool, &fixture.log).await;
    census.has_once(fixture.workspace, &told);
    assert_eq!(census.of(fixture.workspace).len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_session_that_holds_a_head_stalls_its_workspace_alone_and_for_ten_seconds_at_most() {
    let fixture = Fixture::new().await;
    let holder = fixture.lock_head().await;
    let opened = || opens(fixture.empty(), new_chat());
    let stalled = join_all((0..30).map(|_| fixture.append(opened())));
    let others = async {
        fixture.wait_for_waiter().await;
        let elsewhere = (0..30).map(|n| {
            let workspace = WorkspaceId::new(fixed(8, n));
            fixture.append(opens(empty(workspace), new_chat()))
        });
        assert!(join_all(elsewhere).await.iter().all(Result::is_ok));
    };
    // The holder never lets go while they wait: they are told so, and it is the lock's time-out that ends the wait.
    let (stalled, ()) = tokio::join!(stalled, others);
    assert!(stalled.iter().any(|one| matches!(one, Err(AppendError::Log(LogError::Unavailable(_))))));
    drop(holder);
    let answers = join_all((0..30).map(|_| fixture.append(opened()))).await;
    let told: Vec<_> =
        answers.into_iter().flat_map(Result::unwrap).chain(stalled.into_iter().flatten().flatten()).collect();
    let census = invariants::hold(&fixture.pool, &fixture.log).await;
    census.has_once(fixture.workspace, &told);
    assert_eq!(census.of(fixture.workspace).len(), told.len());
}

/// A writer that is stopped with the head locked (a paused machine, say) is thrown out by the database; when it
/// wakes, it is told, and writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_with_the_head_locked_loses_it_and_writes_nothing_when_it_wakes() {
    let database = Database::new().await;
    let workspace = WorkspaceId::new(fixed(9, 1));
    let asleep = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&asleep);
    let trap = Trap::at(Step::BeforeCommit, 1, move || {
        let gate = Arc::clone(&gate);
        async move { drop(gate.acquire().await.unwrap()) }
    });
    let (sleeper, other) =
        (process(&database.pool, trap.settings()), process(&database.pool, Settings::default()));
    let slept = tokio::spawn(async move { sleeper.append(opens(empty(workspace), new_chat())).await });
    let mut watcher = database.connection().await;
    let idle = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                AND state = 'idle in transaction' AND pid <> pg_backend_pid()";
    let pid: i32 = loop {
        if trap.sprung()
            && let Some(pid) = sqlx::query_scalar(idle).fetch_optional(&mut watcher).await.unwrap()
        {
            break pid;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    // What the database does by itself after idle_in_transaction_session_timeout, without the wait.
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut watcher).await.unwrap();
    let told = other.append(opens(empty(workspace), new_chat())).await.unwrap();
    asleep.add_permits(1);
    let slept = slept.await.unwrap();
    assert!(matches!(slept, Err(AppendError::Log(LogError::Unavailable(_)))), "{slept:?}");
    let census = invariants::hold(&database.pool, &other).await;
    census.has_once(workspace, &told);
    assert_eq!(census.of(workspace).len(), 1);
}
