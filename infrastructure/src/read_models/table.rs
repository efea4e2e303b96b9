//! What every table of the read models has in common: rows are found and deleted by workspace, generation and id.

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::batch::Batch;

/// Whose rows, of which generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) workspace: Uuid,
    pub(super) generation: i32,
}

/// The rows with these ids, in one statement; none for none.
pub(super) async fn load<R>(
    connection: &mut PgConnection,
    scope: Scope,
    (table, columns): (&str, &str),
    ids: &[Uuid],
    decode: impl Fn(&PgRow) -> Result<R, sqlx::Error>,
) -> Result<Vec<R>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    // Row by row, and asked for as the first that is not before it: only the primary key has that order. Equality
    // would fit every index, and a planner that has not seen the table yet takes the smallest.
    let sql = format!(
        "SELECT t.* FROM unnest($3::uuid[]) AS wanted(key), LATERAL (SELECT {columns} FROM {table} r \
             WHERE r.workspace_id = $1 AND r.generation = $2 AND r.id >= wanted.key ORDER BY r.id LIMIT 1) t \
         WHERE t.id = wanted.key"
    );
    let query = sqlx::query(&sql).bind(scope.workspace).bind(scope.generation).bind(ids);
    query.fetch_all(connection).await?.iter().map(decode).collect()
}

/// Deletes the rows with these ids, in one statement; none for none.
pub(super) fn delete(batch: &mut Batch, scope: Scope, table: &str, ids: &[Uuid]) {
    if !ids.is_empty() {
        let sql = format!(
            "DELETE FROM {table} WHERE workspace_id = $1 AND generation = $2 AND id = ANY($3) AND {{held}}"
        );
        let part = batch.part(&format!("{table}_gone"), &sql);
        part.bind(scope.workspace).bind(scope.generation).bind(ids.to_vec());
    }
}
