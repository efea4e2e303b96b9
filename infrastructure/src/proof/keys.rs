//! The keys that sign checkpoints: one a workspace, and for a while the one before beside it.
//!
//! A key is made when a log is first sealed. When another takes over, both sign the checkpoint of that moment, which is
//! kept: whoever trusts the old key learns the new one from it. The old one signs beside the new one until it retires; then
//! its private half is destroyed, and what it signed can still be checked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::proof::{Checkpoint, Hash, Note, PublishedKey, Signer, Verifier};
use interflow_domain::WorkspaceId;
use interflow_vault::RootKeys;
use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::seal::{BEGIN, Log};
use super::{PgProofs, audit_key};
use crate::event_log::Failure;

const IN_FORCE: &str = "SELECT public_key, sealed FROM audit_keys WHERE workspace_id = $1 AND sealed IS NOT NULL \
     AND (retires_at IS NULL OR retires_at > clock_timestamp()) ORDER BY created_at, public_key";
const MAKE: &str = "INSERT INTO audit_keys (workspace_id, public_key, sealed) VALUES ($1, $2, $3)";
const RETIRE: &str = "UPDATE audit_keys SET retires_at = clock_timestamp() + $3 \
     WHERE workspace_id = $1 AND public_key <> $2 AND (retires_at IS NULL OR retires_at > clock_timestamp() + $3) \
     RETURNING retires_at";
const DESTROY: &str = "UPDATE audit_keys SET sealed = NULL \
     WHERE workspace_id = $1 AND sealed IS NOT NULL AND retires_at <= clock_timestamp()";
const PUBLISHED: &str = "SELECT l.origin, k.public_key, k.created_at, k.retires_at \
     FROM audit_logs l JOIN audit_keys k USING (workspace_id) WHERE workspace_id = $1 \
     ORDER BY k.created_at DESC, k.public_key";
const BEGIN_LOG: &str =
    "INSERT INTO audit_logs (workspace_id, origin) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1";
const KEEP: &str =
    "INSERT INTO audit_checkpoints (workspace_id, size, signed_at, note) VALUES ($1, $2, $3, $4)";

/// A key that took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The new key.
    pub key: Verifier,
    /// When the one before stops signing.
    pub retires_at: Option<DateTime<Utc>>,
    /// What both have signed; none when nothing was sealed yet.
    pub note: Option<String>,
}

