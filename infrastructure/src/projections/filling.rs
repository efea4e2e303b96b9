//! Filling a generation from the log, a batch a transaction.

use sqlx::{PgConnection, PgPool};

use super::generation::Aside;
use super::{Progress, ProjectionsError, Watch};
use crate::read_models;

/// The bounds and plans of an append ([`event_log`](crate::event_log)), for longer statements. A batch that a crash of
/// the database takes back takes back the position too, so nobody waits for the disk; the commit that changes what is
/// live does, and with it is durable all that came before.
pub(super) const BEGIN_BATCH: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL synchronous_commit = off; \
     SET LOCAL statement_timeout = '5min'; \
     SET LOCAL idle_in_transaction_session_timeout = '1min'; \
     SET LOCAL enable_seqscan = off; \
     SET LOCAL jit = off";
/// How often the head is chased without its lock. Who writes faster than we fill is caught only with it.
const CHASES: u32 = 5;

const HEAD: &str = "SELECT position, generation, erasures FROM heads WHERE workspace_id = $1";
const REACHED: &str = "SELECT position FROM generations \
     WHERE workspace_id = $1 AND generation = $2 AND state = $3 AND erasures = $4 FOR UPDATE";
const MOVE: &str = "UPDATE generations SET position = $3, moved_at = clock_timestamp() \
     WHERE workspace_id = $1 AND generation = $2";

/// What a workspace's head says.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct Head {
    pub(super) position: i64,
    pub(super) generation: i32,
    pub(super) erasures: i64,
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is in.
    Filled(Progress),
    /// It is in, nothing is missing, and the generation is in service.
    Arrived(Progress),
    /// Something was erased since the generation was begun: it may show it still.
    Stale,
    /// The generation is not being filled any more: another run has finished it, or ended it.
    Gone,
}

/// Fills until little is left, without locking the head.
pub(super) async fn chase(
    pool: &PgPool,
    aside: &Aside,
    batch: u32,
    watch: Watch<'_>,
) -> Result<Step, ProjectionsError> {
    let mut told = false;
    let mut goal = None;
    let mut chases = 0;
    loop {
        let mut transaction = pool.begin_with(BEGIN_BATCH).await?;
        let head = head(&mut transaction, aside, "").await?;
        let Some(position) = reached(&mut transaction, aside).await? else { return Ok(Step::Gone) };
        if !told {
            watch(aside.progress(position, head));
            told = true;
        }
        if head.erasures != aside.erasures {
            return Ok(Step::Stale);
        }
        let position = fill(&mut transaction, aside, position, batch).await?;
        transaction.commit().await?;
        let progress = aside.progress(position, head);
        watch(progress);
        if position >= *goal.get_or_insert(head.position) {
            chases += 1;
            goal = None;
        }
        if head.position - position <= i64::from(batch) || chases >= CHASES {
            return Ok(Step::Filled(progress));
        }
    }
}

/// The head of the workspace; `lock` is how to lock it.
pub(super) async fn head(
    connection: &mut PgConnection,
    aside: &Aside,
    lock: &str,
) -> Result<Head, ProjectionsError> {
    let sql = format!("{HEAD}{lock}");
    let head = sqlx::query_as(&sql).bind(aside.workspace.uuid()).fetch_optional(connection).await?;
    head.ok_or(ProjectionsError::NoWorkspace(aside.workspace))
}

/// How far the generation is filled, with its entry locked: nobody else fills it until the transaction ends.
pub(super) async fn reached(
    connection: &mut PgConnection,
    aside: &Aside,
) -> Result<Option<i64>, ProjectionsError> {
    let query = sqlx::query_scalar(REACHED)
        .bind(aside.workspace.uuid())
        .bind(aside.generation)
        .bind(aside.purpose.state())
        .bind(aside.erasures);
    Ok(query.fetch_optional(connection).await?)
}

/// Applies the next events, and says up to which.
pub(super) async fn fill(
    connection: &mut PgConnection,
    aside: &Aside,
    position: i64,
    batch: u32,
) -> Result<i64, ProjectionsError> {
    let events = aside.replay.after(connection, aside.workspace, position.unsigned_abs(), batch).await?;
    let Some(last) = events.last() else { return Ok(position) };
    let position = last.position.cast_signed();
    let applied = read_models::apply(connection, aside.workspace, aside.generation, &events).await;
    applied?;
    let moved = sqlx::query(MOVE).bind(aside.workspace.uuid()).bind(aside.generation).bind(position);
    moved.execute(connection).await?;
    Ok(position)
}

impl Aside {
    pub(super) fn progress(&self, position: i64, head: Head) -> Progress {
        let (position, last) = (position.unsigned_abs(), head.position.unsigned_abs());
        Progress { generation: self.generation, position, head: last.max(position) }
    }
}
