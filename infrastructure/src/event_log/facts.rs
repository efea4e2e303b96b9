//! Reading, under the head lock, what a group is judged by.
//!
//! These are statements of their own, later than the one that locks: under READ COMMITTED each has a snapshot newer
//! than the lock. A statement that locks and reads at once was seen to read the version before the wait.

use std::collections::{BTreeSet, HashMap};

use interflow_application::ClaimKind;
use interflow_application::log::{Rider, StreamId};
use interflow_domain::{InstanceId, Subject, WorkspaceId};
use interflow_vault::SealingKey;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::failure::Failure;
use super::prepared::{ClaimKey, Prepared};
use super::ruling::{Facts, KnownCommand};
use crate::answers::{COMMAND_COLUMNS, CommandRow};

/// Scalar subqueries and not a join: each is one descent of the index, whatever the planner believes of the table.
const VERSIONS: &str = "SELECT (SELECT s.version FROM streams s WHERE s.workspace_id = $1 \
     AND s.aggregate_type = q.type AND s.aggregate_id = q.id) \
     FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS q(type, id, n) ORDER BY q.n";
const HOLDERS: &str = "SELECT c.kind, c.value_hash, c.owner_type, c.owner_id \
     FROM unnest($2::text[], $3::bytea[]) AS q(kind, hash), \
     LATERAL (SELECT * FROM claims c WHERE c.workspace_id = $1 AND c.kind = q.kind AND c.value_hash = q.hash) c";
const ERASED: &str = "SELECT subject FROM erased_subjects WHERE workspace_id = $1 AND subject = ANY($2)";
const EPOCHS: &str =
    "SELECT instance_id, epoch FROM leases WHERE workspace_id = $1 AND instance_id = ANY($2)";

impl Facts {
    /// Reads what the group names: one statement for each kind of thing, and none for a kind it does not name. Of the
    /// subjects it seals for, those count of whom no key is known to be in use.
    pub(super) async fn read(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        group: &[Prepared],
        answers: &SealingKey,
        unknown: BTreeSet<Subject>,
    ) -> Result<Self, Failure> {
        let streams: BTreeSet<StreamId> = parts(group).collect();
        let claims: BTreeSet<ClaimKey> = group
            .iter()
            .flat_map(|one| one.holds.iter().chain(&one.releases).chain(&one.takes))
            .map(|(claim, _)| *claim)
            .collect();
        let (mut commands, mut instances) = (BTreeSet::new(), BTreeSet::new());
        for rider in group.iter().flat_map(|one| &one.append.riders) {
            match rider {
                Rider::Command { command, .. } => drop(commands.insert(command.id.as_slice())),
                Rider::Fence { instance, .. } => drop(instances.insert(instance.uuid())),
                Rider::Send { .. } | Rider::SendDone { .. } => {}
            }
        }
        let streams: Vec<_> = streams.into_iter().collect();
        Ok(Self {
            versions: stream_versions(connection, workspace, &streams).await?,
            commands: known_commands(connection, workspace, commands.into_iter().collect(), answers).await?,
            epochs: epochs(connection, workspace, instances.into_iter().collect()).await?,
            holders: holders(connection, workspace, claims).await?,
            erased: erased(connection, workspace, unknown).await?,
        })
    }
}

fn parts(group: &[Prepared]) -> impl Iterator<Item = StreamId> {
    group.iter().flat_map(|one| one.append.streams.iter().map(|part| part.stream))
}

/// The versions of those of the streams that have events.
pub(super) async fn stream_versions(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    streams: &[StreamId],
) -> Result<HashMap<StreamId, u64>, Failure> {
    if streams.is_empty() {
        return Ok(HashMap::new());
    }
    let types: Vec<_> = streams.iter().map(|stream| stream.aggregate_type()).collect();
    let ids: Vec<_> = streams.iter().map(|stream| stream.aggregate_id()).collect();
    let versions: Vec<Option<i64>> = sqlx::query_scalar(VERSIONS)
        .bind(workspace.uuid())
        .bind(types)
        .bind(ids)
        .fetch_all(connection)
        .await?;
    if versions.len() != streams.len() {
        return Err(Failure::Refused("a stream's version was not answered".to_owned()));
    }
    let known = streams.iter().zip(versions);
    Ok(known.filter_map(|(stream, version)| Some((*stream, u64::try_from(version?).ok()?))).collect())
}

async fn known_commands(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<&[u8]>,
    answers: &SealingKey,
) -> Result<HashMap<[u8; 32], KnownCommand>, Failure> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql =
        format!("SELECT {COMMAND_COLUMNS} FROM commands WHERE workspace_id = $1 AND command_id = ANY($2)");
    let rows: Vec<CommandRow> =
        sqlx::query_as(&sql).bind(workspace.uuid()).bind(ids).fetch_all(connection).await?;
    let mut known = HashMap::new();
    for row in rows {
        let (id, expires_at, recorded) = row.open(workspace, answers)?;
        known.insert(id, KnownCommand { expires_at, recorded });
    }
    Ok(known)
}

async fn epochs(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    instances: Vec<Uuid>,
) -> Result<HashMap<InstanceId, i64>, Failure> {
    if instances.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, i64)> =
        sqlx::query_as(EPOCHS).bind(workspace.uuid()).bind(instances).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(instance, epoch)| (InstanceId::new(instance), epoch)).collect())
}

async fn erased(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    subjects: BTreeSet<Subject>,
) -> Result<BTreeSet<Subject>, Failure> {
    if subjects.is_empty() {
        return Ok(BTreeSet::new());
    }
    let named: Vec<_> = subjects.iter().map(ToString::to_string).collect();
    let found: Vec<String> =
        sqlx::query_scalar(ERASED).bind(workspace.uuid()).bind(named).fetch_all(connection).await?;
    Ok(subjects.into_iter().filter(|subject| found.contains(&subject.to_string())).collect())
}

async fn holders(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    claims: BTreeSet<ClaimKey>,
) -> Result<HashMap<ClaimKey, StreamId>, Failure> {
    if claims.is_empty() {
        return Ok(HashMap::new());
    }
    let kinds: Vec<_> = claims.iter().map(|(kind, _)| kind.name()).collect();
    let hashes: Vec<_> = claims.iter().map(|(_, hash)| hash.as_slice()).collect();
    let rows: Vec<(String, Vec<u8>, String, String)> =
        sqlx::query_as(HOLDERS).bind(workspace.uuid()).bind(kinds).bind(hashes).fetch_all(connection).await?;
    let named: HashMap<(&str, &[u8]), ClaimKey> = claims
        .iter()
        .map(|claim: &(ClaimKind, [u8; 32])| ((claim.0.name(), claim.1.as_slice()), *claim))
        .collect();
    let mut held = HashMap::new();
    for (kind, hash, owner_type, owner_id) in &rows {
        let claim = named.get(&(kind.as_str(), hash.as_slice()));
        let owner = StreamId::parse(owner_type, owner_id);
        let (Some(claim), Some(owner)) = (claim, owner) else {
            return Err(Failure::Refused(format!(
                "a claim of kind {kind} is held by an unknown {owner_type}"
            )));
        };
        held.insert(*claim, owner);
    }
    Ok(held)
}
