//! Telling what a replay came to: every row as a line of JSON, the same bytes for the same moment.

use std::io;

use futures::TryStreamExt;
use interflow_domain::WorkspaceId;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Row};

use super::target::Target;
use crate::projections::{PROJECTIONS, ProjectionsError};

/// One snapshot for all tables, and times in one form whatever the server's settings are.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL statement_timeout = 0; SET LOCAL jit = off";
/// All columns but the generation, which says how often rows were made.
const COLUMNS: &str = "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute \
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'generation'";

/// Is told what a replay came to, line by line.
pub trait Export: Send {
    /// Forgets what it was told: it is told all of it again.
    fn begin(&mut self) -> io::Result<()>;
    /// A line, without its end.
    fn line(&mut self, line: &str) -> io::Result<()>;
}

/// What was told.
pub(super) struct Told {
    pub(super) tables: Vec<(&'static str, u64)>,
    pub(super) sha256: String,
}

#[derive(Serialize)]
struct Header {
    replay: Moment,
}

#[derive(Serialize)]
struct Moment {
    workspace: WorkspaceId,
    position: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    table: &'static str,
    row: &'a RawValue,
}

/// By which a file that was cut short is known.
#[derive(Serialize)]
struct Trailer<'a> {
    end: End<'a>,
}

#[derive(Serialize)]
struct End<'a> {
    rows: u64,
    /// Of all lines before, each with its end.
    sha256: &'a str,
}

/// Tells every row of the target, by table and id.
pub(super) async fn tell(
    target: &Target,
    position: u64,
    mut export: Option<&mut dyn Export>,
) -> Result<Told, ProjectionsError> {
    if let Some(export) = &mut export {
        export.begin()?;
    }
    let mut teller = Teller { hash: Sha256::new(), export };
    teller.tell(&Header { replay: Moment { workspace: target.workspace, position } })?;
    let mut transaction = begin(&target.pool).await?;
    let mut tables = vec![];
    for table in PROJECTIONS.into_iter().flat_map(|projection| projection.tables).copied() {
        let rows = rows_sql(&mut transaction, table).await?;
        let mut stream =
            sqlx::query(&rows).bind(target.workspace.uuid()).bind(target.generation).fetch(&mut *transaction);
        let mut count = 0;
        while let Some(row) = stream.try_next().await? {
            let text: String = row.try_get("entry")?;
            let row = RawValue::from_string(text).map_err(io::Error::other)?;
            teller.tell(&Line { table, row: &row })?;
            count += 1;
        }
        tables.push((table, count));
    }
    transaction.rollback().await?;
    let sha256 = hex::encode(teller.hash.finalize());
    let rows = tables.iter().map(|(_, rows)| rows).sum();
    if let Some(export) = &mut teller.export {
        export.line(&line(&Trailer { end: End { rows, sha256: &sha256 } })?)?;
    }
    Ok(Told { tables, sha256 })
}

pub(super) async fn begin(
    pool: &PgPool,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, ProjectionsError> {
    Ok(pool.begin_with(BEGIN).await?)
}

/// The statement that gives the rows of a workspace, `$1`, and a generation, `$2`, as JSON and by their ids.
pub(super) async fn rows_sql(connection: &mut PgConnection, table: &str) -> Result<String, ProjectionsError> {
    let columns: String = sqlx::query_scalar(COLUMNS).bind(table).fetch_one(connection).await?;
    Ok(format!(
        "SELECT id, row_to_json(entry)::text AS entry FROM (SELECT {columns} FROM {table} \
             WHERE workspace_id = $1 AND generation = $2 ORDER BY id) AS entry"
    ))
}

struct Teller<'a> {
    hash: Sha256,
    export: Option<&'a mut dyn Export>,
}

impl Teller<'_> {
    fn tell(&mut self, what: &impl Serialize) -> Result<(), ProjectionsError> {
        let line = line(what)?;
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        if let Some(export) = &mut self.export {
            export.line(&line)?;
        }
        Ok(())
    }
}

fn line(what: &impl Serialize) -> io::Result<String> {
    serde_json::to_string(what).map_err(io::Error::other)
}
