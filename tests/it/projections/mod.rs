//! Read models made again from the log, and checked against it, on the real Postgres.

mod backup;
mod cli;
mod definitions;
mod long_stream;
mod rebuild;
mod replay;
mod resume;
mod unknown;
mod verify;
mod while_written;

use interflow_application::log::{EventLog, RecordedEvent};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::event_log::PgEventLog;
use interflow_infrastructure::projections::{Difference, Progress, Projections, Verified};
use sqlx::PgPool;

use crate::event_log::fixture::{Build, Fixture, empty};
use crate::read_models::history::{Attempt, History};

pub const TABLES: [&str; 7] =
    ["customers", "chats", "messages", "channels", "api_keys", "workspaces", "webhooks"];

/// What can happen to a workspace, several hundred times.
pub fn history(attempts: u32) -> Vec<RecordedEvent> {
    let attempts: Vec<Attempt> = (0..attempts)
        .map(|n| (n as u8, (n / 7) as u8, (n.wrapping_mul(2_654_435_761) >> 20) as u8))
        .collect();
    History::of(&attempts).events
}

/// Appends what happened to a workspace's log, many events at a time: within an append a stream's events stand together.
pub async fn play(log: &PgEventLog, workspace: WorkspaceId, events: Vec<RecordedEvent>) {
    for together in events.chunks(50) {
        let mut append = empty(workspace);
        for one in together {
            match append.streams.iter_mut().find(|part| part.stream == one.stream) {
                Some(part) => part.events.push(one.event.clone()),
                None => append = append.on(one.stream, one.version - 1, [one.event.clone()]),
            }
        }
        log.append(append).await.unwrap();
    }
}

/// A log with some hundred events of every kind.
async fn written() -> Fixture {
    let fixture = Fixture::new().await;
    play(&fixture.log, fixture.workspace, history(500)).await;
    fixture
}

/// Every row of a workspace, but for its generation.
async fn rows(pool: &PgPool, workspace: WorkspaceId, generation: i32) -> Vec<(&'static str, Vec<String>)> {
    let mut all = vec![];
    for table in TABLES {
        let sql = format!(
            "SELECT regexp_replace(to_json(entry)::text, '\"generation\":[0-9]+,', '') FROM {table} AS entry \
             WHERE workspace_id = $1 AND generation = $2 ORDER BY id"
        );
        let query = sqlx::query_scalar(&sql).bind(workspace.uuid()).bind(generation);
        all.push((table, query.fetch_all(pool).await.unwrap()));
    }
    all
}

/// The generations of a workspace and their states, and those that have rows.
async fn generations(fixture: &Fixture) -> (Vec<(i32, String)>, Vec<i32>) {
    let known = "SELECT generation, state FROM generations WHERE workspace_id = $1 ORDER BY generation";
    let known = sqlx::query_as(known).bind(fixture.workspace.uuid());
    let union = TABLES.map(|table| format!("SELECT generation FROM {table} WHERE workspace_id = $1"));
    let union = format!("SELECT DISTINCT generation FROM ({}) AS rows ORDER BY 1", union.join(" UNION "));
    let with_rows = sqlx::query_scalar(&union).bind(fixture.workspace.uuid());
    (known.fetch_all(&fixture.pool).await.unwrap(), with_rows.fetch_all(&fixture.pool).await.unwrap())
}

fn live(generation: i32) -> (Vec<(i32, String)>, Vec<i32>) {
    (vec![(generation, "live".to_owned())], vec![generation])
}

/// A verification, and what it told.
pub async fn verified(projections: &Projections, workspace: WorkspaceId) -> (Verified, Vec<Difference>) {
    let mut found = vec![];
    let verified = projections
        .verify(workspace, None, &mut |_: Progress| {}, &mut |difference| found.push(difference))
        .await
        .unwrap();
    assert_eq!(verified.differences, found.len() as u64);
    (verified, found)
}
