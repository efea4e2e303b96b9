//! Who has seen what, as it is kept.

use std::net::IpAddr;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use interflow_application::audit::{ReadEntry, ReadFilter, ReadFound, ReadStore, ReadsFound, Stretch};
use interflow_application::log::LogError;
use interflow_domain::WorkspaceId;
use sqlx::types::Uuid;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use super::places::{BEGIN, bigint};
use crate::event_log::{Failure, log_error};

/// Bits of a place that tell entries of one minute apart.
const NUMBER_BITS: u32 = 38;
/// Most entries that are tried for one page.
const TRIED: i64 = 2_000;

const NOTE: &str = "INSERT INTO audit_reads (workspace_id, place, minute, actor, resource, resource_id, writer, reads, items, \
         first_at, last_at, addresses) \
     SELECT r.workspace, (extract(epoch FROM r.minute)::bigint / 60 << 38) | (nextval('audit_reads_numbers') & 274877906943), \
         r.minute, r.actor, r.resource, r.id, $1, r.reads, r.items, r.first_at, r.last_at, \
         string_to_array(r.addresses, ' ')::inet[] \
     FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], \
                 $9::timestamptz[], $10::timestamptz[], $11::text[]) \
          AS r(workspace, minute, actor, resource, id, reads, items, first_at, last_at, addresses) \
     ON CONFLICT (workspace_id, minute, actor, resource, resource_id, writer) DO UPDATE SET reads = excluded.reads, \
         items = excluded.items, last_at = excluded.last_at, addresses = excluded.addresses";
/// A few of each workspace at a time, found by the primary key.
const FORGET: &str = "DELETE FROM audit_reads WHERE ctid = ANY(ARRAY( \
         SELECT old.ctid FROM heads h, LATERAL (SELECT r.ctid FROM audit_reads r \
             WHERE r.workspace_id = h.workspace_id AND r.place < $1 ORDER BY r.place LIMIT $2) old LIMIT $2))";
const COLUMNS: &str = "place, minute, actor, resource, resource_id, reads, items, first_at, last_at, \
     array_to_string(addresses, ' ') AS addresses";

/// [`ReadStore`] on Postgres.
#[derive(Clone)]
pub struct PgReadStore {
    pool: PgPool,
}

impl PgReadStore {
    /// In this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[derive(FromRow)]
struct Row {
    place: i64,
    minute: DateTime<Utc>,
    actor: String,
    resource: String,
    resource_id: String,
    reads: i64,
    items: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    addresses: String,
}

impl Row {
    fn found(self, workspace: WorkspaceId) -> ReadFound {
        // An address of one host is written with its mask by some versions.
        let address = |text: &str| text.split('/').next().and_then(|text| text.parse::<IpAddr>().ok());
        let entry = ReadEntry {
            workspace,
            minute: self.minute,
            actor: self.actor,
            resource: self.resource,
            id: self.resource_id,
            reads: self.reads.unsigned_abs(),
            items: self.items.unsigned_abs(),
            first_at: self.first_at,
            last_at: self.last_at,
            clients: self.addresses.split_whitespace().filter_map(address).collect(),
        };
        ReadFound { place: self.place.unsigned_abs(), entry }
    }
}

#[async_trait]
impl ReadStore for PgReadStore {
    async fn note(&self, writer: Uuid, entries: &[ReadEntry]) -> Result<(), LogError> {
        let addresses =
            |entry: &ReadEntry| entry.clients.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let query = sqlx::query(NOTE)
            .bind(writer)
            .bind(entries.iter().map(|entry| entry.workspace.uuid()).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.minute).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.actor.as_str()).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.resource.as_str()).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| bigint(entry.reads)).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| bigint(entry.items)).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.first_at).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.last_at).collect::<Vec<_>>())
            .bind(entries.iter().map(addresses).collect::<Vec<_>>());
        query.execute(&self.pool).await.map(drop).map_err(log_error)
    }

    async fn reads(
        &self,
        workspace: WorkspaceId,
        filter: &ReadFilter,
        stretch: Stretch,
    ) -> Result<ReadsFound, LogError> {
        Ok(self.page(workspace, filter, stretch).await?)
    }

    async fn forget(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, LogError> {
        let query = sqlx::query(FORGET).bind(first_place(before)).bind(i64::from(limit));
        Ok(query.execute(&self.pool).await.map_err(log_error)?.rows_affected())
    }
}

impl PgReadStore {
    async fn page(
        &self,
        workspace: WorkspaceId,
        filter: &ReadFilter,
        stretch: Stretch,
    ) -> Result<ReadsFound, Failure> {
        let mut transaction = self.pool.begin_with(BEGIN).await?;
        let (mut low, mut high) = (0, i64::MAX);
        if let Some(from) = filter.seen.from() {
            // The minute it lies in counts.
            low = first_place(from);
        }
        if let Some(until) = filter.seen.until() {
            high = first_place(until + (MINUTE - TimeDelta::microseconds(1))) - 1;
        }
        match stretch.from.map(bigint) {
            Some(from) if stretch.ascending => low = low.max(from.saturating_add(1)),
            Some(from) => high = high.min(from.saturating_sub(1)),
            None => {}
        }
        let tries = filter.resource.is_some() || (filter.actor.is_some() && filter.id.is_some());
        let limit = if tries { TRIED } else { i64::from(stretch.size) + 1 };
        let mut sql = statement(workspace, filter, (low, high), (stretch.ascending, limit));
        let rows: Vec<Row> = sql.build_query_as().persistent(false).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        let edge = rows.last().filter(|_| i64::try_from(rows.len()) == Ok(limit)).map(|row| row.place);
        let fits = |row: &Row| {
            filter.resource.as_ref().is_none_or(|resource| row.resource == *resource)
                && filter.actor.as_ref().is_none_or(|actor| row.actor == *actor)
        };
        let mut entries: Vec<_> = rows.into_iter().filter(fits).map(|row| row.found(workspace)).collect();
        let mut more_from = edge.map(i64::unsigned_abs);
        if entries.len() > stretch.size as usize {
            entries.truncate(stretch.size as usize);
            more_from = entries.last().map(|found| found.place);
        }
        Ok(ReadsFound { entries, more_from })
    }
}

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// The first place of the minute that a time lies in.
fn first_place(time: DateTime<Utc>) -> i64 {
    (time.timestamp().max(0) / 60) << NUMBER_BITS
}

/// The entries that the index of the most telling condition finds; the others are tried on them.
fn statement(
    workspace: WorkspaceId,
    filter: &ReadFilter,
    (low, high): (i64, i64),
    (ascending, limit): (bool, i64),
) -> QueryBuilder<'static, Postgres> {
    let direction = if ascending { "ASC" } else { "DESC" };
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM audit_reads WHERE workspace_id = "));
    sql.push_bind(workspace.uuid());
    match (&filter.id, &filter.actor) {
        // The index leaves out those without.
        (Some(id), _) => {
            sql.push(" AND resource_id <> '' AND resource_id = ").push_bind(id.clone());
        }
        (None, Some(actor)) => {
            sql.push(" AND actor = ").push_bind(actor.clone());
        }
        (None, None) => {}
    }
    sql.push(" AND place >= ").push_bind(low);
    sql.push(" AND place <= ").push_bind(high);
    sql.push(format!(" ORDER BY place {direction} LIMIT ")).push_bind(limit);
    sql
}
