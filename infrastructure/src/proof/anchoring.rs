//! Putting checkpoints where they stay: on a schedule, for every log in which something has happened.
//!
//! They are kept in the database, from where they are told in the log itself, and so to webhooks and whoever else listens;
//! and in a file. What is kept and not told yet is told by whichever server comes to it: the same checkpoint is the same
//! stream, so it is told once.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_application::log::LogError;
use interflow_application::proof::TransparencyLog as _;
use interflow_application::{Actor, AnchorCheckpoint, Context, Core, Error};
use interflow_domain::WorkspaceId;
use sqlx::postgres::types::PgInterval;
use sqlx::types::Uuid;
use tokio::time::Instant;

use super::PgProofs;
use super::anchors::{Anchor, AnchorFile, AnchorFileError};
use super::seal::checkpoint_of;
use crate::event_log::Failure;

/// How often it is looked which logs are due, at the least.
const LOOK: Duration = Duration::from_secs(60);

const LATEST: &str = "SELECT workspace_id, size, signed_at, checkpoint, clock_timestamp() FROM audit_logs \
     WHERE checkpoint IS NOT NULL ORDER BY workspace_id";
/// Due is a log whose last kept checkpoint, or whose first key, is so old, and in which something else has happened than
/// that a checkpoint was told.
const KEEP: &str = "INSERT INTO audit_checkpoints (workspace_id, size, signed_at, note) \
     SELECT l.workspace_id, l.size, l.signed_at, l.checkpoint FROM audit_logs l \
     LEFT JOIN LATERAL (SELECT c.size, c.signed_at FROM audit_checkpoints c WHERE c.workspace_id = l.workspace_id \
         ORDER BY c.size DESC, c.signed_at DESC LIMIT 1) last ON true \
     WHERE l.checkpoint IS NOT NULL AND l.size > 0 \
         AND coalesce(last.signed_at, (SELECT min(k.created_at) FROM audit_keys k \
             WHERE k.workspace_id = l.workspace_id)) <= clock_timestamp() - $1 \
         AND EXISTS (SELECT FROM events e WHERE e.workspace_id = l.workspace_id \
             AND e.position > coalesce(last.size, 0) AND e.position <= l.size AND e.aggregate_type <> 'checkpoint') \
     ON CONFLICT DO NOTHING";
const UNTOLD: &str = "SELECT workspace_id, size, signed_at, note FROM audit_checkpoints WHERE NOT told \
     ORDER BY workspace_id, size, signed_at LIMIT 1000";
const TOLD: &str =
    "UPDATE audit_checkpoints SET told = true WHERE workspace_id = $1 AND size = $2 AND signed_at = $3";

/// Where checkpoints are anchored, and how often.
#[derive(Debug, Clone)]
pub struct Anchoring {
    /// A file outside of the database.
    pub file: Option<PathBuf>,
    /// How often, for a log in which something has happened.
    pub every: Duration,
}

/// What anchors, for as long as a server runs.
pub(super) struct Anchors {
    core: Core,
    file: Option<AnchorFile>,
    every: Duration,
    next: Instant,
}

impl Anchors {
    pub(super) fn open(core: Core, anchoring: &Anchoring) -> Result<Self, AnchorFileError> {
        let file = anchoring.file.as_deref().map(AnchorFile::open).transpose()?;
        Ok(Self { core, file, every: anchoring.every, next: Instant::now() })
    }

    /// When it is to be looked next.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// Anchors what is due.
    pub(super) async fn anchor(&mut self, proofs: &PgProofs) {
        if self.next > Instant::now() {
            return;
        }
        self.next = Instant::now() + self.every.min(LOOK);
        if let Err(error) = self.keep_and_tell(proofs).await {
            tracing::warn!(%error, "checkpoints could not be anchored in the log: it is tried again");
        }
        let Some(file) = &mut self.file else { return };
        match proofs.grown(file, self.every).await {
            Ok(anchors) if anchors.is_empty() => {}
            Ok(anchors) => {
                if let Err(error) = file.add(anchors) {
                    tracing::error!(%error, "checkpoints could not be anchored");
                }
            }
            Err(error) => tracing::warn!(%error, "checkpoints could not be anchored: it is tried again"),
        }
    }

    async fn keep_and_tell(&self, proofs: &PgProofs) -> Result<(), Error> {
        proofs.keep_due(self.every).await.map_err(LogError::from)?;
        for anchor in proofs.untold().await.map_err(LogError::from)? {
            let checkpoint = checkpoint_of(&anchor.note).map_err(LogError::from)?;
            let request = format!("req_{}", self.core.ids.next().simple());
            let context = Context::internal(anchor.workspace, Actor::System("sealer"), request);
            self.core.run(&context, &AnchorCheckpoint { checkpoint, note: anchor.note.clone() }).await?;
            proofs.note_told(&anchor).await.map_err(LogError::from)?;
        }
        Ok(())
    }
}

impl PgProofs {
    async fn keep_due(&self, every: Duration) -> Result<(), Failure> {
        let microseconds = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        let every = PgInterval { months: 0, days: 0, microseconds };
        sqlx::query(KEEP).bind(every).execute(&self.pool).await?;
        Ok(())
    }

    async fn untold(&self) -> Result<Vec<Anchor>, Failure> {
        let rows: Vec<(Uuid, i64, DateTime<Utc>, String)> =
            sqlx::query_as(UNTOLD).fetch_all(&self.pool).await?;
        let anchor = |(id, size, at, note): (Uuid, i64, DateTime<Utc>, String)| Anchor {
            at,
            workspace: WorkspaceId::new(id),
            size: size.unsigned_abs(),
            note,
        };
        Ok(rows.into_iter().map(anchor).collect())
    }

    async fn note_told(&self, anchor: &Anchor) -> Result<(), Failure> {
        let query = sqlx::query(TOLD).bind(anchor.workspace.uuid()).bind(anchor.size.cast_signed());
        query.bind(anchor.at).execute(&self.pool).await?;
        Ok(())
    }

    /// The checkpoints that a file is to have more. A tree that does not begin with the last one that the file has is told,
    /// and left out.
    async fn grown(&self, file: &AnchorFile, every: Duration) -> Result<Vec<Anchor>, LogError> {
        type Row = (Uuid, i64, DateTime<Utc>, String, DateTime<Utc>);
        let every = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        let rows: Vec<Row> = sqlx::query_as(LATEST).fetch_all(&self.pool).await.map_err(Failure::from)?;
        let mut grown = vec![];
        for (id, size, at, note, now) in rows {
            let anchor = Anchor { at, workspace: WorkspaceId::new(id), size: size.unsigned_abs(), note };
            let Some(last) = file.last.get(&anchor.workspace) else {
                grown.push(anchor);
                continue;
            };
            if last.note == anchor.note || now - last.at < every {
                continue;
            }
            if self.continues(last, &anchor).await? {
                grown.push(anchor);
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
