//! One look at the past.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use interflow_application::log::{LogError, RecordedEvent, StreamId};
use interflow_application::past::Past;
use interflow_domain::{ChatId, MessageId, WorkspaceId};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use crate::event_log::{Failure, PgEventLog, Replay, Seen};
use crate::read_models::conversations::message;

/// How much later than the events before a position its time may be shown, at most, for lists that are found by time:
/// [`STRIDE`] events back are looked at, and the clocks of servers are taken to differ by less than this.
const SLACK: &str = "30 s";
const STRIDE: i64 = 1_000;
const LATEST: &str = "SELECT max(timestamp) + $4::text::interval FROM (SELECT timestamp FROM events \
         WHERE workspace_id = $1 AND position > $2 - $3 AND position <= $2 OFFSET 0) stride";

const EARLIEST: &str = "SELECT min(timestamp) - $4::text::interval FROM (SELECT timestamp FROM events \
         WHERE workspace_id = $1 AND position > $2 AND position <= $2 + $3 OFFSET 0) stride";

/// The keys that personal values are opened with are fetched for this look, so that none is used that was destroyed
/// before. A connection is held for one step at a time.
pub(super) struct Look {
    pub(super) workspace: WorkspaceId,
    pub(super) pool: PgPool,
    replay: Replay,
}

/// A row as of a position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aged<R> {
    pub(super) row: R,
    /// Whether something personal in its events was erased.
    pub(super) erased: bool,
}

impl<R> Aged<R> {
    /// As the port has it.
    pub(super) fn shown<T>(self, view: impl FnOnce(R) -> T) -> Past<T> {
        Past { item: view(self.row), erased: self.erased }
    }
}

impl Look {
    pub(super) fn new(log: &PgEventLog, workspace: WorkspaceId) -> Self {
        Self { workspace, pool: log.pool().clone(), replay: log.replay() }
    }

    pub(super) async fn connection(&self) -> Result<PoolConnection<Postgres>, Failure> {
        Ok(self.pool.acquire().await?)
    }

    /// For each stream and position, what a fold makes of the stream's events up to it.
    pub(super) async fn folded<R>(
        &self,
        wanted: &[(StreamId, u64)],
        fold: impl Fn(&mut Option<R>, &RecordedEvent),
    ) -> Result<Vec<Option<Aged<R>>>, Failure> {
        let streams = self.replay.streams(&mut *self.connection().await?, self.workspace, wanted).await?;
        Ok(streams.iter().map(|events| aged(events, &fold)).collect())
    }

    /// What a fold makes of a stream's events up to each of these positions. The stream is read once.
    pub(super) async fn along<R: Clone>(
        &self,
        stream: StreamId,
        at: &[u64],
        fold: impl Fn(&mut Option<R>, &RecordedEvent),
    ) -> Result<Vec<Option<Aged<R>>>, Failure> {
        let Some(last) = at.iter().max() else { return Ok(vec![]) };
        let connection = &mut *self.connection().await?;
        let streams = self.replay.streams(connection, self.workspace, &[(stream, *last)]).await?;
        let mut events = streams.into_iter().flatten().peekable();
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_by_key(|n| at[*n]);
        let (mut row, mut erased) = (None, false);
        let mut rows = vec![None; at.len()];
        for n in order {
            while let Some(seen) = events.next_if(|seen| seen.recorded.position <= at[n]) {
                fold(&mut row, &seen.recorded);
                erased |= seen.erased;
            }
            rows[n] = row.clone().map(|row| Aged { row, erased });
        }
        Ok(rows)
    }

    /// Messages. Their number among the inbound ones of their chat is not known.
    pub(super) async fn messages(
        &self,
        wanted: &[(MessageId, u64)],
    ) -> Result<Vec<Option<Aged<message::Row>>>, Failure> {
        let wanted: Vec<_> = wanted.iter().map(|(id, at)| (StreamId::Message(*id), *at)).collect();
        self.folded(&wanted, |row, recorded| message::fold(row, recorded, 0)).await
    }

    /// For each chat and position, the last event of each of these kinds.
    pub(super) async fn latest_of_chats(
        &self,
        wanted: &[(ChatId, u64)],
        kinds: &[&str],
    ) -> Result<Vec<Vec<Seen>>, Failure> {
        let connection = &mut *self.connection().await?;
        self.replay.latest_of_chats(connection, self.workspace, wanted, kinds).await
    }

    /// The first events of messages.
    pub(super) async fn beginnings(
        &self,
        messages: &[MessageId],
    ) -> Result<BTreeMap<MessageId, Seen>, Failure> {
        let streams: Vec<_> = messages.iter().copied().map(StreamId::Message).collect();
        let begun = self.replay.beginnings(&mut *self.connection().await?, self.workspace, &streams).await?;
        let named = begun.into_iter().filter_map(|seen| match seen.recorded.stream {
            StreamId::Message(id) => Some((id, seen)),
            _ => None,
        });
        Ok(named.collect())
    }

    /// Before when everything was recorded that has a position up to this one, with some slack.
    pub(super) async fn latest(&self, at: u64) -> Result<Option<DateTime<Utc>>, LogError> {
        self.bound(LATEST, at).await
    }

    /// From when on everything was recorded that has a position behind this one, with some slack; nothing when nothing has.
    pub(super) async fn earliest_after(&self, at: u64) -> Result<Option<DateTime<Utc>>, LogError> {
        self.bound(EARLIEST, at).await
    }

    async fn bound(&self, sql: &'static str, at: u64) -> Result<Option<DateTime<Utc>>, LogError> {
        let query = sqlx::query_scalar(sql)
            .bind(self.workspace.uuid())
            .bind(at.cast_signed())
            .bind(STRIDE)
            .bind(SLACK);
        Ok(query.fetch_one(&self.pool).await.map_err(Failure::from)?)
    }
}

/// What a fold makes of these events.
fn aged<R>(events: &[Seen], fold: impl Fn(&mut Option<R>, &RecordedEvent)) -> Option<Aged<R>> {
    let mut row = None;
    events.iter().for_each(|seen| fold(&mut row, &seen.recorded));
    row.map(|row| Aged { row, erased: events.iter().any(|seen| seen.erased) })
}
