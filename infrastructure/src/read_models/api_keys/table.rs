//! The table `api_keys`.

use interflow_application::read::ApiKey;
use interflow_domain::workspace::KeyOrigin;
use interflow_domain::{KeyId, WorkspaceId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, json_text, parse};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "api_keys";
pub(in crate::read_models) const COLUMNS: &str = "workspace_id, id, scopes, expires_at";

const WRITE: &str = "INSERT INTO api_keys (workspace_id, generation, id, name, scopes, secret_sha256, origin, \
         expires_at, created_at, version, created_position) \
     SELECT $1, $2, id, name, ARRAY(SELECT json_array_elements_text(scopes)), secret_sha256, origin, \
         expires_at, created_at, version, created_position \
     FROM unnest($3::uuid[], $4::text[], $5::text[]::json[], $6::text[], $7::text[], \
         $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::bigint[]) \
         AS new (id, name, scopes, secret_sha256, origin, expires_at, created_at, version, created_position) \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET name = excluded.name, scopes = excluded.scopes, \
         secret_sha256 = excluded.secret_sha256, origin = excluded.origin, expires_at = excluded.expires_at, \
         created_at = excluded.created_at, version = excluded.version, \
         created_position = excluded.created_position";

pub(super) fn write(batch: &mut Batch, scope: Scope, rows: &[Row]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let scopes = rows.iter().map(|row| json_text(&row.view.scopes)).collect::<Result<Vec<_>, _>>()?;
    batch
        .part("api_keys_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.name.as_str()))
        .bind(scopes)
        .bind(column(rows, |row| row.secret_sha256.as_str()))
        .bind(column(rows, |row| origin_name(row.origin)))
        .bind(column(rows, |row| row.view.expires_at))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| bigint(row.version)))
        .bind(column(rows, |row| bigint(row.created_position)));
    Ok(())
}

const fn origin_name(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Issued => "issued",
        KeyOrigin::Environment => "environment",
    }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<ApiKey, sqlx::Error> {
    let scopes: Vec<String> = row.try_get("scopes")?;
    Ok(ApiKey {
        id: KeyId::new(row.try_get("id")?),
        workspace: WorkspaceId::new(row.try_get("workspace_id")?),
        scopes: scopes.iter().map(|scope| parse("scopes", scope)).collect::<Result<_, _>>()?,
        expires_at: row.try_get("expires_at")?,
    })
}
