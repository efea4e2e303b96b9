//! The table `workspaces`.

use interflow_application::read::Workspace;
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::{MessageRetention, WorkspaceStatus};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, named};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "workspaces";
pub(in crate::read_models) const COLUMNS: &str = "id, slug, name, plan, status, suspended_reason, message_retention_days, created_at, updated_at, version, creation_order";

const WRITE: &str = "INSERT INTO workspaces (workspace_id, generation, id, slug, name, plan, status, \
         suspended_reason, message_retention_days, created_at, updated_at, version, creation_order) \
     SELECT $1, $2, new.* \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], \
         $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::bigint[]) AS new \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET slug = excluded.slug, name = excluded.name, \
         plan = excluded.plan, status = excluded.status, suspended_reason = excluded.suspended_reason, \
         message_retention_days = excluded.message_retention_days, \
         created_at = excluded.created_at, updated_at = excluded.updated_at, version = excluded.version, \
         creation_order = excluded.creation_order";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    batch
        .part("workspaces_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.slug.as_str()))
        .bind(column(rows, |row| row.view.name.as_deref()))
        .bind(column(rows, |row| row.view.plan.name()))
        .bind(column(rows, |row| status_name(row.view.status)))
        .bind(column(rows, |row| row.view.suspended_reason.as_deref()))
        .bind(column(rows, |row| row.view.message_retention.map(|retention| i32::from(retention.days()))))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.updated_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| row.creation_order));
}

const fn status_name(status: WorkspaceStatus) -> &'static str {
    match status {
        WorkspaceStatus::Active => "active",
        WorkspaceStatus::Suspended => "suspended",
    }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<Row, sqlx::Error> {
    let view = Workspace {
        id: WorkspaceId::new(row.try_get("id")?),
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        plan: named(row, "plan")?,
        status: named(row, "status")?,
        suspended_reason: row.try_get("suspended_reason")?,
        message_retention: retention(row)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: count(row, "version")?,
    };
    Ok(Row { view, creation_order: row.try_get("creation_order")? })
}

pub(in crate::read_models) fn retention(row: &PgRow) -> Result<Option<MessageRetention>, sqlx::Error> {
    let days: Option<i32> = row.try_get("message_retention_days")?;
    let days = days.map(|days| u16::try_from(days).map_err(|_| unknown()));
    days.transpose()?.map(|days| MessageRetention::try_new(days).map_err(|_| unknown())).transpose()
}

/// What is stored is not what this build writes.
fn unknown() -> sqlx::Error {
    let why = "the stored value is none of those that are known".into();
    sqlx::Error::ColumnDecode { index: "message_retention_days".to_owned(), source: why }
}
