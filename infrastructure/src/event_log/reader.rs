//! Reading the log: one stream, or everything after a position.
//!
//! What comes back is checked for completeness, so that a connection that is lost half-way is an error and never
//! looks like the end: a stream has as many events as its row says, and what follows a position has no gap up to the
//! head, or up to the limit. An event of an older shape is brought to today's ([`upcasting`](super::upcasting)); one
//! of a type or version that this build does not know is an error that names it, and is never skipped.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use cqrs_es::persist::SerializedEvent;
use interflow_application::log::{Event, RecordedEvent, StreamId};
use interflow_domain::{EventId, WorkspaceId};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::{Json, Uuid};
use sqlx::{FromRow, PgConnection, Row as _};

use super::data_keys::DataKeys;
use super::failure::Failure;
use super::sealing;
use super::upcasting::{self, Upcasters};

/// Outer joins: there is a line that says what to expect even when there is no event.
const STREAM: &str = "SELECT s.version AS expected, e.event_id, e.position, e.aggregate_type, e.aggregate_id, \
         e.sequence, e.event_type, e.event_version, e.payload, e.metadata, e.timestamp \
     FROM streams s LEFT JOIN events e USING (workspace_id, aggregate_type, aggregate_id) \
     WHERE s.workspace_id = $1 AND s.aggregate_type = $2 AND s.aggregate_id = $3 \
     ORDER BY e.sequence";
const AFTER: &str = "SELECT GREATEST(LEAST(h.position - $2, $3), 0) AS expected, e.event_id, e.position, \
         e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, e.metadata, \
         e.timestamp \
     FROM heads h LEFT JOIN events e ON e.workspace_id = $1 AND e.position > $2 AND e.position <= $2 + $3 \
     WHERE h.workspace_id = $1 \
     ORDER BY e.position";

/// How many events there must be, and one of them.
struct Line {
    expected: i64,
    event: Option<Row>,
}

impl FromRow<'_, PgRow> for Line {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let there: Option<Uuid> = row.try_get("event_id")?;
        let event = there.map(|_| Row::from_row(row)).transpose()?;
        Ok(Self { expected: row.try_get("expected")?, event })
    }
}

/// An event as it lies in the database.
#[derive(sqlx::FromRow)]
struct Row {
    event_id: Uuid,
    position: i64,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: Json<Value>,
    metadata: Json<HashMap<String, String>>,
    timestamp: DateTime<Utc>,
}

/// An event whose personal values are open, in today's shape as far as this build knows how it got there.
pub(super) struct Opened {
    pub(super) id: EventId,
    pub(super) stream: StreamId,
    pub(super) position: u64,
    pub(super) version: u64,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) metadata: HashMap<String, String>,
    event_type: String,
    event_version: String,
    payload: Value,
}

/// Every event of a stream, in order.
pub(super) async fn stream(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    stream: StreamId,
) -> Result<Vec<Opened>, Failure> {
    let lines: Vec<Line> = sqlx::query_as(STREAM)
        .bind(workspace.uuid())
        .bind(stream.aggregate_type())
        .bind(stream.aggregate_id())
        .fetch_all(&mut *connection)
        .await?;
    let rows = complete(lines, 0, |row| row.sequence)?;
    open(connection, keys, workspace, rows).await
}

/// Up to `limit` events after a position, in order.
pub(super) async fn after(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    after: u64,
    limit: u32,
) -> Result<Vec<Opened>, Failure> {
    // No log is so long that a position does not fit; beyond it there is nothing.
    let Ok(after) = i64::try_from(after) else { return Ok(vec![]) };
    let lines: Vec<Line> = sqlx::query_as(AFTER)
        .bind(workspace.uuid())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
    let rows = complete(lines, after, |row| row.position)?;
    open(connection, keys, workspace, rows).await
}

