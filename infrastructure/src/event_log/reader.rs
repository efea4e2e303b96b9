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
use interflow_application::metadata::Metadata;
use interflow_domain::{EventId, PERSONAL_MARK, WorkspaceId};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
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
/// Versions have no gap, so the latest of them are a range.
const LATEST: &str = "SELECT GREATEST(LEAST(s.version, $4 - 1, $5), 0) AS expected, e.event_id, e.position, \
         e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, e.metadata, \
         e.timestamp \
     FROM streams s LEFT JOIN LATERAL (SELECT * FROM events e WHERE e.workspace_id = s.workspace_id \
         AND e.aggregate_type = s.aggregate_type AND e.aggregate_id = s.aggregate_id AND e.sequence < LEAST(s.version + 1, $4) \
         AND e.sequence >= LEAST(s.version + 1, $4) - $5 OFFSET 0) e ON true \
     WHERE s.workspace_id = $1 AND s.aggregate_type = $2 AND s.aggregate_id = $3 \
     ORDER BY e.sequence";
/// By their numbers and in no order, so that no index but the primary key looks good (docs/adr/0025-plans.md).
const AFTER: &str = "SELECT GREATEST(LEAST(h.position - $2, $3), 0) AS expected, e.event_id, e.position, \
         e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, e.metadata, \
         e.timestamp \
     FROM heads h LEFT JOIN LATERAL (SELECT * FROM events e WHERE e.workspace_id = $1 AND e.position > $2 \
         AND e.position <= $2 + $3 OFFSET 0) e ON true \
     WHERE h.workspace_id = $1";

const HISTORY: &str = "SELECT count(*) OVER () AS expected, e.event_id, e.position, e.aggregate_type, e.aggregate_id, \
         e.sequence, e.event_type, e.event_version, e.payload, e.metadata, e.timestamp \
     FROM events e \
     WHERE e.workspace_id = $1 AND e.aggregate_type = $2 AND e.aggregate_id = $3 AND e.sequence > $4 \
         AND e.sequence <= $6 AND e.position <= $5 \
     ORDER BY e.sequence";

const BEGINNINGS: &str = "SELECT count(*) OVER () AS expected, e.event_id, e.position, e.aggregate_type, \
         e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, e.metadata, e.timestamp \
     FROM unnest($2::text[], $3::text[]) AS wanted (aggregate_type, aggregate_id), \
     LATERAL (SELECT * FROM events e WHERE e.workspace_id = $1 AND e.aggregate_type = wanted.aggregate_type \
         AND e.aggregate_id = wanted.aggregate_id AND e.sequence = 1 OFFSET 0) e";

const AT: &str = "SELECT 1::bigint AS expected, e.event_id, e.position, e.aggregate_type, e.aggregate_id, e.sequence, \
         e.event_type, e.event_version, e.payload, e.metadata, e.timestamp \
     FROM unnest($2::bigint[]) AS wanted (position), \
     LATERAL (SELECT * FROM events e WHERE e.workspace_id = $1 AND e.position = wanted.position OFFSET 0) e";

/// How many events there must be, and one of them.
pub(super) struct Line {
    expected: i64,
    event: Option<Row>,
}

/// By number and not by name: all queries have the same columns, and long logs are read through this.
impl FromRow<'_, PgRow> for Line {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let expected = row.try_get(0)?;
        let Some(event_id) = row.try_get(1)? else { return Ok(Self { expected, event: None }) };
        let event = Row {
            event_id,
            position: row.try_get(2)?,
            aggregate_type: row.try_get(3)?,
            aggregate_id: row.try_get(4)?,
            sequence: row.try_get(5)?,
            event_type: row.try_get(6)?,
            event_version: row.try_get(7)?,
            // `json` is sent as its text.
            payload: row.try_get_unchecked(8)?,
            metadata: row.try_get_unchecked(9)?,
            timestamp: row.try_get(10)?,
        };
        Ok(Self { expected, event: Some(event) })
    }
}

/// An event as it lies in the database.
struct Row {
    event_id: Uuid,
    position: i64,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: String,
    metadata: String,
    timestamp: DateTime<Utc>,
}

/// An event whose personal values are open, in today's shape as far as this build knows how it got there.
pub(super) struct Opened {
    pub(super) id: EventId,
    pub(super) stream: StreamId,
    pub(super) position: u64,
    pub(super) version: u64,
    pub(super) recorded_at: DateTime<Utc>,
    metadata: String,
    event_type: String,
    event_version: String,
    payload: Payload,
}

/// An event, and what it says, its personal values open.
pub(super) struct Told {
    pub(super) id: EventId,
    pub(super) stream: StreamId,
    pub(super) position: u64,
    pub(super) version: u64,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) event_type: String,
    pub(super) event_version: String,
    pub(super) payload: Value,
}

