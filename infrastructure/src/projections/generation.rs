//! The life of a generation that is made beside the one in service: begun, or found where another run left it; in the
//! end retired, and its rows deleted in batches.

use std::time::Duration;

use interflow_domain::WorkspaceId;
use sqlx::PgPool;
use uuid::Uuid;

use super::ProjectionsError;
use crate::event_log::Replay;
use crate::read_models::PROJECTIONS;
use crate::read_models::definitions::{Definitions, today};

/// What it is filled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be live.
    Serve,
    /// To be compared with the live one.
    Check,
}

impl Purpose {
    /// Its state while it is filled.
    pub(super) const fn state(self) -> &'static str {
        match self {
            Self::Serve => "filling",
            Self::Check => "checking",
        }
    }
}

/// A generation that this run fills.
pub(super) struct Aside {
    pub(super) workspace: WorkspaceId,
    pub(super) generation: i32,
    pub(super) purpose: Purpose,
    /// The head's count of erasures when the first run began it.
    pub(super) erasures: i64,
    pub(super) replay: Replay,
}

/// Other definitions, or something erased since: what is there must not become live. A verification that has not
/// moved for so long is dead; one that compares holds its entry locked and is passed over.
const RETIRE_LEFTOVERS: &str = "UPDATE generations SET state = 'retired' \
     WHERE (workspace_id, generation) IN (SELECT g.workspace_id, g.generation FROM generations g \
         JOIN heads h USING (workspace_id) WHERE g.workspace_id = $1 \
         AND (g.state = 'filling' AND (g.definitions <> $2 OR g.erasures <> h.erasures) \
              OR g.state = 'checking' AND g.moved_at < clock_timestamp() - interval '2 minutes') \
         FOR UPDATE OF g SKIP LOCKED)";
/// The number is higher than that of any generation that still has rows.
const BEGIN: &str = "INSERT INTO generations (workspace_id, generation, state, definitions, erasures) \
     SELECT h.workspace_id, greatest(h.generation, (SELECT max(g.generation) FROM generations g \
                WHERE g.workspace_id = h.workspace_id)) + 1, $2, $3, h.erasures \
     FROM heads h WHERE h.workspace_id = $1 AND h.position > 0 \
     ON CONFLICT DO NOTHING RETURNING generation, erasures";
const FOUND: &str = "SELECT generation, erasures FROM generations \
     WHERE workspace_id = $1 AND state = 'filling' AND definitions = $2";

/// What an erasure has overtaken, without waiting for a run that holds it: that finds out by itself.
const RETIRE_STALE: &str = "UPDATE generations SET state = 'retired' \
     WHERE (workspace_id, generation) IN (SELECT g.workspace_id, g.generation FROM generations g \
         JOIN heads h USING (workspace_id) WHERE g.workspace_id = $1 AND g.state IN ('filling', 'checking') \
         AND g.erasures <> h.erasures FOR UPDATE OF g SKIP LOCKED)";
const RETIRE: &str = "UPDATE generations SET state = 'retired' WHERE workspace_id = $1 AND generation = $2 AND state <> 'live'";
const RETIRED: &str =
    "SELECT generation FROM generations WHERE workspace_id = $1 AND state = 'retired' ORDER BY generation";
const FORGET: &str =
    "DELETE FROM generations WHERE workspace_id = $1 AND generation = $2 AND state = 'retired'";
/// Rows deleted at a time.
const SWEEP: i64 = 5000;
/// How often to try when others begin a generation at the same moment, or one that is to be retired is in use.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Begins a generation, or finds the rebuild that another run has begun.
pub(super) async fn begin(
    pool: &PgPool,
    replay: Replay,
    workspace: WorkspaceId,
    purpose: Purpose,
) -> Result<Aside, ProjectionsError> {
    let mut connection = pool.acquire().await?;
    let definitions: Definitions = today(&mut connection).await?;
    for _ in 0..ATTEMPTS {
        let retire = sqlx::query(RETIRE_LEFTOVERS).bind(workspace.uuid()).bind(&definitions);
        retire.execute(&mut *connection).await?;
        let begun: Option<(i32, i64)> = sqlx::query_as(BEGIN)
            .bind(workspace.uuid())
            .bind(purpose.state())
            .bind(&definitions)
            .fetch_optional(&mut *connection)
            .await?;
        let found = match (begun, purpose) {
            (None, Purpose::Serve) => {
                let found = sqlx::query_as(FOUND).bind(workspace.uuid()).bind(&definitions);
                found.fetch_optional(&mut *connection).await?
            }
            (begun, _) => begun,
        };
        if let Some((generation, erasures)) = found {
            return Ok(Aside { workspace, generation, purpose, erasures, replay });
        }
        let head = "SELECT FROM heads WHERE workspace_id = $1 AND position > 0";
        if sqlx::query(head).bind(workspace.uuid()).fetch_optional(&mut *connection).await?.is_none() {
            return Err(ProjectionsError::NoWorkspace(workspace));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(ProjectionsError::GivenUp)
}

/// Removes what was made aside before the last erasure: it may show what was erased.
pub(super) async fn forget_stale(pool: &PgPool, workspace: WorkspaceId) -> Result<(), ProjectionsError> {
    sqlx::query(RETIRE_STALE).bind(workspace.uuid()).execute(pool).await?;
    sweep(pool, workspace).await
}

/// Takes a generation out of service, if it is not live.
pub(super) async fn retire(pool: &PgPool, aside: &Aside) -> Result<(), ProjectionsError> {
    let query = sqlx::query(RETIRE).bind(aside.workspace.uuid()).bind(aside.generation);
    Ok(query.execute(pool).await.map(drop)?)
}

/// Deletes the rows of every retired generation of a workspace. What a run that died has left of them is done by the
/// next.
pub(super) async fn sweep(pool: &PgPool, workspace: WorkspaceId) -> Result<(), ProjectionsError> {
    let retired: Vec<i32> = sqlx::query_scalar(RETIRED).bind(workspace.uuid()).fetch_all(pool).await?;
    for generation in retired {
        sweep_generation(pool, workspace, generation).await?;
        sqlx::query(FORGET).bind(workspace.uuid()).bind(generation).execute(pool).await?;
    }
    Ok(())
}

/// Deletes the rows of a generation that no head names.
pub(super) async fn sweep_generation(
    pool: &PgPool,
    workspace: WorkspaceId,
    generation: i32,
) -> Result<(), ProjectionsError> {
    for table in PROJECTIONS.iter().flat_map(|projection| projection.tables) {
        delete_rows(pool, table, workspace.uuid(), generation).await?;
    }
    Ok(())
}

async fn delete_rows(
    pool: &PgPool,
    table: &str,
    workspace: Uuid,
    generation: i32,
) -> Result<(), sqlx::Error> {
    // Whatever the entry says, the generation that the head names stays.
    let sql = format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} \
             WHERE workspace_id = $1 AND generation = $2 LIMIT $3)) \
         AND NOT EXISTS (SELECT FROM heads WHERE workspace_id = $1 AND generation = $2)"
    );
    loop {
        let query = sqlx::query(&sql).bind(workspace).bind(generation).bind(SWEEP);
        if query.execute(pool).await?.rows_affected() == 0 {
            return Ok(());
        }
    }
}
