//! Putting checkpoints where they stay: on a schedule, for every log that has grown.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::proof::TransparencyLog as _;
use interflow_domain::WorkspaceId;
use sqlx::postgres::types::PgInterval;
use sqlx::types::Uuid;
use tokio::time::Instant;

use super::PgProofs;
use super::anchors::{Anchor, AnchorFile, AnchorFileError};
use crate::event_log::Failure;

const LATEST: &str = "SELECT workspace_id, size, signed_at, checkpoint FROM audit_logs WHERE checkpoint IS NOT NULL \
     ORDER BY workspace_id";
/// Of several servers one does it: half a time is enough to tell its turn from that of the others.
const KEEP: &str = "INSERT INTO audit_checkpoints (workspace_id, size, signed_at, note) \
     SELECT workspace_id, size, signed_at, checkpoint FROM audit_logs l \
     WHERE checkpoint IS NOT NULL AND size > 0 AND NOT EXISTS (SELECT FROM audit_checkpoints c \
         WHERE c.workspace_id = l.workspace_id AND (c.size >= l.size OR c.signed_at > clock_timestamp() - $1)) \
     ON CONFLICT DO NOTHING";

/// Where checkpoints are anchored, and how often.
#[derive(Debug, Clone)]
pub struct Anchoring {
    /// A file outside of the database.
    pub file: Option<PathBuf>,
    /// How often.
    pub every: Duration,
}

/// What anchors, for as long as a server runs.
pub(super) struct Anchors {
    file: Option<AnchorFile>,
    every: Duration,
    next: Instant,
}

impl Anchors {
    pub(super) fn open(anchoring: &Anchoring) -> Result<Self, AnchorFileError> {
        let file = anchoring.file.as_deref().map(AnchorFile::open).transpose()?;
        Ok(Self { file, every: anchoring.every, next: Instant::now() })
    }

    /// When it is to be done next.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// Anchors what has grown, if it is time.
    pub(super) async fn anchor(&mut self, proofs: &PgProofs) {
        if self.next > Instant::now() {
            return;
        }
        self.next = Instant::now() + self.every;
        match proofs.keep_checkpoints(self.every / 2).await {
            Ok(()) => {}
            Err(failure) => tracing::warn!(?failure, "checkpoints could not be kept: it is tried again"),
        }
        let Some(file) = &mut self.file else { return };
        match proofs.grown(file).await {
            Ok(anchors) if anchors.is_empty() => {}
            Ok(anchors) => {
                if let Err(error) = file.add(anchors) {
                    tracing::error!(%error, "checkpoints could not be anchored");
                }
            }
            Err(error) => tracing::warn!(%error, "checkpoints could not be anchored: it is tried again"),
        }
    }
}

impl PgProofs {
    async fn keep_checkpoints(&self, pause: Duration) -> Result<(), Failure> {
        let pause = PgInterval {
            months: 0,
            days: 0,
            microseconds: i64::try_from(pause.as_micros()).unwrap_or(i64::MAX),
        };
        sqlx::query(KEEP).bind(pause).execute(&self.pool).await?;
        Ok(())
    }

    /// The checkpoints that go beyond those of a file. A tree that does not begin with the one that the file has is told,
    /// and left out.
    async fn grown(&self, file: &AnchorFile) -> Result<Vec<Anchor>, LogError> {
        type Row = (Uuid, i64, DateTime<Utc>, String);
        let rows: Vec<Row> = sqlx::query_as(LATEST).fetch_all(&self.pool).await.map_err(Failure::from)?;
        let mut grown = vec![];
        for (id, size, at, note) in rows {
            let anchor = Anchor { at, workspace: WorkspaceId::new(id), size: size.unsigned_abs(), note };
            let Some(last) = file.last.get(&anchor.workspace) else {
                grown.push(anchor);
                continue;
            };
            if last.size == anchor.size && last.note == anchor.note {
                continue;
            }
            if self.continues(last, &anchor).await? {
                if last.size < anchor.size {
                    grown.push(anchor);
                }
            } else {
                tracing::error!(
                    workspace = %anchor.workspace,
                    anchored = last.size,
                    "the log is not the one whose checkpoint is in the anchor file: run `interflow audit verify`"
                );
            }
        }
        Ok(grown)
    }

    /// Whether a tree begins with the one that was anchored.
    async fn continues(&self, last: &Anchor, now: &Anchor) -> Result<bool, LogError> {
        let workspace = now.workspace;
        let (Some(last), Some(now)) = (last.checkpoint(), now.checkpoint()) else { return Ok(false) };
        if last.origin != now.origin || last.size > now.size {
            return Ok(false);
        }
        let then = self.hashes(workspace, std::slice::from_ref(&(0..last.size))).await?;
        Ok(then.is_some_and(|roots| roots == [last.root]))
    }
}