/// What an event says. Most have nothing sealed, and go from their text to the typed event at once.
enum Payload {
    Text(String),
    Value(Value),
}

impl Payload {
    /// Taken apart where something may be sealed.
    fn stored(text: String) -> serde_json::Result<Self> {
        // The mark, or a letter that hides in an escape.
        if text.contains(PERSONAL_MARK) || text.contains("\\u00") {
            serde_json::from_str(&text).map(Self::Value)
        } else {
            Ok(Self::Text(text))
        }
    }

    fn into_value(self) -> serde_json::Result<Value> {
        match self {
            Self::Text(text) => serde_json::from_str(&text),
            Self::Value(value) => Ok(value),
        }
    }
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

/// Up to `limit` events of a stream before a version, the latest first.
pub(super) async fn latest(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    stream: StreamId,
    (before, limit): (Option<u64>, u32),
) -> Result<Vec<Opened>, Failure> {
    let before = before.and_then(|version| i64::try_from(version).ok()).unwrap_or(i64::MAX);
    let lines: Vec<Line> = sqlx::query_as(LATEST)
        .bind(workspace.uuid())
        .bind(stream.aggregate_type())
        .bind(stream.aggregate_id())
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
    let first = lines.first().and_then(|line| line.event.as_ref()).map_or(1, |row| row.sequence);
    let rows = complete(lines, first - 1, |row| row.sequence)?;
    let mut events = open(connection, keys, workspace, rows).await?;
    events.reverse();
    Ok(events)
}

/// The next `limit` events of a stream after a version, of those that there are up to a position, in order.
pub(super) async fn history(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    stream: StreamId,
    (after, until): (u64, u64),
    limit: u32,
) -> Result<Vec<Opened>, Failure> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let lines: Vec<Line> = sqlx::query_as(HISTORY)
        .bind(workspace.uuid())
        .bind(stream.aggregate_type())
        .bind(stream.aggregate_id())
        .bind(after)
        .bind(i64::try_from(until).unwrap_or(i64::MAX))
        .bind(after.saturating_add(i64::from(limit)))
        .fetch_all(&mut *connection)
        .await?;
    let rows = complete(lines, after, |row| row.sequence)?;
    open(connection, keys, workspace, rows).await
}

