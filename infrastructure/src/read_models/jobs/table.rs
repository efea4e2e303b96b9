//! The table `jobs`.

use interflow_application::read::{Job, Progress};
use interflow_domain::{InstanceId, JobId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, named};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "jobs";
pub(in crate::read_models) const COLUMNS: &str = "id, kind, status, instance_id, items, accepted, rejected, takes_items, \
     queued, sent, delivered, read, failed, cancelled, created_at, expires_at, finished_at, version, \
     created_position, touched_position";

const WRITE: &str = "INSERT INTO jobs (workspace_id, generation, id, kind, status, instance_id, items, accepted, \
         rejected, takes_items, queued, sent, delivered, read, failed, cancelled, created_at, expires_at, \
         finished_at, version, created_position, touched_position) \
     SELECT $1, $2, new.* \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::integer[], $8::integer[], $9::integer[], \
         $10::boolean[], $11::integer[], $12::integer[], $13::integer[], $14::integer[], $15::integer[], \
         $16::integer[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::bigint[], \
         $21::bigint[], $22::bigint[]) AS new \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET status = excluded.status, \
         accepted = excluded.accepted, rejected = excluded.rejected, takes_items = excluded.takes_items, \
         queued = excluded.queued, sent = excluded.sent, delivered = excluded.delivered, read = excluded.read, \
         failed = excluded.failed, cancelled = excluded.cancelled, finished_at = excluded.finished_at, \
         version = excluded.version, touched_position = excluded.touched_position";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[Row]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    batch
        .part("jobs_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.kind.name()))
        .bind(column(rows, |row| row.view.status.name()))
        .bind(column(rows, |row| row.view.instance.map(InstanceId::uuid)))
        .bind(column(rows, |row| integer(row.view.total)))
        .bind(column(rows, |row| integer(row.view.accepted)))
        .bind(column(rows, |row| integer(row.view.rejected)))
        .bind(column(rows, |row| row.view.takes_items))
        .bind(column(rows, |row| integer(row.view.progress.queued)))
        .bind(column(rows, |row| integer(row.view.progress.sent)))
        .bind(column(rows, |row| integer(row.view.progress.delivered)))
        .bind(column(rows, |row| integer(row.view.progress.read)))
        .bind(column(rows, |row| integer(row.view.progress.failed)))
        .bind(column(rows, |row| integer(row.view.progress.cancelled)))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.expires_at))
        .bind(column(rows, |row| row.view.finished_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)))
        .bind(column(rows, |row| bigint(row.view.touched)));
    Ok(())
}

fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<Row, sqlx::Error> {
    let number = |name: &str| row.try_get::<i32, _>(name).map(i32::unsigned_abs);
    let view = Job {
        id: JobId::new(row.try_get("id")?),
        kind: named(row, "kind")?,
        status: named(row, "status")?,
        instance: row.try_get::<Option<Uuid>, _>("instance_id")?.map(InstanceId::new),
        total: number("items")?,
        accepted: number("accepted")?,
        rejected: number("rejected")?,
        takes_items: row.try_get("takes_items")?,
        progress: Progress {
            queued: number("queued")?,
            sent: number("sent")?,
            delivered: number("delivered")?,
            read: number("read")?,
            failed: number("failed")?,
            cancelled: number("cancelled")?,
        },
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        finished_at: row.try_get("finished_at")?,
        version: count(row, "version")?,
        touched: count(row, "touched_position")?,
    };
    Ok(Row { view, created_position: count(row, "created_position")? })
}
