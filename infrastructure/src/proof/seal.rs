//! Sealing some events of one workspace: one transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::proof::tile::{Edge, edge_of};
use interflow_application::proof::{Checkpoint, Note};
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{PgProofs, leaves, tree};
use crate::event_log::Failure;

/// A server that is paused while it holds the lock is cut off, so that another can seal. No commit waits for the disk:
/// what a crash takes back is made again, the same.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL lock_timeout = '10s'; \
     SET LOCAL statement_timeout = '30s'; \
     SET LOCAL idle_in_transaction_session_timeout = '15s'; \
     SET LOCAL jit = off";
const NO_WAIT_FOR_THE_DISK: &str = "SET LOCAL synchronous_commit = off";

/// Most events of a seal.
pub(super) const BATCH: u32 = 4096;

const LOCK: &str = "SELECT origin, size, checkpoint FROM audit_logs WHERE workspace_id = $1 FOR UPDATE";
const SIGN: &str = "UPDATE audit_logs SET size = $2, checkpoint = $3, signed_at = clock_timestamp() \
     WHERE workspace_id = $1 RETURNING signed_at";
/// Also those whose log is shorter than its tree: that is told.
const BEHIND: &str = "SELECT h.workspace_id FROM heads h LEFT JOIN audit_logs l USING (workspace_id) \
     WHERE h.position <> coalesce(l.size, 0) ORDER BY h.workspace_id";

/// How soon it is looked again whether another server has finished.
const BUSY: Duration = Duration::from_millis(20);

/// How a seal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The tree has grown, and there is more.
    More,
    /// Everything is sealed.
    Done,
    /// Another server is sealing this log.
    Busy,
}

/// A tree that this transaction has locked.
pub(super) struct Log {
    workspace: WorkspaceId,
    pub(super) origin: String,
    size: u64,
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Log {
    /// Waits for whoever is sealing.
    pub(super) async fn locked(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<Self, Failure> {
        let log = Self::lock(connection, workspace, "").await?;
        log.ok_or_else(|| Failure::Refused("the workspace's tree is not begun".to_owned()))
    }

    async fn lock(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        how: &str,
    ) -> Result<Option<Self>, Failure> {
        let sql = format!("{LOCK}{how}");
        let row: Option<(String, i64, Option<String>)> =
            sqlx::query_as(&sql).bind(workspace.uuid()).fetch_optional(connection).await?;
        let Some((origin, size, note)) = row else { return Ok(None) };
        let checkpoint = note.map(|note| checkpoint_of(&note)).transpose()?;
        Ok(Some(Self { workspace, origin, size: size.unsigned_abs(), checkpoint }))
    }

    /// Writes the latest checkpoint, and says when.
    pub(super) async fn sign(
        &self,
        connection: &mut PgConnection,
        checkpoint: &Checkpoint,
        note: &str,
    ) -> Result<DateTime<Utc>, Failure> {
        let query = sqlx::query_scalar(SIGN).bind(self.workspace.uuid());
        Ok(query.bind(checkpoint.size.cast_signed()).bind(note).fetch_one(connection).await?)
    }
}

impl PgProofs {
    /// The workspaces whose trees are not as large as their logs.
    pub(super) async fn behind(&self) -> Result<Vec<WorkspaceId>, Failure> {
        let ids: Vec<Uuid> = sqlx::query_scalar(BEHIND).fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(WorkspaceId::new).collect())
    }

    /// Seals everything that a log has now.
    pub async fn seal_up(&self, workspace: WorkspaceId) -> Result<(), LogError> {
        loop {
            match self.seal(workspace).await? {
                Step::Done => return Ok(()),
                Step::More => {}
                Step::Busy => tokio::time::sleep(BUSY).await,
            }
        }
    }

    /// Seals the next events of a log, unless another server is at it.
    pub(super) async fn seal(&self, workspace: WorkspaceId) -> Result<Step, Failure> {
        let mut transaction = self.pool.begin_with(BEGIN).await?;
        sqlx::query(NO_WAIT_FOR_THE_DISK).execute(&mut *transaction).await?;
        let Some(log) = Log::lock(&mut transaction, workspace, " SKIP LOCKED").await? else {
            drop(transaction);
            return self.begin_unless_busy(workspace).await;
        };
        let part = leaves::after(&mut transaction, workspace, log.size, BATCH).await?;
        if part.head < log.size {
            return Err(Failure::Refused(format!(
                "the log ends at event {}, and {} were sealed",
                part.head, log.size
            )));
        }
        if part.leaves.is_empty() {
            return Ok(Step::Done);
        }
        let tiles = tree::read(&mut transaction, workspace, edge_of(log.size)).await?;
        let mut edge = Edge::new(log.size, tiles)
            .ok_or_else(|| Failure::Refused("the tree lacks hashes of what was sealed".to_owned()))?;
        if log.checkpoint.as_ref().is_some_and(|sealed| sealed.root != edge.root()) {
            return Err(Failure::Refused("the tree is not the one that was signed".to_owned()));
        }
        part.leaves.iter().for_each(|leaf| edge.push(leaf.hash()));
        tree::write(&mut transaction, workspace, edge.take_changed()).await?;
        let checkpoint = Checkpoint { origin: log.origin.clone(), size: edge.size(), root: edge.root() };
        let signers = self.in_force(&mut transaction, workspace, &log.origin).await?;
        if signers.is_empty() {
            return Err(Failure::Refused("the workspace has no audit key".to_owned()));
        }
        let note = Note::signed(&checkpoint.to_string(), &signers);
        log.sign(&mut transaction, &checkpoint, &note).await?;
        transaction.commit().await?;
        Ok(if checkpoint.size < part.head { Step::More } else { Step::Done })
    }

    /// A row that cannot be locked is locked elsewhere, or not there yet.
    async fn begin_unless_busy(&self, workspace: WorkspaceId) -> Result<Step, Failure> {
        let begun: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM audit_logs WHERE workspace_id = $1)")
                .bind(workspace.uuid())
                .fetch_one(&self.pool)
                .await?;
        if begun {
            return Ok(Step::Busy);
        }
        self.begin(workspace).await?;
        Ok(Step::More)
    }
}

/// What a stored note says.
pub(super) fn checkpoint_of(note: &str) -> Result<Checkpoint, Failure> {
    let checkpoint = note.parse::<Note>().ok().and_then(|note| note.text().parse().ok());
    checkpoint.ok_or_else(|| Failure::Refused("a stored checkpoint cannot be read".to_owned()))
}
