//! Where a replay makes its rows.

use interflow_domain::WorkspaceId;
use sqlx::{PgConnection, PgPool};

use super::{Outcome, head};
use crate::event_log::Replay;
use crate::projections::filling::BEGIN_BATCH;
use crate::projections::generation::{Aside, Purpose, begin, retire, sweep, sweep_generation};
use crate::projections::{Projections, ProjectionsError};
use crate::read_models;
use crate::read_models::definitions::today;

/// Rows of a database that is not the log's have this one.
const ONLY: i32 = 1;

const HAS_A_LOG: &str = "SELECT EXISTS (SELECT FROM heads WHERE workspace_id = $1) \
     OR EXISTS (SELECT FROM events WHERE workspace_id = $1)";
/// Anew, whatever an earlier replay has left, and with a mark of its own: one that is still under way finds another mark, and
/// fails.
const ENTER: &str = "INSERT INTO generations (workspace_id, generation, state, definitions, position, erasures) \
     VALUES ($1, $2, 'filling', $3 || jsonb_build_object('replay', gen_random_uuid()), 0, $4) \
     ON CONFLICT (workspace_id, generation) DO UPDATE SET state = 'filling', definitions = excluded.definitions, \
         position = 0, erasures = excluded.erasures, moved_at = clock_timestamp() \
     RETURNING definitions ->> 'replay'";
const DONE: &str = "UPDATE generations SET state = 'live' \
     WHERE workspace_id = $1 AND generation = $2 AND definitions ->> 'replay' = $3";
const REACHED: &str = "SELECT position FROM generations WHERE workspace_id = $1 AND generation = $2 AND state = $3 \
     AND erasures = $4 AND ($5::text IS NULL OR definitions ->> 'replay' = $5)";
const MOVE: &str = "UPDATE generations SET position = $3, moved_at = clock_timestamp() \
     WHERE workspace_id = $1 AND generation = $2";

/// Where the rows are made, and what they are made with.
pub(super) struct Target {
    pub(super) workspace: WorkspaceId,
    pub(super) generation: i32,
    /// The head's count of erasures when it was begun.
    pub(super) erasures: i64,
    pub(super) pool: PgPool,
    /// The generation aside, where it is one.
    place: Place,
    replay: Replay,
}

/// Of whom the place is.
enum Place {
    /// The log's database has a generation more.
    Aside(Box<Aside>),
    /// Another database has the mark of this replay.
    Elsewhere(String),
}

impl Target {
    /// Begins with nothing in it.
    pub(super) async fn begin(
        projections: &Projections,
        workspace: WorkspaceId,
        erasures: i64,
        into: Option<&PgPool>,
    ) -> Result<Self, ProjectionsError> {
        let replay = projections.log.replay();
        let Some(pool) = into else {
            let pool = projections.pool().clone();
            let aside = begin(&pool, projections.log.replay(), workspace, Purpose::Check).await?;
            let (generation, erasures) = (aside.generation, aside.erasures);
            return Ok(Self {
                workspace,
                generation,
                erasures,
                pool,
                place: Place::Aside(Box::new(aside)),
                replay,
            });
        };
        if sqlx::query_scalar(HAS_A_LOG).bind(workspace.uuid()).fetch_one(pool).await? {
            return Err(ProjectionsError::HasALog(workspace));
        }
        let mut connection = pool.acquire().await?;
        let definitions = today(&mut connection).await?;
        let enter =
            sqlx::query_scalar(ENTER).bind(workspace.uuid()).bind(ONLY).bind(definitions).bind(erasures);
        let mark: String = enter.fetch_one(&mut *connection).await?;
        drop(connection);
        sweep_generation(pool, workspace, ONLY).await?;
        Ok(Self {
            workspace,
            generation: ONLY,
            erasures,
            pool: pool.clone(),
            place: Place::Elsewhere(mark),
            replay,
        })
    }

    /// The state that its entry has while it is filled.
    fn state(&self) -> &'static str {
        match &self.place {
            Place::Aside(_) => Purpose::Check.state(),
            Place::Elsewhere(_) => Purpose::Serve.state(),
        }
    }

    fn mark(&self) -> Option<&str> {
        match &self.place {
            Place::Aside(_) => None,
            Place::Elsewhere(mark) => Some(mark),
        }
    }

    /// Brings it one batch further, and says how far it is. One connection at a time is held.
    pub(super) async fn next_batch(
        &self,
        projections: &Projections,
        until: u64,
    ) -> Result<Outcome<u64>, ProjectionsError> {
        if head(projections.pool(), self.workspace).await?.erasures != self.erasures {
            return Ok(Outcome::Stale);
        }
        let mut connection = self.pool.acquire().await?;
        let reached = self.reached(&mut connection, "").await?;
        drop(connection);
        if reached >= until {
            return Ok(Outcome::Done(reached));
        }
        let missing = u32::try_from(until - reached).unwrap_or(u32::MAX).min(projections.batch);
        let mut log = projections.pool().acquire().await?;
        let events = self.replay.after(&mut log, self.workspace, reached, missing).await?;
        drop(log);
        let Some(last) = events.last().map(|event| event.position) else {
            return Err(ProjectionsError::BeyondHead { head: reached });
        };
        let mut transaction = self.pool.begin_with(BEGIN_BATCH).await?;
        let now = self.reached(&mut transaction, " FOR UPDATE").await?;
        // Another run was here meanwhile.
        if now != reached {
            return Ok(Outcome::Done(now));
        }
        read_models::apply(&mut transaction, self.workspace, self.generation, &events).await?;
        let moved =
            sqlx::query(MOVE).bind(self.workspace.uuid()).bind(self.generation).bind(last.cast_signed());
        moved.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Outcome::Done(last))
    }

    /// How far it is; `lock` is how to lock its entry.
    async fn reached(&self, connection: &mut PgConnection, lock: &str) -> Result<u64, ProjectionsError> {
        let sql = format!("{REACHED}{lock}");
        let query = sqlx::query_scalar(&sql)
            .bind(self.workspace.uuid())
            .bind(self.generation)
            .bind(self.state())
            .bind(self.erasures)
            .bind(self.mark());
        let reached: Option<i64> = query.fetch_optional(connection).await?;
        reached.map(i64::unsigned_abs).ok_or(ProjectionsError::GivenUp)
    }

    /// Aside, everything goes; elsewhere it stays, and says so if it is whole.
    pub(super) async fn end(&self, is_whole: bool) -> Result<(), ProjectionsError> {
        match &self.place {
            Place::Aside(aside) => {
                retire(&self.pool, aside).await?;
                sweep(&self.pool, self.workspace).await
            }
            Place::Elsewhere(_) if !is_whole => Ok(()),
            Place::Elsewhere(mark) => {
                let done = sqlx::query(DONE).bind(self.workspace.uuid()).bind(self.generation).bind(mark);
                Ok(done.execute(&self.pool).await.map(drop)?)
            }
        }
    }
}