impl PgProofs {
    /// Begins the tree of a workspace that has none, with its first key.
    pub(super) async fn begin(&self, workspace: WorkspaceId) -> Result<(), Failure> {
        let mut transaction = self.pool.begin().await?;
        let first = Signer::random("first");
        let origin = origin(workspace, &first.verifier());
        let query = sqlx::query(BEGIN_LOG).bind(workspace.uuid()).bind(&origin);
        if query.fetch_optional(&mut *transaction).await?.is_some() {
            self.store(&mut transaction, workspace, &first).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Makes a new key the one that signs. The one before signs beside it for so long.
    pub async fn rotate(&self, workspace: WorkspaceId, overlap: Duration) -> Result<Rotated, LogError> {
        Ok(self.take_over(workspace, overlap).await?)
    }

    async fn take_over(&self, workspace: WorkspaceId, overlap: Duration) -> Result<Rotated, Failure> {
        self.begin(workspace).await?;
        let mut transaction = self.pool.begin_with(BEGIN).await?;
        let log = Log::locked(&mut transaction, workspace).await?;
        let new = Signer::random(&log.origin);
        let key = new.verifier();
        self.store(&mut transaction, workspace, &new).await?;
        // Before the old one retires, which may be at once.
        let signers = self.in_force(&mut transaction, workspace, &log.origin).await?;
        let overlap =
            PgInterval::try_from(overlap).map_err(|_| Failure::unavailable("too long an overlap"))?;
        let retired = sqlx::query_scalar(RETIRE)
            .bind(workspace.uuid())
            .bind(key.public().as_slice())
            .bind(overlap)
            .fetch_all(&mut *transaction)
            .await?;
        let note = log.checkpoint.as_ref().map(|checkpoint| Note::signed(&checkpoint.to_string(), &signers));
        if let (Some(checkpoint), Some(note)) = (&log.checkpoint, &note) {
            let at = log.sign(&mut transaction, checkpoint, note).await?;
            keep(&mut transaction, workspace, checkpoint, (at, note)).await?;
        }
        transaction.commit().await?;
        Ok(Rotated { key, retires_at: retired.into_iter().max(), note })
    }

    async fn store(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        signer: &Signer,
    ) -> Result<(), Failure> {
        let public = signer.verifier().public();
        let sealed = self.key.seal(&place(workspace, &public), &signer.seed());
        let query = sqlx::query(MAKE).bind(workspace.uuid()).bind(public.as_slice()).bind(sealed);
        query.execute(connection).await?;
        Ok(())
    }

    /// The keys that sign now, the oldest first. Those whose time is over lose their private halves.
    pub(super) async fn in_force(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        origin: &str,
    ) -> Result<Vec<Signer>, Failure> {
        sqlx::query(DESTROY).bind(workspace.uuid()).execute(&mut *connection).await?;
        let query = sqlx::query_as(IN_FORCE).bind(workspace.uuid());
        let rows: Vec<(Vec<u8>, Vec<u8>)> = query.fetch_all(connection).await?;
        let open = |(public, sealed): (Vec<u8>, Vec<u8>)| {
            let seed = self.key.open(&place(workspace, &public), &sealed).ok();
            let seed: Option<[u8; 32]> = seed.and_then(|seed| seed.try_into().ok());
            seed.map(|seed| Signer::from_seed(origin, &seed)).ok_or_else(|| {
                Failure::Refused(
                    "an audit key does not open: it was sealed with another master key".to_owned(),
                )
            })
        };
        rows.into_iter().map(open).collect()
    }

    pub(super) async fn published(&self, workspace: WorkspaceId) -> Result<Vec<PublishedKey>, Failure> {
        type Row = (String, Vec<u8>, DateTime<Utc>, Option<DateTime<Utc>>);
        let rows: Vec<Row> = sqlx::query_as(PUBLISHED).bind(workspace.uuid()).fetch_all(&self.pool).await?;
        let key = |(origin, public, created_at, retires_at): Row| {
            let public: Option<[u8; 32]> = public.try_into().ok();
            let verifier = public.and_then(|public| Verifier::new(&origin, &public));
            let verifier = verifier.ok_or_else(|| Failure::Refused("an audit key is none".to_owned()))?;
            Ok(PublishedKey { verifier, created_at, retires_at })
        };
        rows.into_iter().map(key).collect()
    }
}

/// Seals the private halves under the root keys that come next: there are some for each workspace. What is already is left;
/// with what opens with neither nothing could be signed before.
pub(crate) async fn seal_anew(pool: &PgPool, before: &RootKeys, next: &RootKeys) -> Result<(), sqlx::Error> {
    const ALL: &str =
        "SELECT workspace_id, public_key, sealed FROM audit_keys WHERE sealed IS NOT NULL FOR UPDATE";
    const WRITE: &str = "UPDATE audit_keys a SET sealed = n.sealed \
         FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n(workspace_id, public_key, sealed) \
         WHERE a.workspace_id = n.workspace_id AND a.public_key = n.public_key";
    let (old, new) = (audit_key(before), audit_key(next));
    let mut transaction = pool.begin().await?;
    let rows: Vec<(Uuid, Vec<u8>, Vec<u8>)> = sqlx::query_as(ALL).fetch_all(&mut *transaction).await?;
    let (mut workspaces, mut publics, mut halves) = (vec![], vec![], vec![]);
    for (workspace, public, sealed) in rows {
        let place = place(WorkspaceId::new(workspace), &public);
        if let Ok(seed) = old.open(&place, &sealed) {
            halves.push(new.seal(&place, &seed));
            workspaces.push(workspace);
            publics.push(public);
        }
    }
    let write = sqlx::query(WRITE).bind(workspaces).bind(publics).bind(halves);
    write.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Keeps a checkpoint for ever.
pub(super) async fn keep(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    checkpoint: &Checkpoint,
    (at, note): (DateTime<Utc>, &str),
) -> Result<(), Failure> {
    let query =
        sqlx::query(KEEP).bind(workspace.uuid()).bind(checkpoint.size.cast_signed()).bind(at).bind(note);
    query.execute(connection).await?;
    Ok(())
}

/// What a tree is called. A workspace of another server may have the same id: its first key tells them apart.
fn origin(workspace: WorkspaceId, first: &Verifier) -> String {
    let [a, b, c, d, ..] = Hash::of(&first.public()).0;
    format!("interflow/{workspace}/{:08x}", u32::from_be_bytes([a, b, c, d]))
}

fn place(workspace: WorkspaceId, public: &[u8]) -> Vec<u8> {
    [workspace.uuid().as_bytes(), public].concat()
}
