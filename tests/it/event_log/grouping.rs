//! Any grouping of appends leaves the rows, and gives the answers, of one by one.

use std::collections::BTreeSet;

use interflow_application::log::{Append, AppendError, EventLog, RecordedEvent, Rider, StreamId};
use interflow_application::{Claim, Command, ResourceRef};
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use super::fixture::{Answer, Build, Fixture, assigned, created, later, opened};

/// What one command of the property does, in small numbers, so that they meet.
#[derive(Debug, Clone)]
struct Plan {
    chat: u8,
    expected: u64,
    events: u8,
    /// A customer that is created with this number, and with the claim on it.
    customer: Option<(u8, u8)>,
    releases: Option<(u8, u8)>,
    command: Option<u8>,
    epoch: Option<i64>,
    send: Option<u8>,
    done: Option<u8>,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let small = || proptest::option::weighted(0.25, 0..3_u8);
    let pair = || proptest::option::weighted(0.3, (0..4_u8, 0..3_u8));
    let epoch = proptest::option::weighted(0.2, 1..3_i64);
    let plan = (0..3_u8, 0..6_u64, 0..3_u8, pair(), pair(), small(), epoch, small(), small()).prop_map(
        |(chat, expected, events, customer, releases, command, epoch, send, done)| Plan {
            chat,
            expected,
            events,
            customer,
            releases,
            command,
            epoch,
            send,
            done,
        },
    );
    proptest::collection::vec(plan, 1..24)
}

fn id(kind: u128, number: u8) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number) | 0x7000_8000_0000_0000_0000)
}

fn number(number: u8) -> String {
    format!("551199999000{number}")
}

impl Plan {
    fn append(&self, mut append: Append, deadline: chrono::DateTime<chrono::Utc>) -> Append {
        let chat = ChatId::new(id(1, self.chat));
        let claim = |phone: u8| Claim::customer_phone(&number(phone).parse().unwrap());
        // A stream begins with its opening, whatever else is expected.
        let events = (0..self.events).map(|n| {
            if self.expected == 0 && n == 0 { opened(chat) } else { assigned(&format!("agent {n}")) }
        });
        append = append.on(StreamId::Chat(chat), self.expected, events);
        if let Some((customer, phone)) = self.customer {
            let customer = CustomerId::new(id(2, customer));
            let stream = StreamId::Customer(customer);
            append =
                append.on(stream, 0, [created(customer, "Ana", &number(phone))]).taking(claim(phone), stream);
        }
        if let Some((customer, phone)) = self.releases {
            append = append.releasing(claim(phone), StreamId::Customer(CustomerId::new(id(2, customer))));
        }
        let (instance, message) = (InstanceId::new(id(3, 0)), |n| MessageId::new(id(4, n)));
        if let Some(command) = self.command {
            let command = Command { id: [command; 32], request_hash: [self.chat; 32], expires_at: deadline };
            append = append.with(Rider::Command { command, resource: ResourceRef::Chat(chat) });
        }
        if let Some(epoch) = self.epoch {
            append = append.with(Rider::Fence { instance, epoch });
        }
        if let Some(send) = self.send {
            append =
                append.with(Rider::Send { message: message(send), instance, chat, deadline, paced: None });
        }
        if let Some(done) = self.done {
            append = append.with(Rider::SendDone { message: message(done) });
        }
        append
    }
}

/// What an append came to, without what differs from run to run.
fn outcome(answer: &Answer) -> String {
    match answer {
        Ok(events) => format!("{:?}", events.iter().map(essence).collect::<Vec<_>>()),
        Err(AppendError::Repeated(recorded)) => format!("{recorded:?}"),
        Err(error @ AppendError::Log(_)) => panic!("{error}"),
        Err(error) => error.to_string(),
    }
}

fn essence(event: &RecordedEvent) -> (u64, StreamId, u64, String) {
    (event.position, event.stream, event.version, event.event.to_json().unwrap().to_string())
}

/// Every row of every table, without ids, keys and times that differ from run to run.
async fn rows(fixture: &Fixture) -> BTreeSet<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' \
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    assert!(tables.len() >= 8, "{tables:?}");
    let mut all = BTreeSet::new();
    for table in tables {
        let sql = format!(
            "SELECT '{table} ' || (to_jsonb(t) - 'workspace_id' - 'event_id' - 'payload' - 'timestamp' - 'key_id' \
             - 'wrapped' - 'moved_at')::text FROM {table} t WHERE workspace_id = $1"
        );
        let rows: Vec<String> =
            sqlx::query_scalar(&sql).bind(fixture.workspace.uuid()).fetch_all(&fixture.pool).await.unwrap();
        all.extend(rows);
    }
    let events = fixture.log.read(fixture.workspace, 0, 1000).await.unwrap();
    all.extend(events.iter().map(|event| format!("{:?}", essence(event))));
    all
}

#[test]
fn any_grouping_leaves_the_rows_and_answers_of_one_by_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = 24;
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let fixtures = runtime.block_on(async { (Fixture::new().await, Fixture::new().await) });
    let (mut alone, mut together) = fixtures;
    let workspaces = std::cell::Cell::new(0_u128);
    let (alone, together) = (&mut alone, &mut together);
    let cell = std::cell::RefCell::new((alone, together));
    runner
        .run(&plans(), |plans| {
            let (alone, together) = &mut *cell.borrow_mut();
            workspaces.set(workspaces.get() + 1);
            let workspace = interflow_domain::WorkspaceId::new(Uuid::from_u128(workspaces.get()));
            (alone.workspace, together.workspace) = (workspace, workspace);
            runtime.block_on(compare(alone, together, &plans));
            Ok(())
        })
        .unwrap();
}

async fn compare(alone: &Fixture, together: &Fixture, plans: &[Plan]) {
    let (deadline, recorded_at) = (later(600), later(0));
    let appends = |fixture: &Fixture| -> Vec<Append> {
        let empty = || Append { recorded_at, ..fixture.empty() };
        plans.iter().map(|plan| plan.append(empty(), deadline)).collect()
    };
    for fixture in [alone, together] {
        let lease = "INSERT INTO leases (workspace_id, instance_id, node_id, epoch) VALUES ($1, $2, $2, 1)";
        let instance = id(3, 0);
        sqlx::query(lease)
            .bind(fixture.workspace.uuid())
            .bind(instance)
            .execute(&fixture.pool)
            .await
            .unwrap();
    }
    // Both begin with an opened chat: append_together's is random, so it is given here.
    let first = |fixture: &Fixture| {
        let chat = ChatId::new(id(5, 0));
        Append { recorded_at, ..fixture.empty() }.on(StreamId::Chat(chat), 0, [opened(chat)])
    };
    let mut one_by_one = vec![];
    alone.append(first(alone)).await.unwrap();
    for append in appends(alone) {
        one_by_one.push(alone.append(append).await);
    }
    let grouped = together.append_behind(first(together), appends(together)).await;
    let outcomes = |answers: &[Answer]| answers.iter().map(outcome).collect::<Vec<_>>();
    assert_eq!(outcomes(&one_by_one), outcomes(&grouped));
    assert_eq!(rows(alone).await, rows(together).await);
    assert_eq!(alone.sound().await, together.sound().await);
}
