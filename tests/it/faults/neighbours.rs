//! One that loses, among many that must not notice.

use std::sync::Arc;

use futures::future::join_all;
use interflow_application::log::{Append, AppendError, LogError, StreamId};
use interflow_application::{Core, Error, PatchCustomer, ProfilePatch, UseCase};
use interflow_domain::CustomerId;
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::read_models::PgReads;
use sqlx::{Executor, PgPool};

use super::load::{customer_created, opens, process};
use crate::event_log::fixture::{Build, Fixture, new_chat, new_customer, phone};
use crate::support::invariants;

const GROUP: usize = 256;

fn create(fixture: &Fixture, number: usize) -> Append {
    let (customer, number) = (new_customer(), format!("551199999{number:04}"));
    let stream = StreamId::Customer(customer);
    let append = fixture.empty().on(stream, 0, [customer_created(customer, &number)]);
    append.taking(phone(&number), stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_taken_costs_its_255_neighbours_nothing() {
    let fixture = Fixture::new().await;
    // The 200th asks for the number of the 17th.
    let appends = (0..GROUP).map(|n| create(&fixture, if n == 200 { 17 } else { n })).collect();
    let answers = fixture.append_behind(opens(fixture.empty(), new_chat()), appends).await;
    let mut told = vec![];
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(events) => told.extend(events),
            Err(error) => assert!(n == 200 && matches!(error, AppendError::Conflict), "{n}: {error}"),
        }
    }
    assert_eq!(told.len(), GROUP - 1);
    let census = invariants::hold(&fixture.pool, &fixture.log).await;
    census.has_once(fixture.workspace, &told);
    // One transaction for all of them: nothing was halved, and nobody asked again.
    assert_eq!(transactions(&fixture).await, 2);
}

/// How many transactions wrote the log.
async fn transactions(fixture: &Fixture) -> i64 {
    fixture.count("SELECT count(DISTINCT xmin::text) FROM events WHERE workspace_id = $1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_the_database_refuses_is_found_among_255_neighbours() {
    let fixture = Fixture::new().await;
    let rule = "ALTER TABLE events ADD CHECK (metadata->>'request_id' <> 'poison')";
    fixture.pool.execute(rule).await.unwrap();
    let mut appends: Vec<_> = (0..GROUP).map(|n| create(&fixture, n)).collect();
    appends[99].context.request_id = "poison".to_owned();
    let answers = fixture.append_behind(opens(fixture.empty(), new_chat()), appends).await;
    let mut told = vec![];
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(events) => told.extend(events),
            Err(AppendError::Log(LogError::Corrupt(_))) => assert_eq!(n, 99),
            Err(error) => panic!("{n}: {error}"),
        }
    }
    assert_eq!(told.len(), GROUP - 1);
    invariants::hold(&fixture.pool, &fixture.log).await.has_once(fixture.workspace, &told);
    // Halving finds it: with what it gets right on the way, no more than one a level and the one before.
    assert!(transactions(&fixture).await <= 1 + 8);
}

pub fn core(pool: &PgPool, log: &PgEventLog) -> Core {
    Core {
        log: Arc::new(log.clone()),
        reads: Arc::new(PgReads::new(pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

fn rename(id: CustomerId, name: String) -> impl UseCase<Output = CustomerId> {
    let patch = ProfilePatch { name: Some(Some(name.parse().unwrap())), ..ProfilePatch::default() };
    PatchCustomer { id, patch, expected: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_of_conflicts_whoever_is_answered_was_right_and_the_others_are_told() {
    let fixture = Fixture::new().await;
    let context = fixture.empty().context;
    let customer = new_customer();
    let stream = StreamId::Customer(customer);
    let first = fixture.empty().on(stream, 0, [customer_created(customer, "5511999990000")]);
    let first = fixture.append(first.taking(phone("5511999990000"), stream)).await.unwrap();
    let logs: Vec<_> = (0..3).map(|_| process(&fixture.pool, Settings::default())).collect();
    let cores: Vec<_> = logs.iter().map(|log| core(&fixture.pool, log)).collect();
    // What has nothing to do with it, in the same workspace.
    let bystanders = join_all((1..40).map(|n| fixture.append(create(&fixture, n))));
    let storm = join_all((0..64).map(|n| {
        let (core, context) = (&cores[n % 3], &context);
        async move { core.run(context, &rename(customer, format!("Ana {n}"))).await }
    }));
    let (storm, bystanders) = tokio::join!(storm, bystanders);
    let mut told = first;
    told.extend(bystanders.into_iter().flat_map(Result::unwrap));
    for answer in storm {
        match answer {
            Ok(done) => {
                assert_eq!(done.events.len(), 1);
                told.extend(done.events);
            }
            Err(Error::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let census = invariants::hold(&fixture.pool, &fixture.log).await;
    census.has_once(fixture.workspace, &told);
    assert_eq!(census.of(fixture.workspace).len(), told.len(), "somebody who was refused was written");
    assert!(told.len() > 40 + 10, "hardly anybody came through: {}", told.len());
}
