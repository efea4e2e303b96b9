//! The table `customers`.

use interflow_application::read::Customer;
use interflow_domain::CustomerId;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Row;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, json, json_text};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "customers";
pub(in crate::read_models) const COLUMNS: &str = "id, name, email, phone, lid, external_id, tags, attributes, \
     created_at, updated_at, version, created_position";

const WRITE: &str = "INSERT INTO customers (workspace_id, generation, id, name, email, phone, lid, external_id, \
         tags, attributes, created_at, updated_at, version, created_position) \
     SELECT $1, $2, id, name, email, phone, lid, external_id, \
         ARRAY(SELECT json_array_elements_text(tags)), attributes, created_at, updated_at, version, created_position \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]::json[], \
         $10::text[]::json[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::bigint[]) \
         AS new (id, name, email, phone, lid, external_id, tags, attributes, created_at, updated_at, version, \
             created_position) \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET name = excluded.name, email = excluded.email, \
         phone = excluded.phone, lid = excluded.lid, external_id = excluded.external_id, tags = excluded.tags, \
         attributes = excluded.attributes, created_at = excluded.created_at, updated_at = excluded.updated_at, \
         version = excluded.version, created_position = excluded.created_position";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[Row]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut tags = Vec::with_capacity(rows.len());
    let mut attributes = Vec::with_capacity(rows.len());
    for Row { view, .. } in rows {
        tags.push(json_text(&view.tags)?);
        attributes.push((!view.attributes.is_empty()).then(|| json_text(&view.attributes)).transpose()?);
    }
    batch
        .part("customers_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.name.as_deref()))
        .bind(column(rows, |row| row.view.email.as_deref()))
        .bind(column(rows, |row| row.view.phone.as_deref()))
        .bind(column(rows, |row| row.view.lid.as_deref()))
        .bind(column(rows, |row| row.view.external_id.as_deref()))
        .bind(tags)
        .bind(attributes)
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.updated_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)));
    Ok(())
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<Row, sqlx::Error> {
    let view = Customer {
        id: CustomerId::new(row.try_get("id")?),
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        phone: row.try_get("phone")?,
        lid: row.try_get("lid")?,
        external_id: row.try_get("external_id")?,
        tags: row.try_get("tags")?,
        attributes: json(row, "attributes")?.unwrap_or_default(),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: count(row, "version")?,
    };
    Ok(Row { view, created_position: count(row, "created_position")? })
}
