//! What every table of the read models has in common: rows are found and deleted by workspace, generation and id.
//!
//! A writer that knows its workspace's head remembers the rows it wrote last ([`RowCache`]): as long as the head says
//! the same, they are what a statement would find. Whoever changes rows otherwise than by an append moves the head or
//! its count of erasures.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::batch::Batch;
use crate::recent::{Budget, Recent};

/// Whose rows, of which generation.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) workspace: Uuid,
    pub(super) generation: i32,
    /// What is known of the rows, where anything is.
    pub(super) cache: Option<&'a RowCache>,
}

/// Rows of one workspace and generation, as they will be once what was folded so far is written.
pub(crate) struct RowCache(Mutex<Remembered>);

type Remembered = Recent<(&'static str, Uuid), Box<dyn Any + Send>>;

impl RowCache {
    pub(crate) fn new(budget: Budget) -> Self {
        Self(Mutex::new(Recent::new(budget)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Remembered) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a row out, to be changed and remembered again.
    fn take<R: 'static>(&self, table: &'static str, id: Uuid) -> Option<R> {
        let row = self.with(|rows| rows.remove(&(table, id)))?;
        row.downcast().ok().map(|row| *row)
    }
}

impl Scope<'_> {
    /// Remembers what was folded, if anybody wants to know: the rows, with their ids and the bytes they hold.
    pub(super) fn remember<R: Send + 'static>(
        self,
        table: &'static str,
        rows: Vec<R>,
        describe: impl Fn(&R) -> (Uuid, usize),
    ) {
        let Some(cache) = self.cache else { return };
        cache.with(|remembered| {
            for row in rows {
                let (id, bytes) = describe(&row);
                remembered.insert((table, id), Box::new(row), bytes + size_of::<R>());
            }
        });
    }
}

/// The rows with these ids, as they are remembered or in one statement; none for none.
pub(super) async fn load<R: 'static>(
    connection: &mut PgConnection,
    scope: Scope<'_>,
    (table, columns): (&'static str, &str),
    ids: &[Uuid],
    decode: impl Fn(&PgRow) -> Result<R, sqlx::Error>,
) -> Result<Vec<R>, sqlx::Error> {
    let (mut rows, mut unknown) = (Vec::with_capacity(ids.len()), vec![]);
    for id in ids {
        match scope.cache.and_then(|cache| cache.take(table, *id)) {
            Some(row) => rows.push(row),
            None => unknown.push(*id),
        }
    }
    if unknown.is_empty() {
        return Ok(rows);
    }
    // Row by row, and asked for as the first that is not before it: only the primary key has that order. Equality
    // would fit every index, and a planner that has not seen the table yet takes the smallest.
    let sql = format!(
        "SELECT t.* FROM unnest($3::uuid[]) AS wanted(key), LATERAL (SELECT {columns} FROM {table} r \
             WHERE r.workspace_id = $1 AND r.generation = $2 AND r.id >= wanted.key ORDER BY r.id LIMIT 1) t \
         WHERE t.id = wanted.key"
    );
    let query = sqlx::query(&sql).bind(scope.workspace).bind(scope.generation).bind(unknown);
    for row in query.fetch_all(connection).await? {
        rows.push(decode(&row)?);
    }
    Ok(rows)
}

/// Deletes the rows with these ids, in one statement; none for none.
pub(super) fn delete(batch: &mut Batch, scope: Scope<'_>, table: &str, ids: &[Uuid]) {
    if !ids.is_empty() {
        let sql = format!(
            "DELETE FROM {table} WHERE workspace_id = $1 AND generation = $2 AND id = ANY($3) AND {{held}}"
        );
        let part = batch.part(&format!("{table}_gone"), &sql);
        part.bind(scope.workspace).bind(scope.generation).bind(ids.to_vec());
    }
}
