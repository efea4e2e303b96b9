//! Making the rows of a workspace again, and putting them into service.

use interflow_domain::WorkspaceId;

use super::filling::{Step, chase, fill, head, reached};
use super::generation::{Aside, Purpose, begin, retire, sweep};
use super::{Progress, Projections, ProjectionsError, Watch};

/// Writers wait as long as this lasts, so it is short; who holds the head for longer than its bound holds up appends
/// too.
const BEGIN_LAST: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL lock_timeout = '10s'; \
     SET LOCAL statement_timeout = '30s'; \
     SET LOCAL idle_in_transaction_session_timeout = '15s'; \
     SET LOCAL enable_seqscan = off; \
     SET LOCAL jit = off";
const RETIRE_OLD: &str =
    "UPDATE generations SET state = 'retired' WHERE workspace_id = $1 AND generation = $2 AND state = 'live'";
const GO_LIVE: &str = "UPDATE generations SET state = 'live' WHERE workspace_id = $1 AND generation = $2";
const FLIP: &str = "UPDATE heads SET generation = $2 WHERE workspace_id = $1";
const IS_LIVE: &str = "SELECT position FROM heads WHERE workspace_id = $1 AND generation = $2";

/// How often a rebuild begins again because personal data was erased meanwhile.
const ATTEMPTS: u32 = 20;

/// A generation that is in service now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// Which.
    pub generation: i32,
    /// The last event that was in it when it went into service.
    pub position: u64,
}

impl Projections {
    /// Makes all rows of a workspace again from its log, while the old ones serve, and puts them into service.
    ///
    /// Goes on where a run that died has stopped. A run at the same time, also of another process, takes turns with
    /// this one.
    pub async fn rebuild(
        &self,
        workspace: WorkspaceId,
        watch: Watch<'_>,
    ) -> Result<Rebuilt, ProjectionsError> {
        let pool = self.pool();
        for _ in 0..ATTEMPTS {
            let aside = begin(pool, self.log.replay(), workspace, Purpose::Serve).await?;
            let mut step = chase(pool, &aside, self.batch, watch).await?;
            while let Step::Filled(_) = step {
                step = self.last_batch(&aside).await?;
                if let Step::Filled(progress) | Step::Arrived(progress) = step {
                    watch(progress);
                }
            }
            let rebuilt = match step {
                Step::Arrived(Progress { generation, position, .. }) => {
                    Some(Rebuilt { generation, position })
                }
                Step::Gone => self.if_live(&aside).await?,
                Step::Stale | Step::Filled(_) => None,
            };
            if rebuilt.is_none() {
                retire(pool, &aside).await?;
            }
            sweep(pool, workspace).await?;
            if let Some(rebuilt) = rebuilt {
                return Ok(rebuilt);
            }
        }
        Err(ProjectionsError::GivenUp)
    }

    /// A batch with the head locked. The one that arrives at the head puts the generation into service.
    async fn last_batch(&self, aside: &Aside) -> Result<Step, ProjectionsError> {
        let mut transaction = self.pool().begin_with(BEGIN_LAST).await?;
        let head = head(&mut transaction, aside, " FOR UPDATE").await?;
        let Some(position) = reached(&mut transaction, aside).await? else { return Ok(Step::Gone) };
        if head.erasures != aside.erasures {
            return Ok(Step::Stale);
        }
        let position = fill(&mut transaction, aside, position, self.batch).await?;
        let progress = aside.progress(position, head);
        if position < head.position {
            transaction.commit().await?;
            return Ok(Step::Filled(progress));
        }
        let (workspace, generation) = (aside.workspace.uuid(), aside.generation);
        for (sql, generation) in [(RETIRE_OLD, head.generation), (GO_LIVE, generation), (FLIP, generation)] {
            sqlx::query(sql).bind(workspace).bind(generation).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(Step::Arrived(progress))
    }

    /// What another run has finished of what this one was filling.
    async fn if_live(&self, aside: &Aside) -> Result<Option<Rebuilt>, ProjectionsError> {
        let head = sqlx::query_scalar(IS_LIVE).bind(aside.workspace.uuid()).bind(aside.generation);
        let position: Option<i64> = head.fetch_optional(self.pool()).await?;
        let rebuilt =
            |position: i64| Rebuilt { generation: aside.generation, position: position.unsigned_abs() };
        Ok(position.map(rebuilt))
    }
}