/// The events, if they are as many as they must be and numbered from the one after `after`.
fn complete(lines: Vec<Line>, after: i64, number: impl Fn(&Row) -> i64) -> Result<Vec<Row>, Failure> {
    let expected = lines.first().map_or(0, |line| line.expected);
    let rows: Vec<Row> = lines.into_iter().filter_map(|line| line.event).collect();
    let whole = usize::try_from(expected) == Ok(rows.len())
        && (after + 1..).zip(&rows).all(|(n, row)| number(row) == n);
    if whole { Ok(rows) } else { Err(Failure::Refused("events are missing from the log".to_owned())) }
}

async fn open(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    rows: Vec<Row>,
) -> Result<Vec<Opened>, Failure> {
    let mut wanted = BTreeSet::new();
    for row in &rows {
        sealing::key_ids(&row.payload, &mut wanted).map_err(|error| row.unreadable(&error.to_string()))?;
    }
    let keys = keys.to_open(connection, workspace, wanted).await?;
    let mut opened = Vec::with_capacity(rows.len());
    for mut row in rows {
        let id = EventId::new(row.event_id);
        sealing::open(&mut row.payload, id, &|key| keys.get(&key))
            .map_err(|error| row.unreadable(&error.to_string()))?;
        let stream = StreamId::parse(&row.aggregate_type, &row.aggregate_id);
        let stream = stream.ok_or_else(|| row.unreadable("this build knows no such aggregate"))?;
        let event = Opened {
            id,
            stream,
            position: row.position.unsigned_abs(),
            version: row.sequence.unsigned_abs(),
            recorded_at: row.timestamp,
            metadata: row.metadata.0,
            event_type: row.event_type,
            event_version: row.event_version,
            payload: row.payload.0,
        };
        opened.push(event.lifted(upcasting::known()));
    }
    Ok(opened)
}

impl Row {
    fn unreadable(&self, why: &str) -> Failure {
        unreadable(self.position.unsigned_abs(), &self.event_type, &self.event_version, why)
    }
}

impl Opened {
    /// The event in today's shape.
    fn lifted(mut self, upcasters: &Upcasters) -> Self {
        if upcasting::concerns(upcasters, &self.event_type, &self.event_version) {
            let event = SerializedEvent {
                aggregate_id: self.stream.aggregate_id(),
                sequence: usize::try_from(self.version).unwrap_or(usize::MAX),
                aggregate_type: self.stream.aggregate_type().to_owned(),
                event_type: self.event_type,
                event_version: self.event_version,
                payload: self.payload,
                metadata: Value::Null,
            };
            let event = upcasting::lift(upcasters, event);
            self.event_type = event.event_type;
            self.event_version = event.event_version;
            self.payload = event.payload;
        }
        self
    }

    /// The event as the port has it.
    pub(super) fn recorded(self) -> Result<RecordedEvent, Failure> {
        let Self { id, stream, position, version, recorded_at, event_type, event_version, payload, .. } =
            self;
        // Not the deserialiser's text, which may repeat a value.
        let event = Event::from_json(stream, payload).ok();
        let event =
            event.filter(|event| event.event_type() == event_type && event.event_version() == event_version);
        let event = event.ok_or_else(|| unreadable(position, &event_type, &event_version, UNKNOWN))?;
        Ok(RecordedEvent { id, position, stream, version, recorded_at, event })
    }

    /// The event as one aggregate has it, and the metadata it was recorded with.
    pub(super) fn typed<E: DomainEvent>(self) -> Result<(E, HashMap<String, String>), Failure> {
        let Self { position, event_type, event_version, payload, metadata, .. } = self;
        let event = serde_json::from_value(payload).ok();
        let event = event
            .filter(|event: &E| event.event_type() == event_type && event.event_version() == event_version);
        let event = event.ok_or_else(|| unreadable(position, &event_type, &event_version, UNKNOWN))?;
        Ok((event, metadata))
    }
}

const UNKNOWN: &str = "this build does not know it, or not in this shape";

fn unreadable(position: u64, event_type: &str, event_version: &str, why: &str) -> Failure {
    Failure::Refused(format!("event {position} ({event_type} {event_version}) cannot be read: {why}"))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