/// The first events of streams.
pub(super) async fn beginnings(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    streams: &[StreamId],
) -> Result<Vec<Opened>, Failure> {
    let lines: Vec<Line> = sqlx::query_as(BEGINNINGS)
        .bind(workspace.uuid())
        .bind(streams.iter().map(|stream| stream.aggregate_type()).collect::<Vec<_>>())
        .bind(streams.iter().map(|stream| stream.aggregate_id()).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    open_all(connection, keys, workspace, lines).await
}

/// The events at these positions, in no order.
pub(super) async fn at(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    positions: &[i64],
) -> Result<Vec<Opened>, Failure> {
    let lines: Vec<Line> =
        sqlx::query_as(AT).bind(workspace.uuid()).bind(positions).fetch_all(&mut *connection).await?;
    let rows: Vec<Row> = lines.into_iter().filter_map(|line| line.event).collect();
    if rows.len() != positions.len() {
        return Err(Failure::Refused("events are missing from the log".to_owned()));
    }
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
    if after.checked_add(i64::from(limit)).is_none() {
        return Ok(vec![]);
    }
    let mut lines: Vec<Line> = sqlx::query_as(AFTER)
        .bind(workspace.uuid())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
    lines.sort_by_key(|line| line.event.as_ref().map(|row| row.position));
    let rows = complete(lines, after, |row| row.position)?;
    open(connection, keys, workspace, rows).await
}

/// The events of an answer that says of how many it is, as they come.
pub(super) async fn open_all(
    connection: &mut PgConnection,
    keys: &DataKeys,
    workspace: WorkspaceId,
    lines: Vec<Line>,
) -> Result<Vec<Opened>, Failure> {
    let expected = lines.first().map_or(0, |line| line.expected);
    let rows: Vec<Row> = lines.into_iter().filter_map(|line| line.event).collect();
    if usize::try_from(expected) != Ok(rows.len()) {
        return Err(Failure::Refused("events are missing from the log".to_owned()));
    }
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
    let mut opened = Vec::with_capacity(rows.len());
    for row in rows {
        let event = Opened::stored(row)?;
        if let Payload::Value(payload) = &event.payload {
            sealing::key_ids(payload, &mut wanted).map_err(|error| event.unreadable(&error.to_string()))?;
        }
        opened.push(event);
    }
    let keys = keys.to_open(connection, workspace, wanted).await?;
    let upcasters = upcasting::known();
    for event in &mut opened {
        if let Payload::Value(payload) = &mut event.payload {
            let open = sealing::open(payload, event.id, &|key| keys.get(&key));
            open.map_err(|error| event.unreadable(&error.to_string()))?;
        }
    }
    opened.into_iter().map(|event| event.lifted(upcasters)).collect()
}

impl Opened {
    /// The event as it is stored, its personal values still sealed.
    fn stored(row: Row) -> Result<Self, Failure> {
        let (position, version) = (row.position.unsigned_abs(), row.sequence.unsigned_abs());
        let unreadable = |why| unreadable(position, &row.event_type, &row.event_version, why);
        let stream = StreamId::parse(&row.aggregate_type, &row.aggregate_id);
        let stream = stream.ok_or_else(|| unreadable("this build knows no such aggregate"))?;
        let payload = Payload::stored(row.payload).map_err(|_| unreadable("its payload is no JSON"))?;
        Ok(Self {
            id: EventId::new(row.event_id),
            stream,
            position,
            version,
            recorded_at: row.timestamp,
            metadata: row.metadata,
            event_type: row.event_type,
            event_version: row.event_version,
            payload,
        })
    }

    pub(super) fn unreadable(&self, why: &str) -> Failure {
        unreadable(self.position, &self.event_type, &self.event_version, why)
    }

    /// The event in today's shape.
    fn lifted(mut self, upcasters: &Upcasters) -> Result<Self, Failure> {
        if upcasting::concerns(upcasters, &self.event_type, &self.event_version) {
            let unreadable = unreadable(self.position, &self.event_type, &self.event_version, UNKNOWN);
            let event = SerializedEvent {
                aggregate_id: self.stream.aggregate_id(),
                sequence: usize::try_from(self.version).unwrap_or(usize::MAX),
                aggregate_type: self.stream.aggregate_type().to_owned(),
                event_type: self.event_type,
                event_version: self.event_version,
                payload: self.payload.into_value().map_err(|_| unreadable)?,
                metadata: Value::Null,
            };
            let event = upcasting::lift(upcasters, event);
            self.event_type = event.event_type;
            self.event_version = event.event_version;
            self.payload = Payload::Value(event.payload);
        }
        Ok(self)
    }

    /// Whether something personal in it was erased.
    pub(super) fn lacks_something(&self) -> bool {
        matches!(&self.payload, Payload::Value(payload) if sealing::has_erased(payload))
    }

    /// The circumstances it was recorded with.
    pub(super) fn metadata(&self) -> Metadata {
        Metadata::stored(self.metadata.as_str())
    }

    /// The event for whom it need not be one that this build knows.
    pub(super) fn told(self) -> Result<Told, Failure> {
        let Self { id, stream, position, version, recorded_at, event_type, event_version, payload, .. } =
            self;
        let payload = payload.into_value();
        let payload = payload
            .map_err(|_| unreadable(position, &event_type, &event_version, "its payload is no JSON"))?;
        Ok(Told { id, stream, position, version, recorded_at, event_type, event_version, payload })
    }

    /// The event as the port has it.
    pub(super) fn recorded(self) -> Result<RecordedEvent, Failure> {
        let Self { id, stream, position, version, recorded_at, metadata, event_type, event_version, payload } =
            self;
        // Not the deserialiser's text, which may repeat a value.
        let event = match payload {
            Payload::Text(text) => {
                Event::from_json(stream, &mut serde_json::Deserializer::from_str(&text)).ok()
            }
            Payload::Value(value) => Event::from_json(stream, value).ok(),
        };
        let event =
            event.filter(|event| event.event_type() == event_type && event.event_version() == event_version);
        let event = event.ok_or_else(|| unreadable(position, &event_type, &event_version, UNKNOWN))?;
        let metadata = Metadata::stored(metadata);
        Ok(RecordedEvent { id, position, stream, version, recorded_at, event, metadata })
    }

    /// The event as one aggregate has it, and the metadata it was recorded with.
    pub(super) fn typed<E: DomainEvent>(self) -> Result<(E, HashMap<String, String>), Failure> {
        let Self { position, event_type, event_version, payload, metadata, .. } = self;
        let unreadable = || unreadable(position, &event_type, &event_version, UNKNOWN);
        let metadata = serde_json::from_str(&metadata).map_err(|_| unreadable())?;
        let event = payload.into_value().and_then(serde_json::from_value).ok();
        let event = event
            .filter(|event: &E| event.event_type() == event_type && event.event_version() == event_version);
        let event = event.ok_or_else(unreadable)?;
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
