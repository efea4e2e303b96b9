//! The table `webhooks`.

use chrono::{DateTime, Utc};
use interflow_application::webhook::views::WebhookRow;
use interflow_domain::WebhookId;
use interflow_domain::webhook::{Origin, StartFrom};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, named};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "webhooks";
pub(in crate::read_models) const COLUMNS: &str = "id, status, reason, origin, start_position, start_time, created_at, \
     updated_at, version, created_position, activated_position";

const WRITE: &str = "INSERT INTO webhooks (workspace_id, generation, id, status, reason, origin, start_position, \
         start_time, created_at, updated_at, version, created_position, activated_position) \
     SELECT $1, $2, new.* \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[], \
         $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::bigint[]) AS new \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET status = excluded.status, reason = excluded.reason, \
         origin = excluded.origin, start_position = excluded.start_position, start_time = excluded.start_time, \
         created_at = excluded.created_at, updated_at = excluded.updated_at, version = excluded.version, \
         created_position = excluded.created_position, activated_position = excluded.activated_position";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    batch
        .part("webhooks_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.status.as_str()))
        .bind(column(rows, |row| row.view.reason.as_deref()))
        .bind(column(rows, |row| origin_name(row.view.origin)))
        .bind(column(rows, |row| start_position(row.start_from)))
        .bind(column(rows, |row| start_time(row.start_from)))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.updated_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)))
        .bind(column(rows, |row| bigint(row.activated_position)));
}

const fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Api => "api",
        Origin::Environment => "environment",
    }
}

fn start_position(start: StartFrom) -> Option<i64> {
    if let StartFrom::Position { position } = start { Some(bigint(position)) } else { None }
}

const fn start_time(start: StartFrom) -> Option<DateTime<Utc>> {
    if let StartFrom::Time { at } = start { Some(at) } else { None }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<Row, sqlx::Error> {
    let position: Option<i64> = row.try_get("start_position")?;
    let time: Option<DateTime<Utc>> = row.try_get("start_time")?;
    let start_from = match (position, time) {
        (Some(position), _) => StartFrom::Position { position: position.unsigned_abs() },
        (None, Some(at)) => StartFrom::Time { at },
        (None, None) => StartFrom::Now,
    };
    let view = WebhookRow {
        id: WebhookId::new(row.try_get("id")?),
        status: row.try_get("status")?,
        reason: row.try_get("reason")?,
        origin: named(row, "origin")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: count(row, "version")?,
    };
    Ok(Row {
        view,
        start_from,
        created_position: count(row, "created_position")?,
        activated_position: count(row, "activated_position")?,
    })
}
