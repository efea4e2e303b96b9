//! Where in a log the events are that a filter lets through: positions, in order.

use std::collections::BTreeSet;

use interflow_application::audit::{EventFilter, Stretch};
use interflow_application::log::StreamId;
use interflow_domain::WorkspaceId;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::event_log::Failure;

/// Nothing but what an index finds in order.
pub(super) const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; \
     SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL statement_timeout = '20s'";
/// Servers' clocks may differ by so much, and positions are nearly in the order of times.
pub(crate) const SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// By halving: events are nearly in the order of their times.
const POSITION_AT: &str = "WITH RECURSIVE halves (low, high) AS ( \
         SELECT 1::bigint, coalesce((SELECT position FROM heads WHERE workspace_id = $1), 0) + 1 \
         UNION ALL \
         SELECT CASE WHEN e.timestamp < $2 THEN e.position + 1 ELSE h.low END, \
                CASE WHEN e.timestamp < $2 THEN h.high ELSE e.position END \
         FROM halves h, LATERAL (SELECT e.position, e.timestamp FROM events e \
             WHERE e.workspace_id = $1 AND e.position = (h.low + h.high) / 2 LIMIT 1) e \
         WHERE h.low < h.high) \
     SELECT low FROM halves ORDER BY high - low LIMIT 1";

/// As a column holds it.
pub(super) fn bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Which index finds the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way<'f> {
    /// That of correlation ids.
    Correlation(&'f str),
    /// That of streams.
    Stream(StreamId),
    /// That of types.
    Types(&'f BTreeSet<&'static str>),
    /// That of actors.
    Actor(&'f str),
    /// That of positions.
    All,
}

/// A span of positions, both ends within it, and the time that events must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    low: i64,
    high: i64,
}

impl<'f> Way<'f> {
    /// The index that leaves the fewest to try, as far as that can be told without looking.
    pub(super) fn of(filter: &'f EventFilter) -> Self {
        if let Some(correlation) = &filter.correlation {
            return Self::Correlation(correlation);
        }
        if let Some(stream) = filter.stream {
            return Self::Stream(stream);
        }
        let types = &filter.types;
        match &filter.actor {
            // A few types are sooner few events than an actor's are.
            Some(actor) if types.is_empty() || types.len() > 3 => Self::Actor(actor),
            _ if !types.is_empty() => Self::Types(types),
            _ => Self::All,
        }
    }
}

impl Bounds {
    /// The positions that a filter and a stretch leave.
    pub(super) async fn of(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        filter: &EventFilter,
        stretch: Stretch,
    ) -> Result<Self, Failure> {
        let mut low = filter.positions.after.map_or(1, |after| bigint(after).saturating_add(1));
        let mut high = filter.positions.before.map_or(i64::MAX, |before| bigint(before).saturating_sub(1));
        match stretch.from.map(bigint) {
            Some(from) if stretch.ascending => low = low.max(from.saturating_add(1)),
            Some(from) => high = high.min(from.saturating_sub(1)),
            None => {}
        }
        if let Some(from) = filter.recorded.from() {
            low = low.max(position_at(connection, workspace, from - SKEW).await?);
        }
        if let Some(until) = filter.recorded.until() {
            high = high.min(position_at(connection, workspace, until + SKEW).await? - 1);
        }
        Ok(Self { low, high })
    }
}

/// The first event that was recorded at this time or later, if clocks were right; one behind the last when none was.
pub(crate) async fn position_at(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<i64, Failure> {
    let query = sqlx::query_scalar(POSITION_AT).persistent(false).bind(workspace.uuid()).bind(at);
    Ok(query.fetch_one(connection).await?)
}

/// The statement that finds positions: at most so many, in the order of the stretch.
pub(super) fn statement(
    workspace: WorkspaceId,
    way: &Way<'_>,
    bounds: Bounds,
    (ascending, limit): (bool, i64),
) -> QueryBuilder<'static, Postgres> {
    let direction = if ascending { "ASC" } else { "DESC" };
    let mut sql = QueryBuilder::new("");
    let within = |sql: &mut QueryBuilder<'static, Postgres>| {
        sql.push(" AND position >= ").push_bind(bounds.low);
        sql.push(" AND position <= ").push_bind(bounds.high);
    };
    let mine = |sql: &mut QueryBuilder<'static, Postgres>| {
        sql.push("SELECT position FROM events WHERE workspace_id = ").push_bind(workspace.uuid());
    };
    let mut order = "position";
    match way {
        Way::Types(types) => {
            let types: Vec<_> = types.iter().copied().collect();
            sql.push("SELECT e.position FROM unnest(").push_bind(types);
            sql.push(") AS wanted (type), LATERAL (");
            mine(&mut sql);
            sql.push(" AND event_type = wanted.type");
            within(&mut sql);
            sql.push(format!(" ORDER BY position {direction} LIMIT ")).push_bind(limit).push(") AS e");
            order = "e.position";
        }
        Way::Stream(stream) => {
            mine(&mut sql);
            sql.push(" AND aggregate_type = ").push_bind(stream.aggregate_type());
            sql.push(" AND aggregate_id = ").push_bind(stream.aggregate_id());
            within(&mut sql);
            // The order of positions is that of versions, and has the index.
            order = "sequence";
        }
        Way::Correlation(correlation) => {
            mine(&mut sql);
            sql.push(" AND ((metadata ->> 'correlation_id') COLLATE \"C\") = ")
                .push_bind((*correlation).to_owned());
            within(&mut sql);
        }
        Way::Actor(actor) => {
            mine(&mut sql);
            sql.push(" AND ((metadata ->> 'actor') COLLATE \"C\") = ").push_bind((*actor).to_owned());
            within(&mut sql);
        }
        Way::All => {
            mine(&mut sql);
            within(&mut sql);
        }
    }
    sql.push(format!(" ORDER BY {order} {direction} LIMIT ")).push_bind(limit);
    sql
}

#[cfg(test)]
mod tests {
    use interflow_domain::MessageId;

    use super::*;

    #[test]
    fn the_most_telling_condition_finds() {
        let filter = EventFilter {
            stream: Some(StreamId::Message(MessageId::default())),
            types: ["message.failed"].into(),
            actor: Some("system:sender".to_owned()),
            correlation: Some("req_1".to_owned()),
            ..EventFilter::default()
        };
        assert_eq!(Way::of(&filter), Way::Correlation("req_1"));
        let filter = EventFilter { correlation: None, ..filter };
        assert_eq!(Way::of(&filter), Way::Stream(StreamId::Message(MessageId::default())));
        let filter = EventFilter { stream: None, ..filter };
        assert_eq!(Way::of(&filter), Way::Types(&["message.failed"].into()));
        let many = EventFilter { types: ["a", "b", "c", "d"].into(), ..filter.clone() };
        assert_eq!(Way::of(&many), Way::Actor("system:sender"));
        let many = EventFilter { actor: None, ..many };
        assert!(matches!(Way::of(&many), Way::Types(types) if types.len() == 4));
        assert_eq!(Way::of(&EventFilter::default()), Way::All);
    }
}
