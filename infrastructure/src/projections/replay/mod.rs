//! Making the read models of any moment again, in a place of their own.
//!
//! # The story of a replay
//! The [`Target`] is another database, or a generation beside the one in service that goes away afterwards. It is filled
//! from the log up to a position, a batch a transaction, by the same code as an append; its entry says how far it is, in the
//! transaction that got it there. So when a connection is lost, to either database, the replay [goes on](FILL) from what is
//! durable, or fails and says so: an end that is not where it must be is never taken for one. What came of it is told row by
//! row ([`export`]), in an order that is always the same and with a hash over all of it: two replays of the same moment are
//! the same bytes. If the moment is the present, the rows are compared with those that serve ([`compare`]).
//!
//! When something is erased meanwhile, it begins anew: what it has made may show what is gone.

mod compare;
mod export;
mod target;

use std::time::Duration;

use interflow_application::log::LogError;
use interflow_domain::WorkspaceId;
use sqlx::PgPool;

use super::filling::Head;
use super::{Difference, Progress, Projections, ProjectionsError, Watch};
pub use export::Export;
use target::Target;

/// How often in a row a step is tried again that failed because a database was away: for some ten seconds.
const FILL: u32 = 6;
const PAUSE: Duration = Duration::from_millis(150);
/// How often a replay begins anew because personal data was erased meanwhile.
const ATTEMPTS: u32 = 20;

const HEAD: &str =
    "SELECT position, generation, erasures FROM heads WHERE workspace_id = $1 AND position > 0";

/// What to replay, and to where.
pub struct ReplayOrder<'a> {
    /// Whose log.
    pub workspace: WorkspaceId,
    /// Up to which event; to the last when absent.
    pub until: Option<u64>,
    /// Into which database, whose schema is up to date; aside, and thrown away afterwards, when absent.
    pub into: Option<&'a PgPool>,
    /// Who is told every row.
    pub export: Option<&'a mut dyn Export>,
}

/// What was replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The last event that is in it.
    pub position: u64,
    /// How many rows each table has.
    pub tables: Vec<(&'static str, u64)>,
    /// The SHA-256 of all that was told, in hexadecimal.
    pub sha256: String,
    /// How many rows differ from those that serve; none were compared when it is of the past.
    pub differences: Option<u64>,
}

/// How an attempt ended.
enum Outcome<T> {
    Done(T),
    /// Something was erased meanwhile.
    Stale,
}

impl Projections {
    /// Makes the rows of a workspace as of a position again. Every row that differs from those that serve is told as it is
    /// found, where they are compared.
    pub async fn replay(
        &self,
        mut order: ReplayOrder<'_>,
        watch: Watch<'_>,
        found: &mut (dyn FnMut(Difference) + Send),
    ) -> Result<Replayed, ProjectionsError> {
        let workspace = order.workspace;
        for _ in 0..ATTEMPTS {
            let head = self.patiently(async || head(self.pool(), workspace).await).await?;
            let last = head.position.unsigned_abs();
            let until = order.until.unwrap_or(last);
            if until > last {
                return Err(ProjectionsError::BeyondHead { head: last });
            }
            let begun = async || Target::begin(self, workspace, head.erasures, order.into).await;
            let target = self.patiently(begun).await?;
            let outcome = self.made(&target, &mut order, until, watch, found).await;
            // Also after a failure, as far as that lets us: what is left of a generation aside, the next run removes.
            let is_whole = matches!(outcome, Ok(Outcome::Done(_)));
            let ended = self.patiently(async || target.end(is_whole).await).await;
            if let Outcome::Done(replayed) = outcome? {
                ended?;
                return Ok(replayed);
            }
        }
        Err(ProjectionsError::GivenUp)
    }

    async fn made(
        &self,
        target: &Target,
        order: &mut ReplayOrder<'_>,
        until: u64,
        watch: Watch<'_>,
        found: &mut (dyn FnMut(Difference) + Send),
    ) -> Result<Outcome<Replayed>, ProjectionsError> {
        let mut position = until;
        if let Outcome::Stale = self.fill_up_to(target, position, watch).await? {
            return Ok(Outcome::Stale);
        }
        let mut differences = None;
        if order.until.is_none() {
            // One that is cut off tells again what it told: all of that comes in the same order.
            let mut told = 0;
            let compared = self.patiently(async || {
                let mut nth = 0_u64;
                let mut tell = |difference| {
                    nth += 1;
                    if nth > told {
                        told = nth;
                        found(difference);
                    }
                };
                compare::with_serving(self, target, &mut *watch, &mut tell).await
            });
            let Outcome::Done(compared) = compared.await? else { return Ok(Outcome::Stale) };
            position = compared.position;
            differences = Some(compared.differences);
        }
        let told = self.patiently(async || {
            export::tell(
                target,
                position,
                order.export.as_mut().map(|export| &mut **export as &mut dyn Export),
            )
            .await
        });
        let export::Told { tables, sha256 } = told.await?;
        // What was told may have been erased while it was.
        let now = self.patiently(async || head(self.pool(), target.workspace).await).await?;
        if now.erasures != target.erasures {
            return Ok(Outcome::Stale);
        }
        Ok(Outcome::Done(Replayed { position, tables, sha256, differences }))
    }

    /// Fills the target, and is sure to have come exactly so far.
    async fn fill_up_to(
        &self,
        target: &Target,
        until: u64,
        watch: Watch<'_>,
    ) -> Result<Outcome<()>, ProjectionsError> {
        let mut failures = 0;
        loop {
            match target.next_batch(self, until).await {
                Ok(Outcome::Stale) => return Ok(Outcome::Stale),
                Ok(Outcome::Done(position)) => {
                    failures = 0;
                    watch(Progress { generation: target.generation, position, head: until });
                    if position == until {
                        return Ok(Outcome::Done(()));
                    }
                    if position > until {
                        return Err(ProjectionsError::GivenUp);
                    }
                }
                Err(error) => self.after(error, &mut failures).await?,
            }
        }
    }

    /// Does something again for as long as a database may only be away for a moment.
    async fn patiently<T>(
        &self,
        mut work: impl AsyncFnMut() -> Result<T, ProjectionsError>,
    ) -> Result<T, ProjectionsError> {
        let mut failures = 0;
        loop {
            match work().await {
                Ok(done) => return Ok(done),
                Err(error) => self.after(error, &mut failures).await?,
            }
        }
    }

    /// Waits after a failure that may pass; any other one, and one too many, is the answer.
    async fn after(&self, error: ProjectionsError, failures: &mut u32) -> Result<(), ProjectionsError> {
        if !matches!(&error, ProjectionsError::Log(LogError::Unavailable(_))) || *failures >= FILL {
            return Err(error);
        }
        tracing::warn!(%error, "a replay was interrupted, and goes on");
        tokio::time::sleep(PAUSE * 2_u32.pow(*failures)).await;
        *failures += 1;
        Ok(())
    }
}

/// What the workspace's head says.
async fn head(pool: &PgPool, workspace: WorkspaceId) -> Result<Head, ProjectionsError> {
    let head = sqlx::query_as(HEAD).bind(workspace.uuid()).fetch_optional(pool).await?;
    head.ok_or(ProjectionsError::NoWorkspace(workspace))
}
