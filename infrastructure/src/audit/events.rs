//! A page of events.

use interflow_application::audit::{EventFilter, Found, Stretch};
use interflow_application::log::StreamId;
use interflow_domain::WorkspaceId;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::places::{BEGIN, Bounds, Way, statement};
use crate::event_log::{Failure, PgEventLog};

/// Most events that are tried for one page.
const TRIED: i64 = 2_000;

pub(super) async fn find(
    log: &PgEventLog,
    workspace: WorkspaceId,
    filter: &EventFilter,
    stretch: Stretch,
) -> Result<Found, Failure> {
    let mut transaction = log.pool().begin_with(BEGIN).await?;
    let connection = &mut *transaction;
    let way = Way::of(filter);
    let bounds = Bounds::of(connection, workspace, filter, stretch).await?;
    let rest = Rest { filter, way: &way };
    let size = i64::from(stretch.size);
    let limit = if rest.is_empty() { size + 1 } else { TRIED };
    let mut places = statement(workspace, &way, bounds, (stretch.ascending, limit));
    let tried: Vec<i64> = places.build_query_scalar().persistent(false).fetch_all(&mut *connection).await?;
    // There may be more behind what was tried.
    let edge = if i64::try_from(tried.len()) == Ok(limit) { tried.last().copied() } else { None };
    let mut fitting =
        if rest.is_empty() { tried } else { rest.of(connection, workspace, tried, stretch).await? };
    let mut more_from = edge;
    if fitting.len() > stretch.size as usize {
        fitting.truncate(stretch.size as usize);
        more_from = fitting.last().copied();
    }
    let mut events = log.told(connection, workspace, &fitting).await?;
    transaction.commit().await?;
    events.sort_by_key(|event| event.position);
    if !stretch.ascending {
        events.reverse();
    }
    Ok(Found { events, more_from: more_from.map(i64::unsigned_abs) })
}

/// What is left to be tried on what an index found.
struct Rest<'f> {
    filter: &'f EventFilter,
    way: &'f Way<'f>,
}

impl Rest<'_> {
    fn types(&self) -> Vec<&'static str> {
        if matches!(self.way, Way::Types(_)) { vec![] } else { self.filter.types.iter().copied().collect() }
    }

    fn stream(&self) -> Option<StreamId> {
        self.filter.stream.filter(|_| !matches!(self.way, Way::Stream(_)))
    }

    fn actor(&self) -> Option<&String> {
        self.filter.actor.as_ref().filter(|_| !matches!(self.way, Way::Actor(_)))
    }

    fn is_empty(&self) -> bool {
        self.types().is_empty()
            && self.stream().is_none()
            && self.actor().is_none()
            && self.filter.recorded.is_unbounded()
    }

    /// Those of the positions that fit, one more than a page has, in the order of the stretch.
    async fn of(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        tried: Vec<i64>,
        stretch: Stretch,
    ) -> Result<Vec<i64>, Failure> {
        let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new("SELECT e.position FROM unnest(");
        sql.push_bind(tried).push(") WITH ORDINALITY AS tried (position, n), LATERAL (SELECT * FROM events e WHERE e.workspace_id = ");
        sql.push_bind(workspace.uuid()).push(" AND e.position = tried.position OFFSET 0) e WHERE true");
        let types = self.types();
        if !types.is_empty() {
            sql.push(" AND e.event_type = ANY(").push_bind(types).push(")");
        }
        if let Some(stream) = self.stream() {
            sql.push(" AND e.aggregate_type = ").push_bind(stream.aggregate_type());
            sql.push(" AND e.aggregate_id = ").push_bind(stream.aggregate_id());
        }
        if let Some(actor) = self.actor() {
            sql.push(" AND (e.metadata ->> 'actor') = ").push_bind(actor.clone());
        }
        if let Some(from) = self.filter.recorded.from() {
            sql.push(" AND e.timestamp >= ").push_bind(from);
        }
        if let Some(until) = self.filter.recorded.until() {
            sql.push(" AND e.timestamp < ").push_bind(until);
        }
        sql.push(" ORDER BY tried.n LIMIT ").push_bind(i64::from(stretch.size) + 1);
        Ok(sql.build_query_scalar().persistent(false).fetch_all(connection).await?)
    }
}
