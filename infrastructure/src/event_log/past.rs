//! Reading what was known at a position: the events of streams up to it.
//!
//! Which index finds them is not left to chance: docs/adr/0025-plans.md.

use interflow_application::log::{RecordedEvent, StreamId};
use interflow_domain::{ChatId, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};

use super::failure::Failure;
use super::reader::{self, Line};
use super::replay::Replay;

const STREAMS: &str = "SELECT count(*) OVER () AS expected, e.event_id, e.position, e.aggregate_type, e.aggregate_id, \
         e.sequence, e.event_type, e.event_version, e.payload, e.metadata, e.timestamp, wanted.n \
     FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS wanted (type, id, until, n), \
     LATERAL (SELECT * FROM events e \
         WHERE e.workspace_id = $1 AND e.aggregate_type = wanted.type AND e.aggregate_id = wanted.id \
             AND e.position <= wanted.until OFFSET 0) e";
const OF_CHATS: &str = "SELECT count(*) OVER () AS expected, e.event_id, e.position, e.aggregate_type, e.aggregate_id, \
         e.sequence, e.event_type, e.event_version, e.payload, e.metadata, e.timestamp, wanted.n \
     FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS wanted (id, until, n), \
         unnest($4::text[]) AS wanted_kind (kind), \
     LATERAL (SELECT * FROM events e WHERE e.aggregate_type = 'chat' \
             AND (e.workspace_id, e.aggregate_id, e.event_type, e.position) <= ($1, wanted.id, kind, wanted.until) \
         ORDER BY e.workspace_id DESC, e.aggregate_id DESC, e.event_type DESC, e.position DESC LIMIT 1) e \
     WHERE e.workspace_id = $1 AND e.aggregate_id = wanted.id AND e.event_type = kind";

/// An event as it can still be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) recorded: RecordedEvent,
    /// Whether something personal in it was erased.
    pub(crate) erased: bool,
}

/// A line of an answer to several questions, and to which.
struct Numbered {
    line: Line,
    question: i64,
}

impl FromRow<'_, PgRow> for Numbered {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { line: Line::from_row(row)?, question: row.try_get("n")? })
    }
}

impl Replay {
    /// For each of these, the events of the stream up to the position, in order.
    pub(crate) async fn streams(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        wanted: &[(StreamId, u64)],
    ) -> Result<Vec<Vec<Seen>>, Failure> {
        if wanted.is_empty() {
            return Ok(vec![]);
        }
        let lines: Vec<Numbered> = sqlx::query_as(STREAMS)
            .bind(workspace.uuid())
            .bind(wanted.iter().map(|(stream, _)| stream.aggregate_type()).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(stream, _)| stream.aggregate_id()).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(_, until)| until.cast_signed()).collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await?;
        let seen = self.seen(connection, workspace, lines, wanted.len()).await?;
        let whole =
            seen.iter().all(|events| events.iter().zip(1..).all(|(seen, n)| seen.recorded.version == n));
        if whole { Ok(seen) } else { Err(Failure::Refused("events are missing from the log".to_owned())) }
    }

    /// For each of these, the last event of each kind that the chat had up to the position, in order.
    pub(crate) async fn latest_of_chats(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        wanted: &[(ChatId, u64)],
        kinds: &[&str],
    ) -> Result<Vec<Vec<Seen>>, Failure> {
        if wanted.is_empty() {
            return Ok(vec![]);
        }
        let lines: Vec<Numbered> = sqlx::query_as(OF_CHATS)
            .bind(workspace.uuid())
            .bind(wanted.iter().map(|(chat, _)| chat.to_string()).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(_, until)| until.cast_signed()).collect::<Vec<_>>())
            .bind(kinds)
            .fetch_all(&mut *connection)
            .await?;
        self.seen(connection, workspace, lines, wanted.len()).await
    }

    /// The first events of streams, in no order.
    pub(crate) async fn beginnings(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        streams: &[StreamId],
    ) -> Result<Vec<Seen>, Failure> {
        if streams.is_empty() {
            return Ok(vec![]);
        }
        let opened = reader::beginnings(connection, &self.keys, workspace, streams).await?;
        opened.into_iter().map(Seen::of).collect()
    }

    /// The events of an answer to so many questions, question by question.
    async fn seen(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        lines: Vec<Numbered>,
        questions: usize,
    ) -> Result<Vec<Vec<Seen>>, Failure> {
        let (numbers, lines): (Vec<i64>, Vec<Line>) =
            lines.into_iter().map(|Numbered { line, question }| (question, line)).unzip();
        let opened = reader::open_all(connection, &self.keys, workspace, lines).await?;
        let mut answers = vec![vec![]; questions];
        for (number, opened) in numbers.into_iter().zip(opened) {
            let place = usize::try_from(number - 1).ok().and_then(|place| answers.get_mut(place));
            let place = place.ok_or_else(|| Failure::Refused("an answer to no question".to_owned()))?;
            place.push(Seen::of(opened)?);
        }
        for events in &mut answers {
            events.sort_by_key(|seen| seen.recorded.position);
        }
        Ok(answers)
    }
}

impl Seen {
    fn of(opened: reader::Opened) -> Result<Self, Failure> {
        let erased = opened.lacks_something();
        Ok(Self { recorded: opened.recorded()?, erased })
    }
}
