//! Making the read models again from the log, and checking them against it.
//!
//! # The story of a rebuild
//! It begins a generation beside the one in service ([`generation`]), or goes on with one that a run which died has
//! left, and fills it from the log in batches ([`filling`]): each is a transaction that reads the next events, applies
//! them and moves the position reached, so a kill costs at most the batch under way, and two runs at once only take
//! turns. Meanwhile the old generation is written and read as ever, by every process. The last batches are taken with
//! the workspace's head locked, so that writers cannot outrun them; the one that arrives makes the head name the new
//! generation ([`rebuild`]). From that commit on every writer writes it and every reader reads it, because both learn
//! the generation from the head. Then the old rows are deleted, in batches.
//!
//! # And of a verification
//! It fills a generation aside the same way. Then one transaction with one snapshot of everything brings it to the
//! position of that snapshot and compares it row by row with the one in service ([`verify`]): no lock, and nothing
//! that is written meanwhile counts. What it filled is thrown away.
//!
//! # And of a replay
//! It makes the rows of any moment in a place of their own ([`replay`]).
//!
//! All projections of a workspace share its generation and are made together: docs/adr/0010.

mod filling;
mod generation;
mod list;
mod rebuild;
mod replay;
mod verify;

use interflow_application::log::LogError;
use interflow_domain::WorkspaceId;
use sqlx::PgPool;

use crate::event_log::{Failure, PgEventLog};

pub use crate::read_models::{PROJECTIONS, Projection};
pub use list::{Filling, Outdated, ProjectionStatus, Status};
pub use rebuild::Rebuilt;
pub use replay::{Export, ReplayOrder, Replayed};
pub use verify::{Difference, Fault, Verified};

/// Events in a batch.
const BATCH: u32 = 1000;

/// The projections of every workspace.
#[derive(Clone)]
pub struct Projections {
    log: PgEventLog,
    batch: u32,
}

/// How far a rebuild or a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The generation that is filled.
    pub generation: i32,
    /// The last event that is in it.
    pub position: u64,
    /// The last event there is, as far as is known.
    pub head: u64,
}

/// Is told how far it is, after every batch; first, where it begins.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Why projections were not made or checked.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionsError {
    /// Nothing was ever written in it.
    #[error("there is no workspace {0}")]
    NoWorkspace(WorkspaceId),
    /// What was filled is not there any more.
    #[error("another run has ended this one, or personal data is being erased all the time: start it again")]
    GivenUp,
    /// The log does not go so far.
    #[error("the log ends with event {head}")]
    BeyondHead {
        /// Its last position.
        head: u64,
    },
    /// A place for a replay is a log's own.
    #[error("that database has a log of workspace {0}: a replay is made where there is none")]
    HasALog(WorkspaceId),
    /// What was replayed could not be told.
    #[error("what was replayed cannot be written")]
    Export(#[from] std::io::Error),
    /// The log or the database.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<Failure> for ProjectionsError {
    fn from(failure: Failure) -> Self {
        Self::Log(failure.into())
    }
}

impl From<sqlx::Error> for ProjectionsError {
    fn from(error: sqlx::Error) -> Self {
        Failure::from(error).into()
    }
}

impl Projections {
    /// The projections of the workspaces in this log.
    #[must_use]
    pub fn new(log: &PgEventLog) -> Self {
        Self { log: log.clone(), batch: BATCH }
    }

    /// The same, filling with so many events at a time.
    #[must_use]
    pub fn in_batches_of(self, events: u32) -> Self {
        Self { batch: events.max(1), ..self }
    }

    /// Every workspace that has a log.
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceId>, ProjectionsError> {
        let sql = "SELECT workspace_id FROM heads WHERE position > 0 ORDER BY workspace_id";
        let ids = sqlx::query_scalar(sql).fetch_all(self.pool()).await?;
        Ok(ids.into_iter().map(WorkspaceId::new).collect())
    }

    /// Removes the rows that were made aside before the last erasure: they may show what was erased.
    pub async fn forget_stale(&self, workspace: WorkspaceId) -> Result<(), ProjectionsError> {
        generation::forget_stale(self.pool(), workspace).await
    }

    fn pool(&self) -> &PgPool {
        self.log.pool()
    }
}
