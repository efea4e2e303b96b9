//! The table `channels`.

use interflow_application::read::{Channel, Disconnect};
use interflow_domain::InstanceId;
use interflow_domain::instance::ConnectionStatus;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, named};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "channels";
pub(in crate::read_models) const COLUMNS: &str = "id, name, status, linked, phone, profile_name, \
     last_disconnect_reason, last_disconnect_at, created_at, updated_at, version, created_position";

const WRITE: &str = "INSERT INTO channels (workspace_id, generation, id, name, status, linked, phone, profile_name, \
         last_disconnect_reason, last_disconnect_at, created_at, updated_at, version, created_position) \
     SELECT $1, $2, new.* \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::text[], \
         $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::bigint[]) AS new \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET name = excluded.name, status = excluded.status, \
         linked = excluded.linked, phone = excluded.phone, profile_name = excluded.profile_name, \
         last_disconnect_reason = excluded.last_disconnect_reason, \
         last_disconnect_at = excluded.last_disconnect_at, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, version = excluded.version, \
         created_position = excluded.created_position";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[Row]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    batch
        .part("channels_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.name.as_str()))
        .bind(column(rows, |row| status_name(row.view.status)))
        .bind(column(rows, |row| row.view.linked))
        .bind(column(rows, |row| row.view.phone.as_deref()))
        .bind(column(rows, |row| row.view.profile_name.as_deref()))
        .bind(column(rows, |row| row.view.last_disconnect.as_ref().map(|end| end.reason.as_str())))
        .bind(column(rows, |row| row.view.last_disconnect.as_ref().map(|end| end.at)))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.updated_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)));
    Ok(())
}

const fn status_name(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Close => "close",
        ConnectionStatus::Connecting => "connecting",
        ConnectionStatus::Open => "open",
    }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<Row, sqlx::Error> {
    let reason: Option<String> = row.try_get("last_disconnect_reason")?;
    let at = row.try_get("last_disconnect_at")?;
    let view = Channel {
        id: InstanceId::new(row.try_get("id")?),
        name: row.try_get("name")?,
        status: named(row, "status")?,
        linked: row.try_get("linked")?,
        phone: row.try_get("phone")?,
        profile_name: row.try_get("profile_name")?,
        last_disconnect: reason.zip(at).map(|(reason, at)| Disconnect { reason, at }),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: count(row, "version")?,
    };
    Ok(Row { view, created_position: count(row, "created_position")? })
}
