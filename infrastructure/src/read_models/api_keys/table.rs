//! The table `api_keys`.

use interflow_application::read::ApiKey;
use interflow_domain::KeyId;
use interflow_domain::workspace::KeyOrigin;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, json_text, named, parse};
use crate::read_models::table::Scope;

macro_rules! columns {
    ($more:literal) => {
        concat!(
            "id, name, prefix, scopes, secret_sha256, previous_secret_sha256, origin, expires_at, created_at, \
             rotated_at, previous_until, version, created_position",
            $more
        )
    };
}

pub(in crate::read_models) const TABLE: &str = "api_keys";
pub(in crate::read_models) const COLUMNS: &str = columns!("");
pub(in crate::read_models) const COLUMNS_WITH_USE: &str = columns!(
    ", (SELECT u.last_used_at FROM key_uses u \
         WHERE u.workspace_id = api_keys.workspace_id AND u.key_id = api_keys.id) AS last_used_at"
);

const WRITE: &str = "INSERT INTO api_keys (workspace_id, generation, id, name, prefix, scopes, secret_sha256, \
         previous_secret_sha256, origin, expires_at, created_at, rotated_at, previous_until, version, created_position) \
     SELECT $1, $2, id, name, prefix, ARRAY(SELECT json_array_elements_text(scopes)), secret_sha256, \
         previous_secret_sha256, origin, expires_at, created_at, rotated_at, previous_until, version, created_position \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]::json[], $7::text[], $8::text[], $9::text[], \
         $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::bigint[]) \
         AS new (id, name, prefix, scopes, secret_sha256, previous_secret_sha256, origin, expires_at, created_at, \
             rotated_at, previous_until, version, created_position) \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET name = excluded.name, prefix = excluded.prefix, \
         scopes = excluded.scopes, secret_sha256 = excluded.secret_sha256, \
         previous_secret_sha256 = excluded.previous_secret_sha256, origin = excluded.origin, \
         expires_at = excluded.expires_at, created_at = excluded.created_at, rotated_at = excluded.rotated_at, \
         previous_until = excluded.previous_until, version = excluded.version, \
         created_position = excluded.created_position";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[Row]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let scopes = rows.iter().map(|row| json_text(&row.view.scopes)).collect::<Result<Vec<_>, _>>()?;
    batch
        .part("api_keys_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.name.as_str()))
        .bind(column(rows, |row| row.view.prefix.as_deref()))
        .bind(scopes)
        .bind(column(rows, |row| row.secret_sha256.as_str()))
        .bind(column(rows, |row| row.previous_secret_sha256.as_deref()))
        .bind(column(rows, |row| origin_name(row.view.origin)))
        .bind(column(rows, |row| row.view.expires_at))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.rotated_at))
        .bind(column(rows, |row| row.view.previous_until))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)));
    Ok(())
}

const fn origin_name(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Issued => "issued",
        KeyOrigin::Environment => "environment",
    }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<Row, sqlx::Error> {
    let scopes: Vec<String> = row.try_get("scopes")?;
    let view = ApiKey {
        id: KeyId::new(row.try_get("id")?),
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        scopes: scopes.iter().map(|scope| parse("scopes", scope)).collect::<Result<_, _>>()?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: None,
        created_at: row.try_get("created_at")?,
        rotated_at: row.try_get("rotated_at")?,
        previous_until: row.try_get("previous_until")?,
        origin: named(row, "origin")?,
        version: count(row, "version")?,
    };
    Ok(Row {
        view,
        secret_sha256: row.try_get("secret_sha256")?,
        previous_secret_sha256: row.try_get("previous_secret_sha256")?,
        created_position: count(row, "created_position")?,
    })
}
