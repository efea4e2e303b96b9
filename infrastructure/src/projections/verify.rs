//! Comparing the rows in service with what the log amounts to.

use futures::TryStreamExt;
use interflow_domain::WorkspaceId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::filling::{Step, chase, fill, head, reached};
use super::generation::{Aside, Purpose, begin, retire, sweep};
use super::{PROJECTIONS, Projection, Projections, ProjectionsError, Watch};

/// One snapshot for everything. What it writes, nobody else does, and it is rolled back.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; \
     SET LOCAL idle_in_transaction_session_timeout = '5min'; \
     SET LOCAL enable_seqscan = off; \
     SET LOCAL jit = off";
/// Everything that is not the key. `json` knows no equality, and its text is what must be the same.
const COLUMNS: &str = "SELECT attname::text, atttypid = 'json'::regtype FROM pg_attribute \
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped \
     AND attname NOT IN ('workspace_id', 'generation', 'id') ORDER BY attnum";

/// How often a verification begins again because personal data was erased meanwhile.
const ATTEMPTS: u32 = 20;

/// A row that is not what the log amounts to. Says which and where, and no value: values are personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The projection.
    pub projection: &'static str,
    /// Its table.
    pub table: &'static str,
    /// The row.
    pub id: Uuid,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It must be there, and is not.
    Missing,
    /// It is there, and must not be.
    Superfluous,
    /// These columns hold something else.
    Differs(Vec<String>),
}

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The generation in service.
    pub generation: i32,
    /// The last event at the moment of which it was compared.
    pub position: u64,
    /// How many rows there must be.
    pub rows: u64,
    /// How many differ.
    pub differences: u64,
}

impl Projections {
    /// Compares the rows of a workspace, or those of one of its projections, with what the log amounts to, while they
    /// are written and read. Every row that differs is told as it is found.
    pub async fn verify(
        &self,
        workspace: WorkspaceId,
        only: Option<Projection>,
        watch: Watch<'_>,
        found: &mut (dyn FnMut(Difference) + Send),
    ) -> Result<Verified, ProjectionsError> {
        let pool = self.pool();
        for _ in 0..ATTEMPTS {
            let aside = begin(pool, self.log.replay(), workspace, Purpose::Check).await?;
            let verified = async {
                match chase(pool, &aside, self.batch, watch).await? {
                    Step::Filled(_) => self.compare(&aside, only, watch, found).await,
                    Step::Arrived(_) | Step::Stale | Step::Gone => Ok(None),
                }
            };
            let verified = verified.await;
            // Also after a failure, as far as that lets us: what is left, the next run removes.
            let retired = retire(pool, &aside).await;
            let swept = sweep(pool, workspace).await;
            if let Some(verified) = verified? {
                retired.and(swept)?;
                return Ok(verified);
            }
        }
        Err(ProjectionsError::GivenUp)
    }

    async fn compare(
        &self,
        aside: &Aside,
        only: Option<Projection>,
        watch: Watch<'_>,
        found: &mut (dyn FnMut(Difference) + Send),
    ) -> Result<Option<Verified>, ProjectionsError> {
        let mut transaction = self.pool().begin_with(BEGIN).await?;
        let Some(mut position) = reached(&mut transaction, aside).await? else { return Ok(None) };
        let head = head(&mut transaction, aside, "").await?;
        if head.erasures != aside.erasures {
            return Ok(None);
        }
        while position < head.position {
            position = fill(&mut transaction, aside, position, self.batch).await?;
            watch(aside.progress(position, head));
        }
        sqlx::query("SET LOCAL enable_seqscan = on").execute(&mut *transaction).await?;
        let mut verified = Verified {
            generation: head.generation,
            position: head.position.unsigned_abs(),
            rows: 0,
            differences: 0,
        };
        for projection in PROJECTIONS.into_iter().filter(|one| only.is_none_or(|only| only == *one)) {
            for table in projection.tables {
                verified.rows += count(&mut transaction, table, aside).await?;
                let mut tell = |difference| {
                    verified.differences += 1;
                    found(difference);
                };
                differences(&mut transaction, projection.name, table, aside, head.generation, &mut tell)
                    .await?;
            }
        }
        transaction.rollback().await?;
        Ok(Some(verified))
    }
}

async fn count(connection: &mut PgConnection, table: &str, aside: &Aside) -> Result<u64, ProjectionsError> {
    let sql = format!("SELECT count(*) FROM {table} WHERE workspace_id = $1 AND generation = $2");
    let query = sqlx::query_scalar(&sql).bind(aside.workspace.uuid()).bind(aside.generation);
    let rows: i64 = query.fetch_one(connection).await?;
    Ok(rows.unsigned_abs())
}

/// Tells every row of a table that differs between the generation made aside and the live one.
async fn differences(
    connection: &mut PgConnection,
    projection: &'static str,
    table: &'static str,
    aside: &Aside,
    live: i32,
    tell: &mut (dyn FnMut(Difference) + Send),
) -> Result<(), ProjectionsError> {
    let columns: Vec<(String, bool)> =
        sqlx::query_as(COLUMNS).bind(table).fetch_all(&mut *connection).await?;
    let differing = |(name, is_json): &(String, bool)| {
        let cast = if *is_json { "::text" } else { "" };
        format!("CASE WHEN live.\"{name}\"{cast} IS DISTINCT FROM made.\"{name}\"{cast} THEN '{name}' END")
    };
    let differing: Vec<_> = columns.iter().map(differing).collect();
    let sql = format!(
        "SELECT * FROM (SELECT id, live.generation IS NULL AS missing, made.generation IS NULL AS superfluous, \
                 array_remove(ARRAY[{}]::text[], NULL) AS columns \
             FROM (SELECT * FROM {table} WHERE workspace_id = $1 AND generation = $2) AS live \
             FULL JOIN (SELECT * FROM {table} WHERE workspace_id = $1 AND generation = $3) AS made USING (id)) AS pair \
         WHERE missing OR superfluous OR cardinality(columns) > 0 ORDER BY id",
        differing.join(", ")
    );
    let query = sqlx::query(&sql).bind(aside.workspace.uuid()).bind(live).bind(aside.generation);
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let (id, fault) = fault(&row)?;
        tell(Difference { projection, table, id, fault });
    }
    Ok(())
}

fn fault(row: &PgRow) -> Result<(Uuid, Fault), sqlx::Error> {
    let fault = if row.try_get("missing")? {
        Fault::Missing
    } else if row.try_get("superfluous")? {
        Fault::Superfluous
    } else {
        Fault::Differs(row.try_get("columns")?)
    };
    Ok((row.try_get("id")?, fault))
}
