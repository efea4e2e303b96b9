//! What every table of the read models has in common: rows are found and deleted by workspace, generation and id.

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

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
    let sql =
        format!("SELECT {columns} FROM {table} WHERE workspace_id = $1 AND generation = $2 AND id = ANY($3)");
    let query = sqlx::query(&sql).bind(scope.workspace).bind(scope.generation).bind(ids);
    query.fetch_all(connection).await?.iter().map(decode).collect()
}

/// Deletes the rows with these ids, in one statement; none for none.
pub(super) async fn delete(
    connection: &mut PgConnection,
    scope: Scope,
    table: &str,
    ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = format!("DELETE FROM {table} WHERE workspace_id = $1 AND generation = $2 AND id = ANY($3)");
    let query = sqlx::query(&sql).bind(scope.workspace).bind(scope.generation).bind(ids);
    query.execute(connection).await.map(drop)
}
